import asyncio
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from agentui import tokens
from agentui.messages import ChatMessage, ToolCall
from agentui.tokens import TokenCounter, count_messages, count_tokens, estimate_tokens

WORDS = st.lists(
    st.sampled_from(["Thought", ":", " ", "\n", "  ", "naïve", "数据", "😀", "12345", "it's", "x = [", "//", "\t"]),
    max_size=80,
).map("".join)


def exact(text):
    encoding = tiktoken.Encoding(
        "o200k_base", pat_str=tokens._WORDS, mergeable_ranks=tokens._ranks(tokens._TABLE), special_tokens={}
    )
    return len(encoding.encode(text, disallowed_special=()))


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("hello world", 2), ("tiktoken is great!", 6), ("<|endoftext|>", 7), ("\ud800", 1)],
)
def test_known_counts(text, count):
    assert count_tokens(text) == count


def test_segments_give_the_same_count_as_the_whole():
    prose = "It's a naïve café, x = [1, 23456]  and\n\n  more — 数据。\n" * 200
    assert count_tokens(prose) == exact(prose)


@given(text=WORDS, cuts=st.lists(st.integers(0, 400), max_size=6), look=st.booleans())
def test_a_counter_agrees_with_the_whole_for_any_chunking(text, cuts, look):
    counter = TokenCounter()
    bounds = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    for start, end in zip(bounds, bounds[1:], strict=False):
        counter.add(text[start:end])
        if look:
            assert counter.tokens == count_tokens(text[:end])
    assert counter.tokens == count_tokens(text)


def test_a_counter_keeps_only_the_end_of_the_text():
    counter = TokenCounter()
    for _ in range(3_000):
        counter.add("数据word ")
    assert sum(map(len, counter._pending)) <= tokens._SEGMENT_CHARS
    assert counter.tokens == pytest.approx(count_tokens("数据word " * 3_000), rel=0.01)


def test_a_run_without_boundaries_costs_a_segment_at_a_time():
    assert count_tokens("^" * 1_000_000) == pytest.approx(125_000, rel=0.05)
    assert count_tokens(" " * 1_000_000) > 0


def test_messages_cost_their_text_calls_images_and_marks():
    picture = {"type": "image", "image": Image.new("RGB", (1024, 512))}
    link = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 10_000}}
    small = {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}}
    call = ToolCall(call_id="1", name="hello", arguments="world")
    assert count_messages([]) == 0
    assert count_messages([{"role": "user", "content": "hello world"}]) == 6
    assert count_messages([ChatMessage(role="assistant", tool_calls=(call,))]) == 6
    assert count_messages([{"role": "user", "content": [picture]}]) == 4 + 85 + 2 * 170
    assert count_messages([{"role": "user", "content": [link, small, {"type": "text", "text": "hello"}]}]) == 855


def test_the_rule_of_thumb_serves_without_the_table(tmp_path: Path, caplog):
    assert tokens._build(tmp_path / "missing") is estimate_tokens
    damaged = tmp_path / "damaged"
    damaged.write_bytes(b"aGk= 0\n")
    assert tokens._build(damaged) is estimate_tokens
    assert "rule of thumb" in caplog.text
    assert estimate_tokens("") == 0
    assert estimate_tokens("hello world") == 3
    assert estimate_tokens("数据 ok") == 3


def test_a_counter_does_not_wait_for_the_table_until_somebody_asks(monkeypatch):
    counter, text = tokens.TokenCounter(), "word " * 1000
    with monkeypatch.context() as changed:
        changed.setattr(tokens._Shared, "count", None)
        changed.setattr(tokens, "_build", None)
        assert not tokens.loaded()
        for _ in range(3):
            counter.add(text)
    assert counter.tokens == tokens.count_tokens(text * 3)


async def test_loading_leaves_the_event_loop_free(monkeypatch):
    monkeypatch.setattr(tokens._Shared, "count", None)
    beats = 0

    async def beat():
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0.001)

    heart = asyncio.create_task(beat())
    await tokens.load()
    heart.cancel()
    assert beats > 5
    assert tokens._Shared.count is not None


def test_threads_that_come_first_at_once_build_the_table_once(monkeypatch):
    built, together = [], threading.Barrier(4)

    def build(table):
        built.append(table)
        time.sleep(0.05)  # long enough for every other thread to find no table
        return len

    monkeypatch.setattr(tokens._Shared, "count", None)
    monkeypatch.setattr(tokens, "_build", build)

    def count():
        together.wait(5)
        return count_tokens("hello")

    with ThreadPoolExecutor(4) as threads:
        counts = [threads.submit(count) for _ in range(4)]
        assert [job.result(5) for job in counts] == [5] * 4
    assert len(built) == 1


def test_counting_never_touches_the_network():
    code = (
        "import socket\n"
        "def refuse(*a, **k): raise SystemExit('network')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
        "from agentui.tokens import count_tokens\n"
        "print(count_tokens('hello world'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "2"
