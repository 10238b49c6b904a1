"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio


class FakeClock:
    """Stands in for `time.monotonic` (call it) and for `asyncio.sleep` (`clock.sleep`), in one event loop."""

    def __init__(self, now_s: float = 0.0) -> None:
        self._now_s = now_s
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def __call__(self) -> float:
        """Seconds, as the test has set them."""
        return self._now_s

    @property
    def sleeping(self) -> tuple[float, ...]:
        """The times at which those who sleep will wake, soonest first."""
        return tuple(sorted(wake_s for wake_s, future in self._sleepers if not future.done()))

    async def sleep(self, delay_s: float) -> None:
        """Return when the clock has been advanced by `delay_s` seconds."""
        if delay_s <= 0:
            return await asyncio.sleep(0)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now_s + delay_s, future))
        return await future

    def advance(self, seconds: float) -> None:
        """Move the clock and wake whoever has slept long enough, in the order of their times.

        Raises:
            ValueError: `seconds` is negative; this clock never goes back either.
        """
        if seconds < 0:
            msg = f"a clock cannot go back by {-seconds} s"
            raise ValueError(msg)
        self._now_s += seconds
        due = sorted(
            (sleeper for sleeper in self._sleepers if sleeper[0] <= self._now_s), key=lambda sleeper: sleeper[0]
        )
        self._sleepers = [sleeper for sleeper in self._sleepers if sleeper[0] > self._now_s]
        for _, future in due:
            if not future.done():
                future.set_result(None)
