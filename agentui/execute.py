"""Run a step's code in the sandbox, with the host's side of it: live output, artifacts, tool calls."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from agentui.deltas import OutputStream
from agentui.draft import StepDraft
from agentui.events import (
    ArtifactCreated,
    CodeStarted,
    OutputDelta,
    StateChanged,
)
from agentui.sandbox.artifacts import checked_artifact
from agentui.sandbox.base import Artifact, ExecResult, Sandbox
from agentui.spec import AgentSpec
from agentui.tool_caller import ToolCaller

FLUSH_S = 0.02
"Output printed within this time of the last record goes into one record: 50 a second however fast the code prints."


async def execute(
    draft: StepDraft, spec: AgentSpec, sandbox: Sandbox, code: str, call_ids: itertools.count[int]
) -> ExecResult:
    """Run `code`, recording what it does; the caller turns the result into an observation.

    Raises:
        SandboxError: The sandbox itself failed.
    """
    draft.code = code
    draft.run.emit(CodeStarted(code=code))
    host = _Host(draft, spec, call_ids)
    try:
        return await sandbox.execute(
            code,
            host,
            timeout_s=spec.limits.step_seconds,
            max_output_bytes=spec.limits.max_output_bytes,
            step=draft.number,
            # A reader of this run alone knows nothing of the runs before it.
            whole_state=not any(isinstance(record.event, StateChanged) for record in reversed(draft.run.records)),
        )
    finally:
        await host.close()
        host.emit_changes()


class _Host:
    """The `ExecHost` of one step."""

    def __init__(self, draft: StepDraft, spec: AgentSpec, call_ids: itertools.count[int]) -> None:
        self._draft = draft
        self._emit = draft.run.emit
        self._stream_outputs = spec.stream_outputs
        self._tools = ToolCaller(draft, spec, call_ids)
        self._waiting: list[tuple[OutputStream, str]] = []
        self._flushed = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._calls: set[asyncio.Task[Any]] = set()
        self._changes: list[StateChanged] = []

    def output(self, stream: OutputStream, text: str) -> None:
        self._draft.output.append(text)
        if not self._stream_outputs:
            return
        self._waiting.append((stream, text))
        loop = asyncio.get_running_loop()
        if loop.time() - self._flushed >= FLUSH_S:
            self.flush()
        elif self._timer is None:
            self._timer = loop.call_later(FLUSH_S, self.flush)

    def overflow(self, text: str) -> None:
        self._draft.add_overflow(text)

    def artifact(self, artifact: Artifact) -> None:
        self.flush()
        if not self._draft.run.add_artifact(artifact):
            self.output("stderr", f"[{artifact.name} is not kept: the files of this run are more than can be held]\n")
            return
        self._emit(
            ArtifactCreated(
                artifact_id=artifact.artifact_id,
                name=artifact.name,
                media_type=artifact.media_type,
                size_bytes=len(artifact.data),
            )
        )

    def changed(self, change: StateChanged) -> None:
        self._changes.append(change)

    def emit_changes(self) -> None:
        """Record what the code did to variables and files, as far as that is known."""
        for change in self._changes:
            self._emit(change)

    async def call_tool(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        self.flush()
        if task := asyncio.current_task():
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)
        return await self._tools.call(name, args, kwargs)

    async def close(self) -> None:
        """Record the rest, and end tool calls that outlive the code, so that what they did and cost is recorded."""
        self.flush()
        if self._draft.overflow:
            name = f"output-of-step-{self._draft.number}.txt"
            self.artifact(checked_artifact(name, "text/plain", self._draft.printed.encode("utf-8", "replace")))
            self.flush()
        left = [task for task in self._calls if task is not asyncio.current_task()]
        for task in left:
            if not task.cancelling():  # a second cancellation would cut its cleaning up short
                task.cancel()
        if left:
            await asyncio.wait(left)

    def flush(self) -> None:
        """Record what was printed since the last time, one record a stretch of the same stream."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for stream, group in itertools.groupby(waiting, key=_stream):
                self._emit(OutputDelta(stream=stream, text="".join(text for _, text in group)))
            self._flushed = asyncio.get_running_loop().time()


def _stream(item: tuple[OutputStream, str]) -> OutputStream:
    return item[0]
