"""How long a call may take, and the one clock that enforces it without work for every chunk."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Limits of one model call, in seconds. `math.inf` means no limit."""

    connect_s: float = 10.0
    "To open the connection."
    first_byte_s: float = 300.0
    "From the request to the first byte of the answer's head; a local server may read a long prompt that long."
    first_delta_s: float = 600.0
    "From the request to the first delta. Keep-alives do not end it; DeepSeek sends them for up to 10 minutes."
    silence_s: float = 120.0
    "Between two deltas. Keep-alives do not end it."
    call_s: float = 1_800.0
    "For the whole call, its retries not included."
    tail_s: float = 5.0
    "After the finish reason, for usage that a server sends behind it."
    drain_s: float = 2.0
    "After our own cut, for usage that is still on its way."

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) > 0:
                msg = f"timeouts: {name} must be above 0 seconds, not {getattr(self, name)!r}"
                raise ValueError(msg)

    @classmethod
    def all_at(cls, seconds: float) -> Timeouts:
        """Every kind of silence may last `seconds`, as with the `timeout` of the openai client."""
        return cls(connect_s=seconds, first_byte_s=seconds, first_delta_s=seconds, silence_s=seconds)


class TimeLimitPassed(Exception):
    """A limit has passed; the text names it."""


class Watchdog:
    """Ends a wait when a limit passes. One timer serves all waits of a call; moving the limit on costs two stores.

    Not a context manager around the whole stream: between two waits the consumer's own code runs, which is not ours
    to interrupt.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit = math.inf
        self._reason = ""
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: asyncio.Task[object] | None = None
        self._passed = False

    def now(self) -> float:
        """Seconds on the clock that limits are given on."""
        return self._loop.time()

    def set(self, limit: float, reason: str) -> None:
        """Let waits last until `limit`; `reason` is what to say when it passes."""
        self._limit, self._reason = limit, reason
        if self._timer is None:
            if limit < math.inf:
                self._timer = self._loop.call_at(limit, self._look)
        elif limit < self._timer.when():
            self._timer.cancel()
            self._timer = self._loop.call_at(limit, self._look)

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def check(self) -> None:
        """Call before a wait: a limit that has passed meanwhile ends nothing that has not begun.

        Raises:
            TimeLimitPassed: The limit has passed.
        """
        if self._loop.time() >= self._limit:
            raise TimeLimitPassed(self._reason)

    async def wait(self, awaitable: Awaitable[T]) -> T:
        """Await within the limit.

        Raises:
            TimeLimitPassed: The limit passed; what was awaited has been cancelled.
        """
        task = self._waiting = asyncio.current_task()
        cancels = task.cancelling() if task is not None else 0
        try:
            return await awaitable
        except asyncio.CancelledError:
            if self._passed and task is not None and task.uncancel() <= cancels:
                raise TimeLimitPassed(self._reason) from None
            raise
        finally:
            self._waiting, self._passed = None, False

    def _look(self) -> None:
        self._timer = None
        if self._loop.time() < self._limit:
            if self._limit < math.inf:
                self._timer = self._loop.call_at(self._limit, self._look)
        elif self._waiting is not None:
            self._passed = True
            self._waiting.cancel()
