"""Points in a script where whoever plays it waits until somebody lets it on.

A test or a demo stands still at a gate instead of sleeping, so "while the model streams" is a state and not a
moment. Signals cross threads and event loops: a gate may be waited for in a server's loop and opened by a test.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from contextlib import suppress


class Signal:
    """Something that happens once. Any thread may `set` it; any loop may await it, any thread may wait for it."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._waiters: set[asyncio.Future[None]] = set()

    def is_set(self) -> bool:
        """Whether it has happened."""
        return self._event.is_set()

    def set(self) -> None:
        """Wake everybody who waits; a second call changes nothing."""
        with self._lock:
            self._event.set()
            waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            with suppress(RuntimeError):  # its loop is closed: nobody waits there any more
                waiter.get_loop().call_soon_threadsafe(_wake, waiter)

    async def wait(self) -> None:
        """Wait in the running loop; returns at once if it has happened."""
        with self._lock:
            if self._event.is_set():
                return
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
        try:
            await waiter
        finally:
            with self._lock:
                self._waiters.discard(waiter)

    def __await__(self) -> Generator[object, None, None]:
        return self.wait().__await__()

    def wait_blocking(self, timeout_s: float = 10.0) -> None:
        """Wait in a thread that runs no event loop.

        Raises:
            TimeoutError: It did not happen within `timeout_s` seconds.
        """
        if not self._event.wait(timeout_s):
            msg = f"nothing happened within {timeout_s} s"
            raise TimeoutError(msg)


class Gate:
    """A closed door in a script. Once open it stays open.

    Attributes:
        reached: Set when the first player stands at the gate: `await gate.reached`.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.reached = Signal()
        self._opened = Signal()

    def __repr__(self) -> str:
        return f"Gate({self.name!r}, {'open' if self.is_open else 'closed'})"

    @property
    def is_open(self) -> bool:
        """Whether players pass without waiting."""
        return self._opened.is_set()

    def open(self) -> None:
        """Let everybody through, from any thread."""
        self._opened.set()

    async def wait(self) -> None:
        """Stand at the gate until it is open."""
        self.reached.set()
        await self._opened


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
