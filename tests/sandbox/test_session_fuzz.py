"""A session whose worker is a liar: whatever comes over its socket, in whatever state, its calls end as documented."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import tracemalloc
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentui.errors import SandboxError
from agentui.sandbox.base import ExecResult, Probe, SandboxInfo, Snapshot, SnapshotRefused
from agentui.sandbox.blobs import Segment
from agentui.sandbox.confinement import ResourceLimits
from agentui.sandbox.frames import HEADER, MAX_BLOB_BYTES, MAX_JSON_BYTES, pack
from agentui.sandbox.session import LocalSandbox
from agentui.sandbox.worker_handle import Disposal, Worker
from tests.sandbox.helpers import TOOLS, RecordingHost

INFO = SandboxInfo(tier="U", promise="", reason="", probes=(Probe(name="x", refused=True),))


class LyingProcess:
    """A worker that sends what it is told as soon as it is asked for anything."""

    pid = 0

    def __init__(self, sent: Sequence[bytes], *, hang_up: bool) -> None:
        self.connection, self.far = socket.socketpair()
        self.far.setblocking(False)
        self._sent = sent
        self._hang_up = hang_up
        self._speaking: asyncio.Task[None] | None = None

    def signal(self, number: signal.Signals) -> None:
        if number == signal.SIGCONT and self._speaking is None:
            self._speaking = asyncio.get_running_loop().create_task(self._speak())

    async def _speak(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_recv(self.far, 1)
            for data in self._sent:
                await loop.sock_sendall(self.far, data)
            if self._hang_up:
                self.far.shutdown(socket.SHUT_WR)
            while await loop.sock_recv(self.far, 1 << 20):
                pass
        except OSError:
            pass

    async def end(self) -> None:
        if self._speaking is not None:
            self._speaking.cancel()
            await asyncio.wait({self._speaking})
        self.far.close()


class Unwatched:
    breach = None

    def stop(self) -> None:
        pass


class LyingWorker(Worker):
    def watch(self) -> Unwatched:
        return Unwatched()


class Source:
    """Makes workers that all tell the same lies."""

    def __init__(self, sent: Sequence[bytes], *, hang_up: bool) -> None:
        self.processes: list[LyingProcess] = []
        self._sent = sent
        self._hang_up = hang_up

    async def start_worker(self, tools: Sequence[str]) -> Worker:
        process = LyingProcess(self._sent, hang_up=self._hang_up)
        self.processes.append(process)
        return LyingWorker(process, os.devnull, ResourceLimits(), ended, frame_timeout_s=2.0)


def ended() -> Disposal:
    status: Future[int] = Future()
    cleaned: Future[None] = Future()
    status.set_result(-9)
    cleaned.set_result(None)
    return Disposal(status, cleaned)


async def ask(
    call: Callable[[LocalSandbox, RecordingHost], Coroutine[Any, Any, Any]],
    sent: Sequence[bytes],
    *,
    hang_up: bool = True,
) -> Any:
    """What a call of a session makes of a worker that sends `sent`; a documented error is a result too."""
    source = Source(sent, hang_up=hang_up)
    sandbox = LocalSandbox(source, INFO, TOOLS, await source.start_worker(TOOLS))
    host = RecordingHost()
    host.opened.set()
    try:
        async with asyncio.timeout(10):
            return await call(sandbox, host)
    except SandboxError as error:
        return error
    finally:
        await sandbox.close()
        for process in source.processes:
            await process.end()


async def execute(sandbox: LocalSandbox, host: RecordingHost) -> Any:
    result = await sandbox.execute("code", host, timeout_s=5)
    assert isinstance(result, ExecResult)
    return result


async def put(sandbox: LocalSandbox, host: RecordingHost) -> Any:
    return await sandbox.put({"x": 1})


async def put_files(sandbox: LocalSandbox, host: RecordingHost) -> Any:
    return await sandbox.put_files({"a.csv": b"x" * 100})


async def save(sandbox: LocalSandbox, host: RecordingHost) -> Any:
    kept = await sandbox.snapshot()
    assert isinstance(kept, Snapshot | SnapshotRefused)
    return kept


async def restore(sandbox: LocalSandbox, host: RecordingHost) -> Any:
    return await sandbox.restore(Snapshot(state=Segment().append(b"state")))


CALLS = (execute, put, put_files, save, restore)

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(["echo", "wait", "fail", "stdout", "stderr", "image/png", "repr", "array", "table", "<i4"])
)
anything = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["$", "v", "at", "dtype", "shape", "type", "why"]), inner, max_size=4)
    ),
    max_leaves=6,
)
KINDS = (
    "ready", "output", "cut", "artifact", "call", "done", "stored", "refused", "saved", "part", "restored", "nonsense",
)  # fmt: skip
FIELDS = (
    "stream", "text", "name", "type", "id", "arguments", "value", "repr", "final", "error", "reason", "bytes",
    "buffers", "missing", "message",
)  # fmt: skip
VALID: tuple[dict[str, Any], ...] = (
    {"t": "output", "n": 1, "stream": "stdout", "text": "x\n"},
    {"t": "cut", "n": 1},
    {"t": "artifact", "n": 1, "name": "a.txt", "type": "text/plain"},
    {"t": "call", "n": 1, "id": 1, "name": "echo", "arguments": [[1], {"x": [None]}]},
    {"t": "call", "n": 1, "id": 2, "name": "wait", "arguments": [[], {}]},
    {"t": "done", "n": 1, "value": [1, {"$": "tuple", "v": []}], "repr": "[1, ()]", "final": True},
    {"t": "done", "n": 1, "error": {"kind": "E", "message": "m", "traceback": "t", "line": 1}},
    {"t": "stored"},
    {"t": "refused", "message": "no"},
    {"t": "refused", "n": 0, "reason": "no"},
    {"t": "saved", "n": 0, "bytes": 1, "buffers": [], "missing": {"g": "why"}},
    {"t": "part", "n": 0},
    {"t": "restored", "n": 0, "missing": {}},
)


def framed(header: Any, blob: bytes) -> bytes:
    text = json.dumps(header).encode()
    return HEADER.pack(len(text), len(blob)) + text + blob


def changed(header: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    return {**header, **fields}


blobs = st.binary(max_size=8)
valid = st.builds(framed, st.sampled_from(VALID), blobs)
mutated = st.builds(
    framed,
    st.builds(changed, st.sampled_from(VALID), st.dictionaries(st.sampled_from(FIELDS), anything, max_size=2)),
    blobs,
)
made = st.builds(
    lambda kind, number, fields, blob: framed({"t": kind, "n": number, **fields}, blob),
    st.sampled_from(KINDS),
    st.sampled_from([0, 1, True, 2, "1"]),
    st.dictionaries(st.sampled_from(FIELDS), anything, max_size=4),
    blobs,
)


def corrupted(data: bytes, place: int, byte: int) -> bytes:
    broken = bytearray(data)
    broken[place % len(broken)] = byte
    return bytes(broken)


garbage = st.binary(max_size=60) | st.builds(corrupted, valid | mutated, st.integers(0, 400), st.integers(0, 255))
lies = st.lists(valid | mutated | made | garbage, max_size=6)


@pytest.mark.parametrize("call", CALLS)
@settings(max_examples=150, deadline=None)
@given(lies)
def test_any_frames_in_any_state_end_as_documented(call: Any, sent: list[bytes]) -> None:
    with asyncio.Runner() as runner:
        runner.run(ask(call, sent))


async def twice(sandbox: LocalSandbox, host: RecordingHost) -> Any:
    await execute(sandbox, host)
    return await execute(sandbox, host)


async def test_a_session_goes_on_with_another_worker_after_a_lie() -> None:
    done = framed({"t": "done", "n": 2, "value": 5, "repr": "5"}, b"")
    result = await ask(twice, [done], hang_up=False)
    assert (result.value, result.error) == (5, None)


@pytest.mark.parametrize("call", CALLS)
async def test_a_frame_that_never_ends_is_given_up(call: Any) -> None:
    for head in (HEADER.pack(MAX_JSON_BYTES, MAX_BLOB_BYTES), HEADER.pack(10, 0) + b"{"):
        await ask(call, [head])


FLOODS = {
    "output": pack({"t": "output", "n": 1, "stream": "stdout", "text": "x" * 60_000}),
    "output of nothing": pack({"t": "output", "n": 1, "stream": "stdout", "text": ""}) * 100,
    "artifacts": pack({"t": "artifact", "n": 1, "name": "a", "type": "text/plain"}, bytes(1 << 20)),
    "refused artifacts": pack({"t": "artifact", "n": 1, "name": "a", "type": "image/png"}, bytes(1 << 20)),
    "calls": pack({"t": "call", "n": 1, "id": 1, "name": "none", "arguments": [[], {}]}) * 100,
    "large": HEADER.pack(10, MAX_BLOB_BYTES) + bytes(1 << 20),
    "parts": pack({"t": "part", "n": 0}, bytes(1 << 20)),
    "answers": pack({"t": "stored"}) * 1_000,
}


@pytest.mark.parametrize("call", [execute, save])
@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_costs_bounded_memory(call: Any, flood: str) -> None:
    tracemalloc.start()
    try:
        await ask(call, [FLOODS[flood]] * 150)
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()
