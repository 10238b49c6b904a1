"""A session's virtual machine: started with its first worker, kept for the next one, ended with the session.

A worker that dies is replaced in the same machine, which takes milliseconds. A machine whose bridge is lost is ended,
and the next worker gets a new one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, TypeVar

from agentui.errors import SandboxUnavailable
from agentui.loop_thread import background_loop
from agentui.sandbox.base import SandboxInfo
from agentui.sandbox.confinement import ResourceLimits
from agentui.sandbox.remote_client import BridgeClient, MachineLost
from agentui.sandbox.remote_machine import Started, end_machine
from agentui.sandbox.remote_worker import RemoteProcess, RemoteWorker
from agentui.sandbox.session import LocalSandbox

T = TypeVar("T")

GRACE_S: Final = 1.0
"Between an interrupt and the end of the worker: the way there and back, and some time to end the step."


class Machine:
    """A running machine. `end` is for threads, all else for any."""

    def __init__(
        self, client: BridgeClient, started: Started, submit: Callable[[Callable[[], None]], Future[None]]
    ) -> None:
        self.client = client
        self.lost = False
        "Its bridge cannot be reached."
        self.ended = False
        self._started = started
        self._submit = submit
        self._lock = threading.Lock()

    def end(self) -> None:
        """End it; blocks until the service has answered. Only the first call does anything."""
        with self._lock:
            if not self.ended:
                self.ended = self.lost = True
                end_machine(self._started.machine)
                asyncio.run_coroutine_threadsafe(self.client.close(), background_loop())

    def end_later(self) -> Future[None]:
        """End it in a thread."""
        self.lost = True
        try:
            return self._submit(self.end)
        except RuntimeError:
            # The pool was closed, and has ended it.
            done: Future[None] = Future()
            done.set_result(None)
            return done


class MachineSource:
    """Starts the workers of one session."""

    def __init__(
        self, start: Callable[[threading.Event], Future[Machine]], limits: ResourceLimits, idle_timeout_s: float
    ) -> None:
        self._start = start
        self._limits = limits
        self._idle_timeout_s = idle_timeout_s
        self._machine: Machine | None = None
        self._abandoned = threading.Event()

    async def start_worker(self, tools: Sequence[str]) -> RemoteWorker:
        """Start one, in a new machine if there is none.

        Raises:
            SandboxUnavailable: There is no worker.
        """
        if self._machine is not None and not self._machine.lost:
            with suppress(MachineLost):
                return await self._start_in(self._machine, tools)
        self._machine = await self._new_machine()
        try:
            return await self._start_in(self._machine, tools)
        except MachineLost as error:
            raise SandboxUnavailable(f"no worker was started in the virtual machine: {error}") from None

    def abandon(self) -> None:
        """Want no machine any more; one that is being started is ended."""
        self._abandoned.set()

    async def end(self) -> None:
        """End the machine."""
        self.abandon()
        if self._machine is not None:
            await asyncio.shield(asyncio.wrap_future(self._machine.end_later()))

    async def _start_in(self, machine: Machine, tools: Sequence[str]) -> RemoteWorker:
        try:
            number = await _on_background_loop(machine.client.start_worker(tuple(tools)))
            return await _on_background_loop(self._carry(machine, number))
        except (MachineLost, asyncio.CancelledError):
            # It is of no use, or has a worker that nobody holds.
            machine.end_later()
            raise

    async def _new_machine(self) -> Machine:
        starting = self._start(self._abandoned)
        try:
            return await asyncio.shield(asyncio.wrap_future(starting))
        except asyncio.CancelledError:
            starting.add_done_callback(_end_unwanted)
            raise

    async def _carry(self, machine: Machine, number: str) -> RemoteWorker:
        loop = asyncio.get_running_loop()
        process = RemoteProcess(machine.client, number, loop, self._idle_timeout_s, machine.end_later)
        process.start()
        return RemoteWorker(process, number, machine.client, self._limits, loop)


class RemoteSandbox(LocalSandbox):
    """One session in a virtual machine; see `agentui.sandbox.base.Sandbox` for what its methods promise."""

    def __init__(self, source: MachineSource, info: SandboxInfo, tools: Sequence[str], worker: RemoteWorker) -> None:
        super().__init__(source, info, tools, worker)
        self.grace_s = GRACE_S
        self._machine = source

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    async def close(self) -> None:
        """End the machine, and with it the worker."""
        await self._machine.end()
        await super().close()
        # One that the call which ran had just been given.
        await self._machine.end()


def _end_unwanted(starting: Future[Machine]) -> None:
    if not starting.cancelled() and starting.exception() is None:
        starting.result().end_later()


async def _on_background_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` where the connections are; it goes on to its end if the caller is cancelled."""
    return await asyncio.shield(asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, background_loop())))
