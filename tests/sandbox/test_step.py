"""A worker that lies: whatever bytes it sends, the host neither hangs nor crashes, and only the step ends."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentui.sandbox.channel import Channel, WorkerGone
from agentui.sandbox.codec import CodecError
from agentui.sandbox.frames import HEADER, MAX_BLOB_BYTES, MAX_JSON_BYTES, FrameError, pack
from agentui.sandbox.printed import OutputFlood
from agentui.sandbox.step import MAX_ARTIFACTS, MAX_CALLS, Outcome, StepRun
from tests.sandbox.helpers import TOOLS, RecordingHost

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


def raw(text: bytes, blob: bytes = b"") -> bytes:
    return HEADER.pack(len(text), len(blob)) + text + blob


def frame(blob: bytes = b"", **header: Any) -> bytes:
    return pack({"n": 1, **header}, blob)


DONE = frame(t="done")


class Liar:
    """A step whose worker is a socket in the hands of the test."""

    def __init__(self, *, frame_timeout_s: float = 5.0, max_output_bytes: int = 1_000) -> None:
        ours, self.socket = socket.socketpair()
        self.host = RecordingHost()
        self.channel = Channel(ours, frame_timeout_s=frame_timeout_s)
        self.run = StepRun(1, self.channel, self.host, tools=TOOLS, max_output_bytes=max_output_bytes)

    async def drive(self, *sent: bytes, hang_up: bool = True) -> Outcome:
        """Let the worker send bytes and, if asked to, end; returns what the host makes of it."""
        driving = asyncio.create_task(self.run.drive("code"))
        try:
            self.socket.setblocking(False)
            for data in sent:
                await asyncio.get_running_loop().sock_sendall(self.socket, data)
            if hang_up:
                self.socket.shutdown(socket.SHUT_WR)
            return await driving
        finally:
            driving.cancel()
            await asyncio.wait({driving})
            self.socket.close()
            self.channel.close()


frames = st.builds(
    lambda kind, fields, blob: raw(json.dumps({"n": 1, "t": kind, **fields}).encode(), blob),
    st.sampled_from(["output", "cut", "artifact", "call", "done", "stored", "returned"]),
    st.dictionaries(
        st.sampled_from(["n", "stream", "text", "name", "type", "id", "arguments", "value", "repr", "final", "error"]),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False)
            | st.text(max_size=5)
            | st.just("echo"),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("$") | st.text(max_size=3), inner),
            max_leaves=5,
        ),
    ),
    st.binary(max_size=10) | st.just(PNG),
)


def mutated(parts: tuple[bytes, int, int]) -> bytes:
    data, place, byte = parts
    changed = bytearray(data)
    changed[place % len(changed)] = byte
    return bytes(changed)


broken = st.tuples(frames, st.integers(0, 300), st.integers(0, 255)).map(mutated)


@settings(max_examples=200, deadline=None)
@given(st.lists(frames | broken | st.binary(max_size=40), max_size=6))
def test_any_bytes_end_as_a_result_or_as_a_refusal(sent: list[bytes]) -> None:
    async def attempt() -> None:
        try:
            async with asyncio.timeout(5):
                await Liar().drive(*sent)
        except (WorkerGone, FrameError, CodecError, asyncio.CancelledError):
            pass

    asyncio.run(attempt())


@pytest.mark.parametrize(
    "sent",
    [
        raw(b"[" * 1_000_000),
        raw(b'{"n":1,"t":"output","text":"\xff\xfe"}'),
        raw(b'{"n":1,"t":NaN}'),
        raw(b'{"n":1,"t":' + b"9" * 5_000 + b"}"),
        raw(b"[]"),
        raw(b""),
        HEADER.pack(MAX_JSON_BYTES + 1, 0),
        HEADER.pack(2, MAX_BLOB_BYTES + 1),
        HEADER.pack(0xFFFFFFF0, 0xFFFFFFF0),
        frame(t="ready"),
        frame(t="stored"),
        frame(t="returned", id=1, value=1),
        frame(t="output", stream="stdin", text="x"),
        frame(t="output", stream="stdout", text=["x"]),
        frame(t="call", id=1, name=["echo"], arguments=[[], {}]),
        frame(t="done", n=2),
        frame(t="done", n=True, repr=5),
        frame(t="done", error="x"),
        frame(t="done", repr="x", value={"$": "bytes", "at": [0, 1]}),
        pack({"t": "done"}),
    ],
    ids=lambda sent: repr(sent[8:40]),
)
async def test_a_frame_that_no_worker_sends_is_refused(sent: bytes) -> None:
    with pytest.raises((FrameError, CodecError)):
        await Liar().drive(sent)


async def test_a_frame_that_drips_in_is_given_up() -> None:
    liar = Liar(frame_timeout_s=0.1)

    async def drip() -> None:
        for byte in frame(t="output", stream="stdout", text="x" * 1_000):
            await asyncio.get_running_loop().sock_sendall(liar.socket, bytes([byte]))
            await asyncio.sleep(0.02)

    dripping = asyncio.create_task(drip())
    with pytest.raises(FrameError, match="longer than"):
        await liar.drive(hang_up=False)
    dripping.cancel()
    await asyncio.wait({dripping})


async def test_a_flood_of_frames_leaves_turns_to_other_tasks() -> None:
    liar = Liar(max_output_bytes=10_000_000)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    flood = frame(t="output", stream="stdout", text="x" * 100) * 20_000
    await liar.drive(flood, DONE)
    counting.cancel()
    assert turns > 10


async def test_output_beyond_the_limit_is_cut_and_marked_once() -> None:
    liar = Liar(max_output_bytes=10)
    line = frame(t="output", stream="stdout", text="ä" * 4)
    await liar.drive(line, line, line, frame(t="cut"), DONE)
    assert liar.host.text("stdout") == "ä" * 5
    assert liar.host.text("stderr") == "\n… output cut after 10 bytes\n"


@pytest.mark.parametrize("size", [1, 7, 60_000, 8_000_000])
async def test_what_is_beyond_the_limit_goes_on_to_the_host_up_to_a_larger_one(size: int) -> None:
    liar = Liar(max_output_bytes=1_000)
    text = "ä" * (size // 2) + "x" * (size % 2)
    pieces = [text[at : at + 60_000] for at in range(0, len(text), 60_000)]
    frames = [frame(t="output", stream="stdout", text=piece) for piece in ["a" * 999, *pieces]]
    await liar.drive(*frames, DONE)
    whole = liar.host.text("stdout") + "".join(liar.host.overflow_parts)
    lost = "\n… output cut after 8,000,000 bytes\n"
    assert whole == "a" * 999 + text or (size == 8_000_000 and whole.endswith(lost) and len(whole.encode()) < 8_000_100)
    assert (liar.host.text("stderr") != "") == (size > 1)


async def test_output_far_beyond_the_limit_ends_the_worker() -> None:
    with pytest.raises(OutputFlood):
        await Liar(max_output_bytes=10).drive(*[frame(t="output", stream="stdout", text="x" * 60_000)] * 151)


async def test_printed_surrogates_and_nul_never_reach_the_host() -> None:
    liar = Liar()
    await liar.drive(raw(rb'{"n":1,"t":"output","stream":"stdout","text":"a\ud800\u0000\u001b[1m"}'), DONE)
    assert liar.host.text() == "a\ufffd\u2400\x1b[1m"


async def test_a_forged_call_of_an_unknown_tool_reaches_nobody() -> None:
    liar = Liar()
    calls = [
        frame(t="call", id=i, name=name, arguments=[[], {}]) for i, name in enumerate(["__import__", "os.system", ""])
    ]
    await liar.drive(*calls, DONE)
    assert liar.host.calls == []


async def test_a_second_call_while_one_is_open_ends_the_worker() -> None:
    call = frame(t="call", id=1, name="wait", arguments=[[], {}])
    liar = Liar()
    with pytest.raises(FrameError, match="while another is open"):
        await liar.drive(call, call)
    assert liar.host.cancelled_calls == len(liar.host.calls)


@pytest.mark.parametrize("arguments", [None, [], [[]], [{}, []], [[], {"$": "dict", "v": [[1, 2]]}]])
async def test_bad_arguments_never_reach_a_tool(arguments: Any) -> None:
    liar = Liar()
    with pytest.raises((FrameError, CodecError, asyncio.CancelledError)):
        await liar.drive(frame(t="call", id=1, name="echo", arguments=arguments), hang_up=False)
    assert liar.host.calls == []


async def test_calls_beyond_the_budget_are_refused() -> None:
    liar = Liar()
    driving = asyncio.create_task(liar.drive(hang_up=False))
    reader, writer = await asyncio.open_unix_connection(sock=liar.socket.dup())
    await reader.readexactly(HEADER.unpack(await reader.readexactly(8))[0])
    answers: list[dict[str, Any]] = []
    for number in range(MAX_CALLS + 1):
        writer.write(frame(t="call", id=number, name="echo", arguments=[[number], {}]))
        length, _ = HEADER.unpack(await reader.readexactly(8))
        answers.append(json.loads(await reader.readexactly(length)))
    writer.write(DONE)
    await driving
    writer.close()
    await writer.wait_closed()
    assert [answer["t"] for answer in answers] == ["returned"] * MAX_CALLS + ["raised"]
    assert len(liar.host.calls) == MAX_CALLS


async def test_a_call_that_comes_when_the_step_is_being_ended_reaches_nobody() -> None:
    liar = Liar()
    driving = asyncio.create_task(liar.drive(hang_up=False))
    reader, writer = await asyncio.open_unix_connection(sock=liar.socket.dup())
    await reader.readexactly(HEADER.unpack(await reader.readexactly(8))[0])
    await liar.run.end_call()
    writer.write(frame(t="call", id=1, name="wait", arguments=[[], {}]))
    length, _ = HEADER.unpack(await reader.readexactly(8))
    answer = json.loads(await reader.readexactly(length))
    writer.write(DONE)
    await driving
    writer.close()
    await writer.wait_closed()
    assert (answer["t"], answer["message"], liar.host.calls) == ("raised", "the step has ended", [])


def picture(width: int, height: int) -> bytes:
    return PNG + width.to_bytes(4) + height.to_bytes(4) + bytes(9)


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        ("image/png", b"GIF89a"),
        ("image/png", picture(50_000, 50_000)),
        ("image/png", picture(0, 10)),
        ("image/jpeg", b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff"),
        ("image/jpeg", b"\xff\xd8\xff"),
    ],
)
async def test_a_picture_that_is_none_or_a_bomb_is_refused_and_named(media_type: str, data: bytes) -> None:
    liar = Liar()
    await liar.drive(frame(data, t="artifact", name="x.png", type=media_type), DONE)
    assert liar.host.artifacts == []
    assert "'x.png' is not kept" in liar.host.text("stderr")


async def test_an_artifact_has_a_plain_name_and_a_harmless_type() -> None:
    liar = Liar()
    await liar.drive(
        frame(b"<svg>", t="artifact", name="../../a\u202e\n/etc/evil.svg", type="image/svg+xml"),
        frame(picture(2, 2), t="artifact", name="\0", type="image/png"),
        DONE,
    )
    found = [(artifact.name, artifact.media_type) for artifact in liar.host.artifacts]
    assert found == [("evil.svg", "application/octet-stream"), ("file", "image/png")]
    assert len({artifact.artifact_id for artifact in liar.host.artifacts}) == 2


async def test_artifacts_are_counted_and_a_flood_ends_the_worker() -> None:
    liar = Liar(max_output_bytes=100_000)
    with pytest.raises(FrameError, match="flood"):
        await liar.drive(*[frame(b"x", t="artifact", name="a", type="text/plain")] * 200)
    assert len(liar.host.artifacts) == MAX_ARTIFACTS


async def test_a_flood_of_useless_json_ends_the_worker() -> None:
    liar, useless = Liar(), frame(t="cut", useless="x" * 500)
    assert liar.run.json_bytes_left < 200_000_000
    liar.run.json_bytes_left = 2 * len(useless)
    with pytest.raises(FrameError, match="more JSON than a step may send"):
        await liar.drive(*[useless] * 3)
