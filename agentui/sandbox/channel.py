"""The host's end of the socket to one worker. What it reads is hostile until `frames` has checked it.

One deadline holds for a whole frame, counted from its first byte, so a worker that drips bytes cannot keep the host
waiting. The socket belongs to no event loop: each call uses the loop that runs it, and a cancelled call loses no
byte that was read.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from agentui.sandbox.frames import HEADER, FrameError, pack, parse, sizes

FRAME_TIMEOUT_S = 5.0
_READ_BYTES = 1 << 18


class WorkerGone(Exception):
    """The worker closed its end: it died."""


class Frame(NamedTuple):
    """A frame whose sizes and JSON are in order; its fields are still the worker's word."""

    header: dict[str, Any]
    blob: bytes
    json_bytes: int
    "Length of the header as it was sent."


class Channel:
    """Reads and writes frames; one must arrive within `frame_timeout_s` of its first byte."""

    def __init__(self, connection: socket.socket, *, frame_timeout_s: float = FRAME_TIMEOUT_S) -> None:
        connection.setblocking(False)
        self._connection = connection
        self._frame_timeout_s = frame_timeout_s
        self._received = bytearray()
        self._waits: set[Callable[[int], object]] = set()
        "How to take this socket out of the event loop, for each call that waits on it."
        self._broken = False
        "A frame was begun and not finished."

    async def receive(self) -> Frame:
        """Wait for the next frame.

        Raises:
            WorkerGone: The other end is closed.
            FrameError: What came is not a frame, or took too long from its first byte to its last.
        """
        if not self._received:
            await self._read()
        try:
            async with asyncio.timeout(self._frame_timeout_s):
                return await self._rest_of_frame()
        except TimeoutError:
            raise FrameError(f"a frame that took longer than {self._frame_timeout_s:g} s") from None

    async def send(self, header: Mapping[str, Any], blob: bytes = b"") -> None:
        """Send one frame.

        Raises:
            WorkerGone: The other end is closed.
            FrameError: The frame is too large.
        """
        rest = memoryview(pack(header, blob))
        if self._broken:
            raise WorkerGone("a frame was left unfinished")
        self._broken = True
        while rest:
            try:
                rest = rest[self._connection.send(rest) :]
            except (BlockingIOError, InterruptedError):
                await self._ready(for_writing=True)
            except OSError as error:
                raise WorkerGone(str(error)) from None
        self._broken = False

    def send_if_room(self, header: Mapping[str, Any]) -> None:
        """Send a small frame without waiting; one that does not fit is given up, and this channel with it."""
        frame = pack(header)
        try:
            self._broken = self._broken or self._connection.send(frame) < len(frame)
        except OSError:
            self._broken = True

    @property
    def usable(self) -> bool:
        """Whether the worker is there and both sides are between two frames: to be asked when no step runs."""
        if self._broken or self._received:
            return False
        try:
            self._connection.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        # Closed, or a worker that speaks out of turn.
        return False

    def abandon(self) -> None:
        """Give the other end up: an exchange with it was broken off."""
        self._broken = True

    def close(self) -> None:
        """Close this end; a call that waits on it must run in this thread's event loop, and is not woken."""
        for stop_waiting in self._waits:
            stop_waiting(self._connection.fileno())
        self._waits.clear()
        self._connection.close()

    async def _rest_of_frame(self) -> Frame:
        await self._fill(HEADER.size)
        json_bytes, blob_bytes = sizes(bytes(self._received[: HEADER.size]))
        end = HEADER.size + json_bytes + blob_bytes
        await self._fill(end)
        header = parse(bytes(self._received[HEADER.size : HEADER.size + json_bytes]))
        blob = bytes(self._received[HEADER.size + json_bytes : end])
        del self._received[:end]
        return Frame(header, blob, json_bytes)

    async def _fill(self, size: int) -> None:
        while len(self._received) < size:
            await self._read()

    async def _read(self) -> None:
        """Add what there is to read; always gives other tasks a turn, so a flood cannot hold the loop."""
        await asyncio.sleep(0)
        while True:
            try:
                chunk = self._connection.recv(_READ_BYTES)
            except (BlockingIOError, InterruptedError):
                await self._ready(for_writing=False)
            except OSError as error:
                raise WorkerGone(str(error)) from None
            else:
                break
        if not chunk:
            raise WorkerGone("the connection was closed")
        self._received += chunk

    async def _ready(self, *, for_writing: bool) -> None:
        loop = asyncio.get_running_loop()
        descriptor = self._connection.fileno()
        if descriptor < 0:
            raise WorkerGone("the connection was closed here")
        ready: asyncio.Future[None] = loop.create_future()
        add, remove = (loop.add_writer, loop.remove_writer) if for_writing else (loop.add_reader, loop.remove_reader)
        add(descriptor, _wake, ready)
        self._waits.add(remove)
        try:
            await ready
        finally:
            # After `close` the number may belong to another file.
            if remove in self._waits:
                self._waits.remove(remove)
                remove(descriptor)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
