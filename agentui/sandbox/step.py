"""One step seen from the host: the frames that may come while code runs, and what each may do.

The code owns its end of the socket, so a frame is a request, never a fact: wrong fields, a wrong step number, a call
while another is open, or more of anything than a step may send ends the worker. Tools run as tasks beside the reader,
so what other threads print is not held up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from agentui.errors import ToolError
from agentui.sandbox import codec
from agentui.sandbox.arguments import read_arguments
from agentui.sandbox.artifacts import ArtifactRefused, checked_artifact, media_type_of
from agentui.sandbox.base import ExecError, ExecHost
from agentui.sandbox.channel import Channel, Frame, WorkerGone
from agentui.sandbox.described import Claim, read_claim
from agentui.sandbox.frames import FrameError, clean_output, clean_text
from agentui.sandbox.losses import Loss, loss_notes
from agentui.sandbox.printed import Printed

T = TypeVar("T")

MAX_CALLS: Final = 1_000
MAX_ARTIFACTS: Final = 20
_MAX_JSON_BYTES: Final = 64 << 20
"Of the JSON of all frames of a step, besides what it prints: more than a thousand calls with long arguments."
_ESCAPED_BYTES: Final = 6
"One printed byte as JSON takes at most."
_MAX_ARTIFACT_FRAMES: Final = 100
_MAX_NOTES: Final = 20
"Remarks of a step on what crossed as less than it was."
_TOOL_END_S: Final = 1.0
"How long a cancelled tool may take to clean up."
_ENDED: Final = "the step has ended"
_MAX_MESSAGE_CHARS: Final = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the worker says about the end of a step."""

    value: Any = None
    value_repr: str | None = None
    is_final: bool = False
    error: ExecError | None = None


class StepRun:
    """A step in progress. `drive` is its only reader."""

    def __init__(
        self,
        number: int,
        channel: Channel,
        host: ExecHost,
        *,
        tools: Sequence[str],
        max_output_bytes: int,
        label: int = 0,
    ) -> None:
        self.artifacts = 0
        self.host_failure: BaseException | None = None
        "What `ExecHost.call_tool` raised, other than `ToolError`."
        self.whole_state = False
        "The worker is asked for all its variables, not only for what is new."
        self.claim_before: Claim | None = None
        "What the worker says of its variables before the code ran, if it was asked for all."
        self.claim: Claim | None = None
        "What it says of them afterwards, unless nothing is new."
        self._number = number
        self.label = label or number
        self._channel = channel
        self.host = host
        self._tools = frozenset(tools)
        self._printed = Printed(host, max_output_bytes)
        self.json_bytes_left = _MAX_JSON_BYTES + _ESCAPED_BYTES * self._printed.taken_bytes
        "What the worker may still send as the JSON of frames."
        self._calls = self._artifact_frames = 0
        self._call: asyncio.Task[None] | None = None
        self._noted: set[str] = set()
        self._open_call: int | None = None
        "Number of a call that has no answer yet."
        self._ending = False
        self._on_failure: Callable[[], object] = lambda: None

    async def drive(self, code: str, *, interrupts: int = 0) -> Outcome:
        """Send `code` and serve its frames until it is done.

        Args:
            code: Python source.
            interrupts: How often the worker was interrupted before this step.

        Raises:
            WorkerGone: The worker died.
            FrameError: It sent what it must not send.
        """
        driver = asyncio.current_task()
        self._on_failure = driver.cancel if driver is not None else self._on_failure
        request = {"t": "run", "n": self._number, "code": code, "label": self.label, "interrupts": interrupts}
        request |= {"max_output_bytes": self._printed.kept_bytes, "whole": self.whole_state}
        try:
            await self._channel.send(request)
            while True:
                frame = await self._channel.receive()
                self._check(frame)
                if frame.header.get("t") == "done":
                    return await self._outcome(frame)
                await self._serve(frame)
        finally:
            await self.end_call()

    def _check(self, frame: Frame) -> None:
        self.json_bytes_left -= frame.json_bytes
        if self.json_bytes_left < 0:
            raise FrameError("more JSON than a step may send")
        if frame.header.get("n") != self._number:
            raise FrameError("a frame of another step")

    async def end_call(self) -> None:
        """Cancel the tool that runs, refuse later ones: calls of the code raise, so that no thread waits for ever."""
        self._ending = True
        call, self._call = self._call, None
        if call is not None and not call.done():
            call.cancel()
            await asyncio.wait({call}, timeout=_TOOL_END_S)
        if self._open_call is not None:
            self._channel.send_if_room({"t": "raised", "id": self._open_call, "message": _ENDED})
            self._open_call = None

    async def keep_files(self, read: Callable[[str], Awaitable[bytes]], names: Sequence[str]) -> None:
        """Hand files of the work directory to the host, as many as a step may keep; others are named on stderr."""
        room = max(0, MAX_ARTIFACTS - self.artifacts)
        for name in names[:room]:
            try:
                data = await read(name)
            except ArtifactRefused as refusal:
                self._refuse(name, refusal)
            else:
                self.keep(name, media_type_of(name), data)
        if rest := names[room:]:
            self._refuse(rest[0], f"a step keeps at most {MAX_ARTIFACTS} files ({len(rest):,} more)")

    def _refuse(self, name: str, reason: object) -> None:
        self.host.output("stderr", f"[{clean_output(name)[:100]!r} is not kept: {reason}]\n")

    def _note(self, notes: Sequence[str]) -> None:
        """Say on stderr what crossed as less than it was; the same once a step."""
        for note in notes:
            if len(self._noted) < _MAX_NOTES and note not in self._noted:
                self._noted.add(note)
                more = "; no more of this is said in this step" if len(self._noted) == _MAX_NOTES else ""
                self.host.output("stderr", f"[{clean_output(note)}{more}]\n")

    async def _outcome(self, frame: Frame) -> Outcome:
        header = frame.header
        value_repr, error, is_final = header.get("repr"), header.get("error"), header.get("final") is True
        if error is not None:
            return Outcome(error=_error(error))
        if value_repr is None:
            return Outcome(is_final=is_final)
        losses: list[Loss] = []
        value = await _unpacked(lambda: codec.decode(header.get("value"), frame.blob, losses=losses), frame.blob)
        if is_final:
            self._note(loss_notes(losses, "the final answer", "the caller"))
        return Outcome(value=value, value_repr=_text(value_repr, codec.MAX_REPR_CHARS + 100), is_final=is_final)

    async def _serve(self, frame: Frame) -> None:
        match frame.header:
            case {"t": "output", "stream": "stdout" | "stderr" as stream, "text": str(text)}:
                self._printed.take(stream, text)
            case {"t": "cut"}:
                self._printed.mark_loss()
            case {"t": "state", "before": bool(before)}:
                self._take_claim(read_claim(frame.header), before=before)
            case {"t": "artifact", "name": str(name), "type": str(media_type)}:
                self._keep(name, media_type, frame.blob)
            case {"t": "call", "id": int(number), "name": str(name), "arguments": arguments}:
                await self._start_call(number, name, arguments, frame.blob)
            case _:
                raise FrameError("a frame of unknown kind")

    def _take_claim(self, claim: Claim, *, before: bool) -> None:
        if self.claim is not None or (before and (self.claim_before is not None or not self.whole_state)):
            raise FrameError("more of variables than a step may say")
        if before:
            self.claim_before = claim
        else:
            self.claim = claim

    def _keep(self, name: str, media_type: str, data: bytes) -> None:
        self._artifact_frames += 1
        if self._artifact_frames > _MAX_ARTIFACT_FRAMES:
            raise FrameError("a flood of artifacts")
        self.keep(name, media_type, data)

    def keep(self, name: str, media_type: str, data: bytes) -> None:
        """Check a file and hand it to the host; one that is refused is named on stderr."""
        try:
            if self.artifacts >= MAX_ARTIFACTS:
                raise ArtifactRefused(f"a step keeps at most {MAX_ARTIFACTS} files")
            artifact = checked_artifact(name, media_type, data)
        except ArtifactRefused as refusal:
            self._refuse(name, refusal)
            return
        self.artifacts += 1
        self.host.artifact(artifact)

    async def _start_call(self, number: int, name: str, arguments: Any, blob: bytes) -> None:
        if self._call is not None and not self._call.done():
            raise FrameError("a tool call while another is open")
        self._calls += 1
        self._open_call = number
        refusal = self._refusal(name)
        if refusal:
            await self._reply(number, error=refusal)
        else:
            self._call = asyncio.create_task(self._serve_call(number, name, arguments, blob))
            self._call.add_done_callback(self._call_ended)
        if self._calls > 10 * MAX_CALLS:
            raise FrameError("a flood of tool calls")

    def _refusal(self, name: str) -> str | None:
        if self._ending:
            return _ENDED
        if self._calls > MAX_CALLS:
            return f"a step may call tools at most {MAX_CALLS:,} times"
        return None if name in self._tools else f"there is no tool {name[:100]!r}"

    async def _serve_call(self, number: int, name: str, arguments: Any, blob: bytes) -> None:
        try:
            given = await _unpacked(lambda: read_arguments(name, arguments, blob), blob)
            self._note(given.notes)
            value = await self.host.call_tool(name, given.positional, given.named)
        except ToolError as error:
            await self._reply(number, error=str(error))
        else:
            await self._return(number, name, value)

    async def _return(self, number: int, name: str, value: Any) -> None:
        losses: list[Loss] = []
        data, blob = codec.encode(value, losses=losses)
        self._note(loss_notes(losses, f"the result of {name}()", "the code"))
        try:
            await self._channel.send({"t": "returned", "id": number, "value": data}, blob)
            self._open_call = None
        except FrameError as error:
            await self._reply(number, error=f"the result of {name} cannot be sent: {error}")

    async def _reply(self, number: int, *, error: str) -> None:
        await self._channel.send({"t": "raised", "id": number, "message": clean_text(error[:_MAX_MESSAGE_CHARS])})
        self._open_call = None

    def _call_ended(self, call: asyncio.Task[None]) -> None:
        error = None if call.cancelled() else call.exception()
        if error is not None and not isinstance(error, WorkerGone):
            self.host_failure = error
            self._on_failure()


async def _unpacked(read: Callable[[], T], blob: bytes) -> T:
    """What `read` makes of a frame; arrays and images take long to unpack: not on the event loop."""
    return await asyncio.to_thread(read) if blob else read()


def _error(data: Any) -> ExecError:
    match data:
        case {"kind": str(kind), "message": str(message), "traceback": str(traceback), "line": line}:
            line = line if isinstance(line, int) and 0 < line < 10**7 else None
            return ExecError(
                kind=_text(kind, 200),
                message=_text(message, _MAX_MESSAGE_CHARS),
                traceback=_text(traceback, 21_000),
                line=line,
            )
        case _:
            raise FrameError("a bad error")


def _text(data: Any, limit: int) -> str:
    if not isinstance(data, str):
        raise FrameError("a text was expected")
    return clean_text(data[:limit])
