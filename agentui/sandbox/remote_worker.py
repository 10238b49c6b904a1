"""A worker in a virtual machine, as a session sees it: a socket whose other end is carried there and back.

The session keeps its own socket, so all that it does and checks is as for a local worker. Two tasks on the background
loop carry the bytes; signals travel between them, and never later than what was written after them. Nothing is asked
for while the worker is frozen. The first cause that ends the connection is the one that is told.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, TypeVar

from agentui.sandbox.artifacts import ArtifactRefused, FileMark
from agentui.sandbox.blobs import Segment
from agentui.sandbox.confinement import ResourceLimits
from agentui.sandbox.remote_client import BridgeClient, MachineLost, end_of_worker
from agentui.sandbox.remote_files import fetch_files, send_files
from agentui.sandbox.snapshot_files import SavedFile, SavedFiles
from agentui.sandbox.worker.bridge_files import PART_BYTES
from agentui.sandbox.worker_handle import Disposal, Worker

T = TypeVar("T")

FRAME_TIMEOUT_S: Final = 60.0
"A frame of 20 MB takes a while from another continent."
_END_S: Final = 5.0
_CONTROLS: Final = {signal.SIGCONT: "thaw", signal.SIGSTOP: "freeze", signal.SIGINT: "interrupt"}


class RemoteProcess:
    """Carries a worker's bytes and signals; `breach` says why it ended, where the worker itself does not."""

    pid = 0
    "It has none on this machine."

    def __init__(
        self,
        client: BridgeClient,
        number: str,
        loop: asyncio.AbstractEventLoop,
        idle_s: float,
        lost: Callable[[], object],
    ) -> None:
        self.connection, self._far = socket.socketpair()
        self._far.setblocking(False)
        self.status = -int(signal.SIGKILL)
        self.breach: str | None = None
        self.ended = False
        self._client = client
        self._number = number
        self._loop = loop
        self._idle_s = idle_s
        self._lost = lost
        self._machine_lost = False
        self._controls: deque[str] = deque()
        self._data = bytearray()
        self._to_send = asyncio.Event()
        self._sent = asyncio.Event()
        self._thawed = asyncio.Event()
        self._idle: asyncio.TimerHandle | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to carry for a worker that is frozen. On the background loop."""
        self._note(signal.SIGSTOP)
        self._tasks = [asyncio.create_task(job) for job in (self._read(), self._send(), self._receive())]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; any but those for freezing, thawing and interrupting ends the worker at once."""
        if number in _CONTROLS:
            self._controls.append(_CONTROLS[number])
            self._loop.call_soon_threadsafe(self._note, number)
        else:
            self.end(self.status, None)

    def end(self, status: int, breach: str | None) -> None:
        """Hang up; the session sees that its worker is gone. From any thread; only the first call counts."""
        if not self.ended:
            self.ended, self.status, self.breach = True, status, breach
            with suppress(OSError):
                self._far.shutdown(socket.SHUT_RDWR)
            self._loop.call_soon_threadsafe(self._stop)

    async def leave(self) -> None:
        """Give back what this end holds, and end the worker. On the background loop, after `end`."""
        self._stop()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._far.close()
        if self._machine_lost:
            return
        try:
            async with asyncio.timeout(_END_S):
                await self._client.end_worker(self._number)
        except (MachineLost, TimeoutError):
            self._lost()

    def _note(self, number: signal.Signals) -> None:
        self._to_send.set()
        if self._idle is not None:
            self._idle.cancel()
        if number == signal.SIGSTOP:
            self._thawed.clear()
            self._idle = self._loop.call_later(self._idle_s, self.give_up, "it was not used for too long")
        else:
            self._thawed.set()

    def give_up(self, why: str) -> None:
        """Hang up, and have the machine ended. From any thread."""
        self._machine_lost = True
        self._lost()
        self.end(0, f"its virtual machine was lost: {why}")

    def _stop(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        for task in self._tasks:
            task.cancel()

    async def _read(self) -> None:
        while data := await self._loop.sock_recv(self._far, PART_BYTES):
            self._data += data
            self._to_send.set()
            self._sent.clear()
            await self._sent.wait()

    async def _send(self) -> None:
        count = 0
        try:
            while True:
                await self._to_send.wait()
                self._to_send.clear()
                # Controls last: all that were given before this data was written are among them.
                data = bytes(self._data)
                self._data.clear()
                controls = [self._controls.popleft() for _ in range(len(self._controls))]
                if controls or data:
                    count += 1
                    await self._client.send(self._number, count, controls, data)
                if not self._data:
                    self._sent.set()
        except MachineLost as error:
            self.give_up(str(error))

    async def _receive(self) -> None:
        offset = 0
        try:
            while True:
                await self._thawed.wait()
                answer = await self._client.fetch(self._number, offset)
                if answer.status == 410:
                    self.end(*end_of_worker(answer.body))
                    return
                offset += len(answer.body)
                await self._loop.sock_sendall(self._far, answer.body)
        except MachineLost as error:
            self.give_up(str(error))
        except OSError:
            # The session has hung up.
            return


class RemoteWatch:
    """The bridge looks at the worker; this only knows what it said."""

    def __init__(self, process: RemoteProcess) -> None:
        self._process = process

    @property
    def breach(self) -> str | None:
        """Why the worker was ended, if it was."""
        return self._process.breach

    def stop(self) -> None:
        """Nothing to do: the bridge stops when the worker is frozen."""


class RemoteWorker(Worker):
    """A worker of another machine."""

    def __init__(
        self,
        process: RemoteProcess,
        number: str,
        client: BridgeClient,
        limits: ResourceLimits,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        # No directory of this machine: what a subclass forgets to override fails, and touches nothing here.
        super().__init__(process, os.devnull, limits, self._leave, frame_timeout_s=FRAME_TIMEOUT_S)
        self._remote = process
        self._number = number
        self._client = client
        self._loop = loop

    def watch(self) -> RemoteWatch:
        """What the bridge says about its use of the machine."""
        return RemoteWatch(self._remote)

    async def list_files(self) -> dict[str, FileMark]:
        """As `Worker.list_files`; none if the machine is lost, which the next step tells."""
        asking = asyncio.run_coroutine_threadsafe(self._client.list_files(self._number), self._loop)
        try:
            return await asyncio.wrap_future(asking)
        except MachineLost as error:
            self._remote.give_up(str(error))
            return {}

    async def read_file(self, name: str) -> bytes:
        """As `Worker.read_file`."""
        asking = asyncio.run_coroutine_threadsafe(self._client.read_file(self._number, name), self._loop)
        try:
            answer = await asyncio.wrap_future(asking)
        except MachineLost as error:
            self._remote.give_up(str(error))
            raise ArtifactRefused(f"its virtual machine did not send it: {error}") from None
        if answer.status != 200:
            raise ArtifactRefused(answer.body[:200].decode("utf-8", "replace"))
        return answer.body

    async def save_files(self, segment: Segment, earlier: Mapping[str, SavedFile]) -> SavedFiles:
        """As `Worker.save_files`."""
        return await self._carry_files(fetch_files(self._client, self._number, segment, earlier, self.limits))

    async def restore_files(self, files: tuple[SavedFile, ...]) -> None:
        """As `Worker.restore_files`."""
        await self._carry_files(send_files(self._client, self._number, files))

    async def _carry_files(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))
        except MachineLost as error:
            self._remote.give_up(str(error))
            raise OSError(errno.EIO, f"its virtual machine was lost: {error}") from None

    def _leave(self) -> Disposal:
        status: Future[int] = Future()
        status.set_result(self._remote.status)
        return Disposal(status, asyncio.run_coroutine_threadsafe(self._remote.leave(), self._loop))
