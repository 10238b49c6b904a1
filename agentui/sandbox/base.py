"""The face of every sandbox, whichever process or machine runs the code.

A `SandboxPool` opens sandboxes; a `Sandbox` keeps one session's variables and files; an `ExecHost` is what the
host offers to the code while it runs. Everything that comes from a sandbox is untrusted, and checked before it
reaches these types.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from agentui.deltas import OutputStream
from agentui.sandbox.blobs import Blob
from agentui.sandbox.snapshot_files import SavedFile
from agentui.state_events import StateChanged

Tier: TypeAlias = Literal["R", "A", "B", "C", "D", "U"]
"""How strongly the code is isolated, best first. R: a virtual machine of its own. U: not at all, local use only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One attempt of the self-test to reach something that the code must not reach."""

    name: str
    refused: bool
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxInfo:
    """What this machine offers, found by trying it inside a real worker."""

    tier: Tier
    promise: str
    "What the tier guarantees, in a sentence."
    reason: str
    "Why it is not a better one; empty for tier A."
    probes: tuple[Probe, ...] = ()

    @property
    def isolated(self) -> bool:
        """True where hostile code is held back."""
        return self.tier != "U"

    @property
    def shortcoming(self) -> str:
        """The reason as a whole sentence; "" for the best tier."""
        said = self.reason.strip().rstrip(".")
        if not said:
            return ""
        return f"It is {said}." if said.startswith("not ") else f"{said}."

    @property
    def opens_files(self) -> bool:
        """False where the code cannot open any file."""
        return self.tier != "D"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """Something the code made, checked: a picture, a table or a file."""

    artifact_id: str
    "Unguessable; whoever knows it may read the artifact."
    name: str
    media_type: str
    data: bytes


SANDBOX_ERRORS = frozenset({"Timeout", "OutputLimit", "WorkerDied"})
"Kinds of `ExecError` that are no exception of the code."


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecError:
    """An exception that the code raised, or the reason why it was ended."""

    kind: str
    'Class name of the exception, or "Timeout", "OutputLimit", "WorkerDied".'
    message: str
    traceback: str = ""
    "As Python prints it, frames of the sandbox itself removed."
    line: int | None = None
    "Line of the step's code, from 1."


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecResult:
    """How a piece of code ended."""

    value: Any = None
    "The argument of `final_answer(...)` if it was called, else the value of a last bare expression."
    value_repr: str | None = None
    "`repr` of that value, at most 20,000 characters; None where there is none."
    is_final: bool = False
    error: ExecError | None = None
    state_lost: bool = False
    "The worker was killed: variables and files are gone, the next call starts afresh."
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A session's variables and files after a step, to be restored into another session of the same owner.

    The variables are opaque: only a worker ever reads them, and to read them is to run code that the session chose.
    """

    state: Blob
    buffers: tuple[Blob, ...] = ()
    "Large stretches of memory, shared with other snapshots where they are the same."
    files: tuple[SavedFile, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict[str, str])
    "Names and files that could not be kept, and why."
    steps: int = 0
    "How many pieces of code had run: the next one's tracebacks count on."
    inputs: Mapping[str, bytes | Path] = field(default_factory=dict[str, bytes | Path], repr=False)
    "What the session was given by `put_files`: the worker that takes the place of a dead one gets it again."

    def blobs(self) -> Iterator[Blob]:
        """All bytes that it needs."""
        yield self.state
        yield from self.buffers
        yield from (file.content for file in self.files if file.content is not None)

    @property
    def size_bytes(self) -> int:
        """Bytes of variables and files."""
        return sum(blob.size for blob in self.blobs())


@dataclass(frozen=True, slots=True)
class SnapshotRefused:
    """There is no snapshot."""

    reason: str


class ExecHost(Protocol):
    """What the host does for the code while it runs. The sync methods must not block."""

    def output(self, stream: OutputStream, text: str) -> None:
        """The code printed `text`."""

    def overflow(self, text: str) -> None:
        """The code printed `text` beyond `max_output_bytes`; at most 8 MB of a step."""

    def artifact(self, artifact: Artifact) -> None:
        """The code made `artifact`."""

    def changed(self, change: StateChanged) -> None:
        """The code has ended and left this state: said at most once a call, also of code that was interrupted.

        Where the call asks for the whole state, what was there before the code ran comes first, as step 0. Nothing is
        said where nothing is new. Files of a call that was cancelled come with the next one's.
        """

    async def call_tool(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run a host tool for the code.

        Raises:
            ToolError: The tool failed or does not exist; the code sees the message as a `RuntimeError`.
        """


class Sandbox(Protocol):
    """One session's interpreter."""

    info: SandboxInfo

    async def execute(
        self,
        code: str,
        host: ExecHost,
        *,
        timeout_s: float = 30.0,
        max_output_bytes: int = 1_000_000,
        step: int | None = None,
        whole_state: bool = False,
    ) -> ExecResult:
        """Run `code` in this session's namespace, where names persist between calls like notebook cells.

        Calls must not overlap. Cancelling the call interrupts the code (SIGINT, 50 ms of grace, then SIGKILL)
        and returns when it has stopped.

        Args:
            code: Python source.
            host: Receives output and artifacts as they come, and runs tools.
            timeout_s: Wall-clock seconds, tool calls included; then the code is interrupted the same way.
            max_output_bytes: UTF-8 bytes of stdout and stderr together; the cut is marked, and what comes after it
                goes to `host.overflow`.
            step: What tracebacks call the code: `<step-3>`, or `<step-3 (2)>` where other code has that name. By
                default they count the calls.
            whole_state: Have `host.changed` told first of all variables and files that are there before the code runs:
                the host knows none of them.

        Returns:
            How it ended. An exception in `code`, a timeout and a killed worker are results, not exceptions.

        Raises:
            SandboxUnavailable: No worker could be started.
        """
        ...

    async def put(self, variables: Mapping[str, Any]) -> None:
        """Set variables in the namespace.

        Raises:
            ValueError: A value is of a type that cannot be sent; the message names it.
        """

    async def snapshot(self) -> Snapshot | SnapshotRefused:
        """Keep variables, files, random generators, environment and current directory as they are now.

        Calls of this sandbox must not overlap. Cancelling the call gives the snapshot up and keeps the session.
        What cannot be kept (generators, open files, locks, threads) is named in `Snapshot.missing`.

        Returns:
            The snapshot, or why there is none: too large, too slow, the worker died, or this sandbox cannot.
        """
        ...

    async def restore(self, snapshot: Snapshot) -> Mapping[str, str]:
        """Take on a state, in a sandbox that has run no code yet.

        Returns:
            What could not be restored, and why; it includes what the snapshot misses.

        Raises:
            SandboxError: It could not be loaded: close this sandbox.
        """
        ...

    async def put_files(self, files: Mapping[str, bytes | Path]) -> None:
        """Store files where the code opens them by their names; a file of the same name is replaced.

        Where `info.opens_files` is False the code finds them in the variable `input_files`: bytes by name. A worker
        that takes the place of a dead one gets them again.

        Args:
            files: Bytes, or files of this machine, by plain names.

        Raises:
            ValueError: A name is not that of a file in a directory, or they are larger than the sandbox can hold.
            OSError: A path does not exist.
            SandboxError: A file cannot be read or stored.
        """

    async def close(self) -> None:
        """End the worker and delete its files. Safe to call twice, and while code runs."""


class SandboxPool(Protocol):
    """Opens sandboxes of the best tier that this machine offers."""

    async def info(self) -> SandboxInfo:
        """What the self-test found; run once and kept."""
        ...

    async def open(self, *, tools: Sequence[str] = ()) -> Sandbox:
        """Start an interpreter that knows `tools` and `final_answer` as functions.

        Raises:
            SandboxUnavailable: No worker could be started.
        """
        ...

    async def close(self) -> None:
        """End every worker of the pool."""
