"""What a session keeps of every finished step, so that another run can begin there.

A checkpoint holds the conversation of its moment, the interpreter's snapshot if there is one, and what it takes to
make the state again without: the code that ran and the results of its tools. Snapshots are made while the model
answers, and the oldest are dropped beyond a budget; checkpoints stay.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from agentui.errors import ConfigError, SandboxError
from agentui.events import StepFinished
from agentui.input_files import InputFile
from agentui.messages import ChatMessage
from agentui.sandbox.base import SANDBOX_ERRORS, ExecResult, Sandbox, Snapshot, SnapshotRefused
from agentui.sandbox.blobs import Blob, segments_size
from agentui.unfinished import Unfinished

MAX_SNAPSHOT_BYTES: Final = 256 << 20
"What the snapshots of one session may take, on disk; what they share counts once."

State: TypeAlias = Future[Snapshot | SnapshotRefused]
"""A snapshot that is there, or is being made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """A call of a host tool and what came of it."""

    name: str
    arguments: Mapping[str, Any]
    "By name, as in the records."
    result: Any = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RanCode:
    """Code that ran, and what it did that can be seen."""

    step: int
    code: str
    calls: Sequence[ToolResult] = ()
    output: str = ""
    failed: bool = False
    stopped: bool = False
    "It was ended from outside, at a place that nobody knows."


@dataclass(frozen=True, slots=True, kw_only=True)
class Defined:
    """What the code was given."""

    variables: Mapping[str, Any]
    files: Sequence[InputFile] = ()
    lost: Mapping[str, str] = field(default_factory=dict[str, str])
    "What it was given besides and that is not known any more, and why."


Action: TypeAlias = RanCode | Defined


@dataclass(slots=True)
class History:
    """What the interpreter's state came from, oldest first: all since it was fresh."""

    actions: list[Action] = field(default_factory=list[Action])

    def add(self, ran: RanCode, result: ExecResult) -> None:
        """Code has run; with its worker goes all that was before, but the files, which the next one gets again."""
        died = result.state_lost and result.error is not None and result.error.kind in SANDBOX_ERRORS
        if result.state_lost:
            given = {file.name: file for action in self.actions if isinstance(action, Defined) for file in action.files}
            self.actions[:] = [Defined(variables={}, files=tuple(given.values()))] if given else []
        if not died:
            self.actions.append(ran)


@dataclass(slots=True, kw_only=True, eq=False)
class Checkpoint:
    """A session after a step."""

    run_id: str
    step: int
    messages: tuple[ChatMessage, ...]
    steps: tuple[StepFinished, ...]
    history: tuple[Action, ...]
    unfinished: Unfinished
    "The task, as something that can be gone on with."
    assignment: Any
    "A copy of the session's, as it was."
    state: State


class Checkpoints:
    """The checkpoints of a session, oldest first, and the snapshot that is being made."""

    def __init__(self, kept: Sequence[Checkpoint] = ()) -> None:
        self.kept = list(kept)
        self._making: State | None = None
        self._task: asyncio.Task[Snapshot | SnapshotRefused] | None = None

    def add(self, checkpoint: Checkpoint) -> None:
        """Keep one more; snapshots that no longer fit are dropped, the oldest first."""
        self.kept.append(checkpoint)
        for old in self.kept:
            if segments_size(self._blobs()) <= MAX_SNAPSHOT_BYTES:
                return
            if old.state is not checkpoint.state and old.state.done() and isinstance(old.state.result(), Snapshot):
                self._drop(old.state)

    def at(self, step: int, run_id: str | None) -> Checkpoint:
        """The checkpoint of a step; of the newest run that has one, unless a run is named.

        Raises:
            ConfigError: There is none; the message says which there are.
        """
        of_run = [one for one in self.kept if run_id is None or one.run_id == run_id]
        found = next((one for one in reversed(of_run) if one.step == step), None)
        if found is None:
            known = ", ".join(str(number) for number in sorted({one.step for one in of_run})) or "none yet"
            of = "" if run_id is None else f" of run {run_id!r}"
            raise ConfigError(f"no step {step!r}{of} can be gone back to: the finished steps are {known}")
        return found

    def until(self, last: Checkpoint) -> Checkpoints:
        """Those up to `last`, for a session that begins there; what it drops stays here."""
        return Checkpoints([replace(one) for one in self.kept[: self.kept.index(last) + 1]])

    def make(self, sandbox: Sandbox) -> State:
        """Begin to make a snapshot, on the running event loop; nothing may use `sandbox` before `made`."""
        state: State = Future()
        self._task = asyncio.get_running_loop().create_task(_made_after(self._making, sandbox))
        self._task.add_done_callback(lambda task: state.set_result(_outcome(task)))
        self._making = state
        return state

    async def made(self) -> None:
        """Wait until no snapshot is being made: the interpreter is free then."""
        if self._making is not None and not self._making.done():
            # The wait is all that a cancellation ends: whoever asked for the snapshot still gets it.
            await asyncio.wait({asyncio.wrap_future(self._making)})
        self._making = None

    def _blobs(self) -> Iterator[Blob]:
        for one in self.kept:
            if one.state.done() and isinstance(snapshot := one.state.result(), Snapshot):
                yield from snapshot.blobs()

    def _drop(self, state: State) -> None:
        dropped = refused(f"it was dropped: this conversation's took more than {MAX_SNAPSHOT_BYTES:,} bytes")
        for one in self.kept:
            if one.state is state:
                one.state = dropped


def refused(reason: str) -> State:
    """No snapshot, and why."""
    state: State = Future()
    state.set_result(SnapshotRefused(reason))
    return state


async def settled(state: State) -> Snapshot | SnapshotRefused:
    """The snapshot, once it is made."""
    if not state.done():
        await asyncio.wait({asyncio.wrap_future(state)})
    return state.result()


async def _made_after(earlier: State | None, sandbox: Sandbox) -> Snapshot | SnapshotRefused:
    """A snapshot, once the earlier one is made: a step without code may follow sooner than that."""
    if earlier is not None:
        await settled(earlier)
    return await sandbox.snapshot()


def _outcome(task: asyncio.Task[Snapshot | SnapshotRefused]) -> Snapshot | SnapshotRefused:
    if task.cancelled():
        return SnapshotRefused("the program ended before it was made")
    error = task.exception()
    if error is None:
        return task.result()
    if not isinstance(error, SandboxError):
        task.get_loop().call_exception_handler({"message": "a snapshot failed", "exception": error})
    return SnapshotRefused(f"it failed: {error}")
