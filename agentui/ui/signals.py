"""Waiting for changes, and how often a page is told of them.

A `Changes` counts; whoever watches remembers the count that it has seen, so nothing is missed between two looks.
`frames` turns any number of changes into few looks: the first at once, then never closer than the pace allows,
and one in a while when nothing happens.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable

Sleep = Callable[[float], Awaitable[None]]


class Changes:
    """A counter that can be waited for, on one event loop."""

    def __init__(self) -> None:
        self.count = 0
        self._waiters: set[asyncio.Future[None]] = set()

    def touch(self) -> None:
        """Something changed."""
        self.count += 1
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def since(self, count: int) -> None:
        """Return when the counter is beyond `count`."""
        while self.count <= count:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)


class Watch:
    """One page's look at a visitor, until the page is gone."""

    def __init__(self) -> None:
        self.closed = False
        self._end = Changes()

    def close(self) -> None:
        """End every `frames` of this watch at once."""
        self.closed = True
        self._end.touch()

    async def wait(self) -> None:
        """Return when it is closed."""
        await self._end.since(0)


async def frames(
    changes: Changes,
    watch: Watch,
    *,
    pace_s: Callable[[], float],
    beat_s: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Sleep = asyncio.sleep,
) -> AsyncGenerator[bool, None]:
    """Yield True after changes and False as a heartbeat, until `watch` is closed.

    Args:
        changes: What is looked at. The first frame comes at once, whatever happened before.
        watch: The page.
        pace_s: Least seconds between two frames, asked anew for each.
        beat_s: Seconds of silence after which a heartbeat comes.
        clock: Seconds, as `time.monotonic`.
        sleep: As `asyncio.sleep`.
    """
    seen = changes.count
    shown_at = clock()
    yield True
    while not watch.closed:
        changed = await _first(changes.since(seen), sleep(beat_s), watch.wait()) == 0
        if watch.closed:
            return
        if changed and (rest := shown_at + pace_s() - clock()) > 0:
            await _first(sleep(rest), watch.wait())
            if watch.closed:
                return
        seen, shown_at = changes.count, clock()
        yield changed


async def _first(*things: Awaitable[None]) -> int:
    """Wait for the first of them, end the others, and say which it was."""
    tasks = [asyncio.ensure_future(thing) for thing in things]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(index for index, task in enumerate(tasks) if task.done())
    finally:
        for task in tasks:
            task.cancel()
