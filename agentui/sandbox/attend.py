"""Let a worker run for one exchange of frames, and stop it when its time is up or nobody wants the answer any more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from agentui.sandbox.worker_handle import Worker

T = TypeVar("T")

_MAX_GRACES: Final = 5
"On a machine so busy that the worker, or this process, got no time to end the step, it gets this many times the grace."


@dataclass(frozen=True, slots=True)
class End(Generic[T]):
    """How an exchange of frames with a worker has ended."""

    task: asyncio.Task[T]
    timed_out: bool
    healthy: bool
    "The worker can go on."
    breach: str | None

    @property
    def failure(self) -> BaseException | None:
        """What the exchange raised."""
        return None if self.task.cancelled() or not self.task.done() else self.task.exception()


async def attend(
    worker: Worker,
    exchange: Coroutine[Any, Any, T],
    *,
    timeout_s: float,
    grace_s: float,
    give_up: Callable[[], None],
    end_call: Callable[[], Awaitable[None]] | None = None,
) -> End[T]:
    """Thaw `worker`, run `exchange` to its end, whatever end that is, and freeze the worker again.

    Args:
        worker: Between two exchanges.
        exchange: Sends and receives frames.
        timeout_s: Seconds after which the code is interrupted.
        grace_s: Seconds that it has to end then, and when this call is cancelled.
        give_up: Called when the worker cannot go on.
        end_call: Ends what the exchange waits for on the host when the code is interrupted.
    """
    worker.thaw()
    task = asyncio.create_task(exchange)
    watch = worker.watch()
    timed_out = healthy = False
    try:
        await asyncio.wait({task}, timeout=timeout_s)
        if not task.done():
            timed_out = True
            await _stop(worker, task, grace_s, end_call)
    except asyncio.CancelledError:
        await _stop(worker, task, grace_s, end_call)
        raise
    finally:
        watch.stop()
        healthy = task.done() and not task.cancelled() and task.exception() is None and worker.channel.usable
        if healthy:
            worker.freeze()
        else:
            give_up()
    return End(task, timed_out=timed_out, healthy=healthy, breach=watch.breach)


async def _stop(
    worker: Worker, task: asyncio.Task[Any], grace_s: float, end_call: Callable[[], Awaitable[None]] | None
) -> None:
    """Interrupt the code; kill the worker if that does not end it within the grace."""
    before = worker.main_thread()
    worker.interrupt()
    waited: set[asyncio.Future[Any]] = {task}
    try:
        if end_call is not None:
            waited.add(asyncio.ensure_future(end_call()))
        for _ in range(_MAX_GRACES):
            late = await _wait(waited, grace_s / 2)
            if not task.done() and worker.main_thread().asleep:
                # Python loses a signal that comes between its last look and the call that sleeps.
                worker.interrupt()
            late |= await _wait(waited, grace_s / 2)
            if task.done() or not (late or worker.main_thread().starved_since(before)):
                break
    finally:
        if not task.done():
            worker.kill()
            task.cancel()


async def _wait(waited: set[asyncio.Future[Any]], seconds: float) -> bool:
    """Wait for all; returns whether this process got so little time that their end may merely be unread."""
    clock = asyncio.get_running_loop().time
    began = clock()
    await asyncio.wait(waited, timeout=seconds)
    return clock() - began > 1.5 * seconds
