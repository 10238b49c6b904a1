"""Run a function that may block, or end in any way, without harm to the event loop.

Each call has a daemon thread of its own: a thread that hangs cannot be taken back, and must not take a place in a
pool that everything else waits for. Whatever the function raises is carried as a value, because some exceptions
(`StopIteration`, `SystemExit`) hang a future or end the loop when they are raised through one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self


@dataclass(slots=True)
class Outcome:
    """How a call ended: with a value, or with an exception of any kind."""

    value: Any = None
    error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        self.error = error
        return True


async def in_thread(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Outcome:
    """Call `function` in a thread. Cancelling the wait leaves the thread to itself.

    Returns:
        How it ended; this itself raises nothing.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Outcome] = loop.create_future()

    def hand_over(outcome: Outcome) -> None:
        if not ended.done():
            ended.set_result(outcome)

    def work() -> None:
        outcome = Outcome()
        with outcome:
            outcome.value = function(*args, **kwargs)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(hand_over, outcome)

    threading.Thread(target=work, name="agentui-call", daemon=True).start()
    return await ended
