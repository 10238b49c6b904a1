"""The thin sync face: one background event loop for callers that are not async.

It is started on first use and lives in a daemon thread until the process ends, so a sync `run()` also works
inside a notebook, whose own loop is already running.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import aclosing
from dataclasses import dataclass
from functools import cache
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from agentui.errors import AgentUIError

T = TypeVar("T")


@cache
def background_loop() -> asyncio.AbstractEventLoop:
    """The process's background loop."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="agentui-loop", daemon=True).start()
    return loop


def run_sync(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run `coroutine` on the background loop and wait for it; Ctrl-C cancels it first.

    Raises:
        AgentUIError: Called from code that itself runs on the background loop, where waiting would never end.
    """
    loop = background_loop()
    if _inside(loop):
        coroutine.close()
        raise AgentUIError("a sync call from inside the run itself would wait for ever: use the async method there")
    future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def iterate(items: AsyncGenerator[T, None]) -> Iterator[T]:
    """Iterate over an async iterator from sync code.

    The source is read by one task on the background loop, so `close()` while it is silent cancels that task at
    once and returns when the source has cleaned up. Items are handed over through a queue: one thread hop for
    all that arrived since the last look, not one an item.
    """
    loop = background_loop()
    if _inside(loop):
        raise AgentUIError("a sync call from inside the run itself would wait for ever: use the async method there")
    arrived: SimpleQueue[_Item[T] | asyncio.Task[None]] = SimpleQueue()
    started: Future[asyncio.Task[None]] = Future()

    async def pump() -> None:
        async with aclosing(items):
            async for item in items:
                arrived.put(_Item(item))

    def start() -> None:
        task = loop.create_task(pump())
        task.add_done_callback(arrived.put)
        started.set_result(task)

    loop.call_soon_threadsafe(start)
    task = started.result()
    try:
        while isinstance(got := arrived.get(), _Item):
            yield got.value
        got.result()
    finally:
        loop.call_soon_threadsafe(task.cancel)
        while not task.done():
            arrived.get()


@dataclass(frozen=True, slots=True)
class _Item(Generic[T]):
    value: T


def _inside(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
