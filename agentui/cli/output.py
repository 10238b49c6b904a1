"""Output that never makes its writer wait: a thread of its own writes, in order, every piece at once.

A reader may pause (`| less`, a full pipe) or go away; the event loop, and with it Ctrl-C, goes on either way. The file
descriptor is written to directly: a blocked thread must not hold a lock that Python wants when it exits.
"""

from __future__ import annotations

import asyncio
import os
import select
import threading
from asyncio import AbstractEventLoop, Event
from contextlib import suppress
from queue import SimpleQueue
from typing import TextIO

from agentui.errors import AgentUIError

_PIECE_BYTES = 4_096
"Small enough that a slow reader is seen to read."
PATIENCE_S = 1.0
"For a reader to read anything at all, once somebody asked to stop."


class Output:
    """Writes to `stream` from a thread; made and closed on a running event loop.

    Attributes:
        lost: Set when the reader has gone or the writing failed.
    """

    def __init__(self, stream: TextIO) -> None:
        stream.flush()
        self.lost = Event()
        self._file = stream.fileno()
        self._encoding = stream.encoding
        self._is_terminal = stream.isatty()
        self._loop: AbstractEventLoop = asyncio.get_running_loop()
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._written_bytes = 0
        self._error: OSError | None = None
        self._drained = Event()
        threading.Thread(target=self._write_all, name="agentui-output", daemon=True).start()

    def write(self, text: str) -> int:
        """Hand over `text`; returns at once."""
        self._queue.put(text.encode(self._encoding, "replace"))
        return len(text)

    def write_bytes(self, data: bytes) -> None:
        """Hand over `data`; returns at once."""
        self._queue.put(data)

    def flush(self) -> None:
        """Do nothing: whatever is handed over is written at once."""

    def isatty(self) -> bool:
        """True where a person sees it."""
        return self._is_terminal

    async def close(self, stopped: Event) -> bool:
        """Wait until everything is written; once `stopped` is set, only as long as somebody reads.

        Returns:
            False if the reader has gone, or did not read and somebody asked to stop.

        Raises:
            AgentUIError: It could not be written, for example to a full disk.
        """
        self._queue.put(None)
        await _first(self._drained, stopped)
        seen = -1
        while not self._drained.is_set() and seen != self._written_bytes:
            seen = self._written_bytes
            await _first(self._drained, timeout_s=PATIENCE_S)
        if self._error is not None and not isinstance(self._error, BrokenPipeError):
            raise AgentUIError(f"cannot write the output: {self._error.strerror}") from self._error
        return self._drained.is_set() and self._error is None

    def _write_all(self) -> None:
        try:
            while (data := self._queue.get()) is not None:
                self._write_whole(memoryview(data))
        except OSError as error:
            self._error = error
        self._tell()

    def _write_whole(self, data: memoryview) -> None:
        while data:
            try:
                count = os.write(self._file, data[:_PIECE_BYTES])
            except BlockingIOError:  # somebody else made the pipe non-blocking
                select.select([], [self._file], [])
                continue
            self._written_bytes += count
            data = data[count:]

    def _tell(self) -> None:
        with suppress(RuntimeError):  # the loop has ended: nobody waits any more
            if self._error is not None:
                self._loop.call_soon_threadsafe(self.lost.set)
            self._loop.call_soon_threadsafe(self._drained.set)


async def _first(*events: Event, timeout_s: float | None = None) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
