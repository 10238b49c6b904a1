"""What a session holds of its worker: the channel, the signals, and the way to be rid of it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from agentui.errors import SandboxUnavailable
from agentui.loop_thread import background_loop
from agentui.sandbox.artifacts import FileMark, list_files, read_file
from agentui.sandbox.blobs import Segment
from agentui.sandbox.channel import FRAME_TIMEOUT_S, Channel, WorkerGone
from agentui.sandbox.confinement import ResourceLimits
from agentui.sandbox.frames import FrameError
from agentui.sandbox.snapshot_files import SavedFile, SavedFiles, restore_files, save_files
from agentui.sandbox.watchdog import Watchdog

_STARVED_NS: Final = 5_000_000
_READY_TIMEOUT_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Disposal:
    """A worker being killed, waited for and cleaned up after, in a thread."""

    status: Future[int]
    "How it ended, negative for a signal."
    cleaned: Future[None]


class MainThread(NamedTuple):
    """What the kernel says about the thread that runs the steps."""

    runnable: bool
    cpu_ns: int
    asleep: bool
    "Waits in a call that a signal ends."

    def starved_since(self, before: MainThread) -> bool:
        """Whether it wanted to run and got next to no time."""
        return self.runnable and self.cpu_ns - before.cpu_ns < _STARVED_NS


class Process(Protocol):
    """What runs a worker, on this machine or another."""

    @property
    def pid(self) -> int:
        """Its process id; 0 where it has none on this machine."""
        ...

    @property
    def connection(self) -> socket.socket:
        """The host's end of its socket."""
        ...

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, without waiting; does nothing if it has ended."""


class Watch(Protocol):
    """What looks at a worker while a step runs."""

    @property
    def breach(self) -> str | None:
        """Why it ended the worker, if it did."""
        ...

    def stop(self) -> None:
        """Look no more."""


class Worker:
    """A worker that serves one session. On another machine `watch` and the files are what a subclass makes of them."""

    def __init__(
        self,
        process: Process,
        session_dir: str,
        limits: ResourceLimits,
        dispose: Callable[[], Disposal],
        *,
        frame_timeout_s: float = FRAME_TIMEOUT_S,
    ) -> None:
        self.channel = Channel(process.connection, frame_timeout_s=frame_timeout_s)
        self.limits = limits
        self.session_dir = session_dir
        self.interrupts = 0
        "How often it was interrupted: tells it whether an interrupt was meant for a step that it has yet to begin."
        self._process = process
        self._dispose = dispose
        self._disposal: Disposal | None = None
        self._work_dir = os.path.join(session_dir, "work")

    def __del__(self) -> None:
        # Dropped with its session: frozen as it is, it would not even notice.
        if self._disposal is None and not sys.is_finalizing():
            self._process.signal(signal.SIGKILL)
            self.channel.close()
            background_loop().call_soon_threadsafe(_begin, self._dispose)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def become_ready(self, name: str, *, timeout_s: float = _READY_TIMEOUT_S) -> None:
        """Wait for the first frame of a fresh worker, and freeze it; one that does not come is disposed of.

        Args:
            name: What to call the worker in errors.
            timeout_s: Seconds to wait.

        Raises:
            SandboxUnavailable: It did not get ready.
        """
        try:
            async with asyncio.timeout(timeout_s):
                frame = await self.channel.receive()
            if frame.header != {"t": "ready"}:
                raise FrameError(str(frame.header.get("message", "an unexpected first frame")))
        except (WorkerGone, FrameError, TimeoutError) as error:
            self.dispose_later()
            raise SandboxUnavailable(f"{name} did not start: {error}") from None
        except asyncio.CancelledError:
            self.dispose_later()
            raise
        self.freeze()

    def watch(self) -> Watch:
        """Begin to look at what it uses: it is killed when that is more than its limits."""
        return Watchdog(self.pid, self.session_dir, self.limits, self.kill)

    async def list_files(self) -> dict[str, FileMark]:
        """The files of its work directory that can be kept, by name."""
        return list_files(self._work_dir)

    async def read_file(self, name: str) -> bytes:
        """Read a file of its work directory.

        Raises:
            ArtifactRefused: It cannot be kept.
        """
        return await asyncio.to_thread(read_file, self._work_dir, name)

    async def save_files(self, segment: Segment, earlier: Mapping[str, SavedFile]) -> SavedFiles:
        """Copy its work directory, except what `earlier` has already. It must be frozen.

        Raises:
            OSError: The directory cannot be read.
        """
        return await asyncio.to_thread(save_files, self._work_dir, segment, earlier, self.limits)

    async def restore_files(self, files: tuple[SavedFile, ...]) -> None:
        """Fill its work directory. It must have run no code yet.

        Raises:
            OSError: A file cannot be written.
        """
        await asyncio.to_thread(restore_files, self._work_dir, files)

    def thaw(self) -> None:
        """Let it run."""
        self._process.signal(signal.SIGCONT)

    def freeze(self) -> None:
        """Stop all its threads until `thaw`."""
        self._process.signal(signal.SIGSTOP)

    def interrupt(self) -> None:
        """Ask it to end the step."""
        self.interrupts += 1
        self._process.signal(signal.SIGINT)

    def main_thread(self) -> MainThread:
        """Its main thread; taken for asleep where that cannot be told."""
        try:
            with open(f"/proc/{self.pid}/schedstat", encoding="ascii") as file:
                cpu_ns = int(file.read().split()[0])
            with open(f"/proc/{self.pid}/stat", encoding="ascii", errors="replace") as file:
                state = file.read().rpartition(")")[2].split()[0]
        except (OSError, ValueError, IndexError):
            return MainThread(runnable=False, cpu_ns=0, asleep=True)
        return MainThread(runnable=state == "R", cpu_ns=cpu_ns, asleep=state == "S")

    def kill(self) -> None:
        """End it at once."""
        if self._disposal is None:
            self._process.signal(signal.SIGKILL)

    def dispose_later(self) -> Disposal:
        """Kill it, close the channel, and delete its files in the background. No step may be reading the channel."""
        if self._disposal is None:
            self._process.signal(signal.SIGKILL)
            self.channel.close()
            self._disposal = self._dispose()
        return self._disposal

    async def dispose(self) -> None:
        """Kill it and delete its files."""
        await asyncio.shield(asyncio.wrap_future(self.dispose_later().cleaned))

    async def exit_status(self) -> int:
        """How it ended, negative for a signal; to be asked when it was killed or has died."""
        return await asyncio.shield(asyncio.wrap_future(self.dispose_later().status))


def _begin(dispose: Callable[[], Disposal]) -> None:
    with suppress(RuntimeError):  # the pool is closed, and its workers with it
        dispose()
