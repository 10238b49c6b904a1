"""What a session holds of its worker: the channel, the signals, and the way to be rid of it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final, NamedTuple

from agentui.sandbox.channel import Channel
from agentui.sandbox.confinement import ResourceLimits
from agentui.sandbox.process import WorkerProcess

_STARVED_NS: Final = 5_000_000


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

    def starved_since(self, before: MainThread) -> bool:
        """Whether it wanted to run and got next to no time."""
        return self.runnable and self.cpu_ns - before.cpu_ns < _STARVED_NS


class Worker:
    """A worker that serves one session."""

    def __init__(
        self,
        process: WorkerProcess,
        session_dir: str,
        limits: ResourceLimits,
        dispose: Callable[[WorkerProcess, str], Disposal],
    ) -> None:
        self.channel = Channel(process.connection)
        self.limits = limits
        self.session_dir = session_dir
        self.interrupts = 0
        "How often it was interrupted: tells it whether an interrupt was meant for a step that it has yet to begin."
        self._process = process
        self._dispose = dispose
        self._disposal: Disposal | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

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
        """Its main thread; not runnable where that cannot be told."""
        try:
            with open(f"/proc/{self.pid}/schedstat", encoding="ascii") as file:
                cpu_ns = int(file.read().split()[0])
            with open(f"/proc/{self.pid}/stat", encoding="ascii", errors="replace") as file:
                state = file.read().rpartition(")")[2].split()[0]
        except (OSError, ValueError, IndexError):
            return MainThread(runnable=False, cpu_ns=0)
        return MainThread(runnable=state == "R", cpu_ns=cpu_ns)

    def kill(self) -> None:
        """End it at once."""
        if self._disposal is None:
            self._process.signal(signal.SIGKILL)

    def dispose_later(self) -> Disposal:
        """Kill it, close the channel, and delete its files in the background. No step may be reading the channel."""
        if self._disposal is None:
            self._process.signal(signal.SIGKILL)
            self.channel.close()
            self._disposal = self._dispose(self._process, self.session_dir)
        return self._disposal

    async def dispose(self) -> None:
        """Kill it and delete its files."""
        await asyncio.shield(asyncio.wrap_future(self.dispose_later().cleaned))

    async def exit_status(self) -> int:
        """How it ended, negative for a signal; to be asked when it was killed or has died."""
        return await asyncio.shield(asyncio.wrap_future(self.dispose_later().status))
