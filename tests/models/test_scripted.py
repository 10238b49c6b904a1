"""ScriptedModel plays its script through the face of a real model."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentui.errors import ModelConnectionError, ModelError, ModelStreamBroken
from agentui.messages import ChatMessage, ToolCall
from agentui.models.base import fold_deltas
from agentui.models.gate import Gate, Signal
from agentui.models.scripted import (
    Finish,
    Reasoning,
    ScriptedModel,
    ScriptExhausted,
    play_answer,
    split_text,
)
from agentui.tokens import count_messages, count_tokens
from agentui.usage import TokenUsage

ASK = [{"role": "user", "content": "What is 17 * 23?"}]
MESSAGES = [ChatMessage(role="user", content="What is 17 * 23?")]


async def play(answer, stop_sequences=None):
    return [delta async for delta in ScriptedModel([answer]).stream(ASK, stop_sequences)]


async def test_each_text_of_a_list_is_one_delta_and_the_last_delta_settles_the_answer():
    deltas = await play(["a long first part ", "b", Reasoning("why"), "c"])
    assert [delta.content for delta in deltas] == ["a long first part ", "b", None, "c", None]
    assert [delta.reasoning for delta in deltas] == [None, None, "why", None, None]
    assert [delta.finish_reason for delta in deltas] == [None] * 4 + ["stop"]
    assert deltas[-1].token_usage is not None


async def test_a_plain_answer_arrives_in_pieces_of_about_a_token():
    text = "I multiply the two numbers.\n<code>\nprint(17 * 23)\n</code>" * 20
    pieces = [delta.content for delta in await play(text) if delta.content]
    assert "".join(pieces) == text
    assert 3 < len(text) / len(pieces) < 6


@given(st.text())
def test_split_text_loses_nothing_and_makes_no_empty_piece(text):
    pieces = split_text(text)
    assert "".join(pieces) == text
    assert all(pieces)


async def test_usage_is_counted_from_what_was_sent_and_what_was_streamed():
    last = (await play([Reasoning("Seventeen times"), "It is ", "391."]))[-1]
    reasoning = count_tokens("Seventeen times")
    assert last.token_usage == TokenUsage(
        count_messages(MESSAGES), count_tokens("It is 391.") + reasoning, reasoning_tokens=reasoning, source="estimated"
    )


async def test_usage_counts_only_what_came_before_the_stop_text():
    last = (await play("It is 391.</code> and much more that nobody sees", ["</code>"]))[-1]
    assert last.token_usage is not None
    assert last.token_usage.output_tokens == count_tokens("It is 391.")


async def test_usage_that_the_script_reports_replaces_the_count_even_after_the_end():
    reported = TokenUsage(7, 11, cached_input_tokens=5)
    last = (await play(["It is 391", "</code>", " unseen", reported], ["</code>"]))[-1]
    assert last.token_usage == reported


async def test_finish_length_ends_the_answer():
    message = fold_deltas(await play(["It is", Finish("length"), " 391"]))
    assert (message.content, message.finish_reason) == ("It is", "length")


async def test_tool_calls_are_parts_and_are_counted():
    parts = [
        ToolCall(call_id="1", name="add", arguments='{"a":'),
        ToolCall(call_id="1", name="add", arguments="1}"),
    ]
    message = fold_deltas(await play(parts))
    assert message.tool_calls == (ToolCall(call_id="1", name="add", arguments='{"a":1}'),)
    assert message.finish_reason == "tool_calls"
    assert message.token_usage is not None
    assert message.token_usage.output_tokens > 0


@given(st.text(alphabet="</code>Ox\n"), st.lists(st.integers(0, 60)), st.sampled_from(["</code>", "\n\n", "O", "xx"]))
def test_stop_texts_cut_the_answer_wherever_the_deltas_are_cut(text, cuts, stop):
    bounds = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    parts = [text[start:end] for start, end in pairwise(bounds)]

    async def played():
        return fold_deltas([delta async for delta in play_answer(parts, MESSAGES, [stop])])

    assert asyncio.run(played()).content == text.split(stop)[0]


async def test_of_several_stop_texts_the_first_one_counts():
    deltas = await play(["one Obser", "vation: two </co", "de>"], ["</code>", "Observation:"])
    assert [delta.content for delta in deltas if delta.content] == ["one "]


async def test_text_that_only_looks_like_a_stop_text_is_not_lost():
    assert fold_deltas(await play(["a <", "b </cod"], ["</code>"])).content == "a <b </cod"


async def test_a_model_error_keeps_the_partial_text_and_what_it_cost():
    model = ScriptedModel([["It is ", "39", ModelStreamBroken("the stream broke")]])
    seen = []

    async def read():
        async for delta in model.stream(ASK):
            seen.append(delta.content)

    with pytest.raises(ModelStreamBroken) as caught:
        await read()
    assert seen == ["It is ", "39"]
    assert caught.value.partial == "It is 39"
    assert caught.value.token_usage is not None
    assert caught.value.token_usage.output_tokens == count_tokens("It is 39")


async def test_a_failure_before_the_first_delta_costs_nothing_that_is_known():
    with pytest.raises(ModelConnectionError) as caught:
        await play([ModelConnectionError("refused")])
    assert (caught.value.partial, caught.value.token_usage) == ("", None)


async def test_an_error_that_is_no_model_error_comes_as_it_is():
    error = KeyError("a mistake in a model's code")
    with pytest.raises(KeyError) as caught:
        await play(["x", error])
    assert caught.value is error


async def test_asking_for_more_than_the_script_has_fails_loudly():
    model = ScriptedModel(["one"])
    await anext(model.stream(ASK))
    model.assert_finished()
    with pytest.raises(ScriptExhausted, match="asked for answer 2, but its script has 1"):
        await anext(model.stream(ASK))
    assert issubclass(ScriptExhausted, ModelError)
    with pytest.raises(AssertionError, match="has 1 answers, but 2"):
        model.assert_finished()


def test_an_unused_answer_is_noticed():
    model = ScriptedModel(["one", "two"])
    assert model.generate(ASK).content == "one"
    with pytest.raises(AssertionError, match="has 2 answers, but 1"):
        model.assert_finished()


async def test_requests_keep_what_the_model_was_given():
    model = ScriptedModel(["one", "two"])
    conversation = list(ASK)
    async for _ in model.stream(conversation):
        pass
    conversation.append({"role": "assistant", "content": "one"})
    async for _ in model.stream(conversation):
        pass
    assert [[message.text for message in request] for request in model.requests] == [
        ["What is 17 * 23?"],
        ["What is 17 * 23?", "one"],
    ]


async def test_concurrent_streams_never_share_an_answer():
    gate = Gate()
    model = ScriptedModel([[gate, f"answer {number}"] for number in range(50)])

    async def ask():
        return fold_deltas([delta async for delta in model.stream(ASK)]).content

    asking = [asyncio.create_task(ask()) for _ in range(50)]
    await gate.reached
    gate.open()
    assert sorted(await asyncio.gather(*asking)) == sorted(f"answer {number}" for number in range(50))


def test_the_sync_face_streams_the_same():
    model = ScriptedModel([["a", "b"], ["a", "b"]])
    assert [delta.content for delta in model.generate_stream(ASK)] == ["a", "b", None]
    assert model.generate(ASK).content == "ab"


async def test_what_stands_before_a_gate_is_streamed_and_what_stands_behind_is_not():
    gate = Gate("middle")
    async with aclosing(ScriptedModel([["before", gate, "behind"]]).stream(ASK)) as deltas:
        assert (await anext(deltas)).content == "before"
        waiting = asyncio.create_task(anext(deltas))
        await gate.reached
        assert not waiting.done()
        assert repr(gate) == "Gate('middle', closed)"
        threading.Thread(target=gate.open).start()
        assert (await waiting).content == "behind"


async def test_closing_a_stream_at_a_gate_ends_it_at_once():
    gate = Gate()
    model = ScriptedModel([["before", gate, "behind"]])

    async def read():
        async with aclosing(model.stream(ASK)) as deltas:
            return [delta async for delta in deltas]

    reading = asyncio.create_task(read())
    await gate.reached
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    gate.open()


async def test_a_fast_script_leaves_the_loop_to_others():
    turns = []

    async def other():
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await play(["x"] * 100)
    task.cancel()
    assert len(turns) >= 100


async def test_a_signal_wakes_waiters_of_every_loop_and_thread():
    signal, loops_waiting = Signal(), threading.Barrier(3)
    woken = []

    async def wait(name):
        waiting = asyncio.ensure_future(signal.wait())
        await asyncio.sleep(0)
        loops_waiting.wait()
        await waiting
        woken.append(name)

    threads = [threading.Thread(target=lambda name=name: asyncio.run(wait(name))) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    await asyncio.to_thread(loops_waiting.wait)
    assert not signal.is_set()
    signal.set()
    signal.set()
    await signal
    await asyncio.to_thread(signal.wait_blocking)
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert sorted(woken) == ["one", "two"]


def test_a_signal_survives_a_loop_that_closed_while_waiting():
    signal = Signal()
    loop = asyncio.new_event_loop()
    task = loop.create_task(signal.wait())
    loop.run_until_complete(asyncio.sleep(0))
    waiters = set(signal._waiters)
    assert len(waiters) == 1
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    assert not signal._waiters
    loop.close()
    signal._waiters |= waiters
    signal.set()
    assert signal.is_set()


def test_waiting_in_a_thread_has_an_end():
    with pytest.raises(TimeoutError, match=r"within 0\.01 s"):
        Signal().wait_blocking(0.01)
