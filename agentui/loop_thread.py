"""The thin sync face: one background event loop for callers that are not async.

It is started on first use and lives in a daemon thread until the process ends, so a sync `run()` also works
inside a notebook, whose own loop is already running. An interrupted call ends only when what it waited for has
cleaned up; a second Ctrl-C does not wait. What still runs when the process ends is cancelled first. A forked child has
no such thread: it starts its own loop and leaves everything on the inherited one alone.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import AsyncGenerator, Coroutine, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import cache
from queue import SimpleQueue
from typing import Any, Generic, TypeAlias, TypeVar

from agentui.errors import AgentUIError

T = TypeVar("T")
R = TypeVar("R")

WIND_UP_S = 3.0
"For everything on the background loop to clean up when the process ends."


@cache
def background_loop() -> asyncio.AbstractEventLoop:
    """The process's background loop."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="agentui-loop", daemon=True).start()
    atexit.register(_wind_up, loop)
    return loop


_inherited: list[asyncio.AbstractEventLoop] = []
"Kept, because the tasks of a loop that is collected clean up, and what they hold belongs to the parent process."


def _forget_loop() -> None:
    """In a forked child: the thread of the loop is not there, and nothing handed to it would ever run."""
    if background_loop.cache_info().currsize:
        _inherited.append(background_loop())
        background_loop.cache_clear()
        atexit.unregister(_wind_up)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_loop)


def run_sync(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run `coroutine` on the background loop and wait for it; Ctrl-C cancels it first.

    Raises:
        AgentUIError: Called from code that itself runs on the background loop, where waiting would never end.
    """
    if _inside(background_loop()):
        coroutine.close()
        raise AgentUIError("a sync call from inside the run itself would wait for ever: use the async method there")
    handed_over: _Queue[None, T] = SimpleQueue()
    job = _Job(coroutine, handed_over)
    try:
        job.start()
        while isinstance(got := handed_over.get(), _Item):
            pass
        return got.result()
    finally:
        job.end()


def iterate(items: AsyncGenerator[T, None]) -> Iterator[T]:
    """Iterate over an async iterator from sync code.

    The source is read by one task on the background loop, so `close()` while it is silent cancels that task at
    once and returns when the source has cleaned up. Items are handed over through a queue: one thread hop for
    all that arrived since the last look, not one an item.

    Raises:
        AgentUIError: Iterated over by code that itself runs on the background loop.
    """
    if _inside(background_loop()):
        raise AgentUIError("a sync call from inside the run itself would wait for ever: use the async method there")

    async def pump() -> None:
        async with aclosing(items):
            async for item in items:
                handed_over.put(_Item(item))

    handed_over: _Queue[T, None] = SimpleQueue()
    job = _Job(pump(), handed_over)
    try:
        job.start()
        while isinstance(got := handed_over.get(), _Item):
            yield got.value
        got.result()
    finally:
        job.end()


@dataclass(frozen=True, slots=True)
class _Item(Generic[T]):
    value: T


_Queue: TypeAlias = SimpleQueue[_Item[T] | asyncio.Task[R]]


_running: set[asyncio.Task[Any]] = set()
"Kept, because a loop does not keep its tasks: one that waits for what nobody else holds would be collected with it."


class _Job(Generic[T, R]):
    """A task on the background loop, which hands itself over at its end.

    An interrupt may come at any moment, also inside `start`: what became of the task is decided on the loop alone.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, R], handed_over: _Queue[T, R]) -> None:
        self._loop = background_loop()
        self._coroutine = coroutine
        self._handed_over = handed_over
        self._task: asyncio.Task[R] | None = None
        self._ended = threading.Event()

    def start(self) -> None:
        """Start the task; once."""
        self._loop.call_soon_threadsafe(self._start)

    def end(self) -> None:
        """Cancel the task unless it has ended, and wait until it has.

        On the loop itself, where garbage collection may close a half-read iterator, nobody can wait for it.
        """
        if any(loop is self._loop for loop in _inherited):
            return
        if _inside(self._loop):
            self._loop.call_soon(self._cancel)
        elif not self._ended.is_set():
            self._loop.call_soon_threadsafe(self._cancel)
            self._ended.wait()

    def _start(self) -> None:
        if self._ended.is_set():
            return
        self._task = self._loop.create_task(self._coroutine)
        _running.add(self._task)
        self._task.add_done_callback(self._end)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
        else:
            self._coroutine.close()
            self._ended.set()

    def _end(self, task: asyncio.Task[R]) -> None:
        _running.discard(task)
        self._ended.set()
        self._handed_over.put(task)


def _wind_up(loop: asyncio.AbstractEventLoop) -> None:
    """Let tasks and connections end while the thread still runs; a half-read iterator would wait for it for ever."""
    with suppress(TimeoutError):
        asyncio.run_coroutine_threadsafe(_end_all(loop), loop).result(WIND_UP_S)


async def _end_all(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop) - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await loop.shutdown_asyncgens()


def _inside(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
