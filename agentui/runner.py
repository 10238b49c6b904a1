"""Own one run: drive its body, stamp events into records, fan them out.

The body is a coroutine in a task of its own, so a reader that goes away neither stops the run nor loses a record.
`RunStarted` and `RunFinished` are written here and nowhere else, the latter when the task has ended for whatever
reason; that is why every run has exactly one of each.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, TypeAlias

from agentui.approval import Approval, Decision
from agentui.errors import AgentError, AgentUIError, ConfigError
from agentui.events import (
    Record,
    RunEvent,
    RunFinished,
    RunStarted,
    RunStatus,
    StepFinished,
    StopRequested,
    SubagentEvent,
    UpstreamClosed,
)
from agentui.jsonable import clean_text, jsonable
from agentui.limits import Cap
from agentui.mailbox import Mailbox, Message
from agentui.result import RunResult
from agentui.sandbox.base import Artifact
from agentui.usage import sum_costs, sum_usage

logger = logging.getLogger(__name__)

Clock: TypeAlias = Callable[[], float]
Emit: TypeAlias = Callable[[RunEvent], None]
Body: TypeAlias = Callable[["Run"], Awaitable[Any]]


MAX_ARTIFACT_BYTES = 64_000_000
"Pictures, tables and files that one run may keep in the host's memory."
STOP_AGAIN_S = 1.0
"Seconds after which another `stop` cancels once more; sooner it would cut the clean-up short that keeps variables."


class LimitReached(AgentUIError):
    """A run used up a limit. Ends its body; the run's status becomes "limit".

    Attributes:
        cap: The limit; None where it is none that can be raised.
        needed: What it would have had to be, as far as that is known; 0 otherwise.
    """

    def __init__(self, message: str, *, cap: Cap | None = None, needed: float = 0.0) -> None:
        super().__init__(message)
        self.cap: Cap | None = cap
        self.needed = needed


class Run:
    """One agent run and its append-only list of records.

    Attributes:
        run_id: Unique and unguessable.
        records: Everything so far, `records[i].seq == i`.
        artifacts: The bytes behind `artifact_created` records, by `artifact_id`.
        output: The Python value the body returned; None until then.
        exception: What the body raised, if anything.
        status: How it ended; None while it runs.
        stop_requested_s: When `stop` was first called: seconds since the start; None if it was not.
        approval: Who is asked before its code runs.
        mailbox: What was said to it and not read yet.
    """

    def __init__(
        self,
        body: Body,
        started: RunStarted,
        *,
        clock: Clock = time.monotonic,
        on_record: Callable[[Record], None] | None = None,
        on_end: Callable[[Run], None] | None = None,
        approval: Approval | None = None,
    ) -> None:
        self.approval = approval or Approval()
        self.mailbox = Mailbox(self.elapsed)
        self.run_id = secrets.token_hex(16)
        self.records: list[Record] = []
        self.artifacts: dict[str, Artifact] = {}
        self.output: Any = None
        self.exception: BaseException | None = None
        self.status: RunStatus | None = None
        self.stop_requested_s: float | None = None
        self._clock = clock
        self._t0 = clock()
        self._listeners = [] if on_record is None else [on_record]
        self._on_end = on_end
        self._waiters: list[asyncio.Future[None]] = []
        self.emit(started)
        self._task = asyncio.ensure_future(self._drive(body))
        self._task.add_done_callback(self._close)

    @property
    def done(self) -> bool:
        """True once `run_finished` is recorded."""
        return isinstance(self.records[-1].event, RunFinished)

    @property
    def result(self) -> RunResult:
        """The finished run as a value.

        Raises:
            ValueError: The run is not done.
        """
        return RunResult.from_records(tuple(self.records), self.output)

    def elapsed(self) -> float:
        """Seconds since the run started."""
        return self._clock() - self._t0

    def worked(self) -> float:
        """Seconds since the run started in which it did not wait for a person: what counts against its limits."""
        return self.elapsed() - self.approval.waited_s

    def decide(self, approval_id: str, decision: Decision) -> None:
        """Let code run that waits for approval, also of an agent that this run has called, or reject it.

        Call it on the run's event loop.

        Args:
            approval_id: From the `approval_requested` record.
            decision: What becomes of the code.

        Raises:
            ConfigError: Nothing waits under this id any more, or the decision makes no sense for it.
        """
        self.approval.decide(approval_id, decision)

    def say(self, text: str, *, now: bool = False) -> Message:
        """Say something to the agent; it is a message of the user in the next request to the model.

        Call it on the run's event loop. What is still in `mailbox.unread` when the run has ended was never read.

        Args:
            text: The message.
            now: Cut the answer or the code that goes on, whose variables stay, instead of waiting for its end.

        Raises:
            ConfigError: The run is over or is being stopped, the message is empty, or too many wait.
        """
        if self.done or self.stop_requested_s is not None:
            raise ConfigError("the run is over: give the message as a new task")
        message = self.mailbox.put(text)
        if now:
            self.mailbox.cut()
        return message

    def stop(self) -> None:
        """End the run now: its model connection is closed, its code interrupted. Returns at once; harmless later."""
        if self.done:
            return
        if self.stop_requested_s is None:
            self.stop_requested_s = self.elapsed()
            self.emit(StopRequested())
            self._task.cancel()
        elif self.elapsed() - self.stop_requested_s > STOP_AGAIN_S:
            self._task.cancel()

    def emit(self, event: RunEvent) -> None:
        """Append `event` as the next record. Call it on the run's event loop; after the end it does nothing."""
        if self.records and self.done:
            return
        record = Record(run_id=self.run_id, seq=len(self.records), t=round(self.elapsed(), 6), event=event)
        self.records.append(record)
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        for listener in self._listeners:
            _tell(listener, record)

    def listen(self, listener: Callable[[Record], None]) -> None:
        """Have `listener` called with each further record, after those who listen already; it may `emit`."""
        self._listeners.append(listener)

    @property
    def artifact_bytes(self) -> int:
        """Size of everything in `artifacts`."""
        return sum(len(artifact.data) for artifact in self.artifacts.values())

    def add_artifact(self, artifact: Artifact) -> bool:
        """Keep the bytes that an `artifact_created` record stands for; False if they are more than a run may keep."""
        if self.artifact_bytes + len(artifact.data) > MAX_ARTIFACT_BYTES:
            return False
        self.artifacts[artifact.artifact_id] = artifact
        return True

    async def subscribe(self, after: int = -1) -> AsyncGenerator[list[Record], None]:
        """Yield every record with `seq > after`, in batches of what has arrived since; end after the last one."""
        cursor = after + 1
        while True:
            if batch := self.records[cursor:]:
                cursor += len(batch)
                yield batch
            elif self.done:
                return
            else:
                await self._next_record()

    async def wait(self) -> RunResult:
        """Wait for the end of the run; cancelling the wait does not stop the run."""
        while not self.done:
            await self._next_record()
        return self.result

    async def _next_record(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    async def _drive(self, body: Body) -> Any:
        try:
            return await body(self)
        except (SystemExit, KeyboardInterrupt) as error:  # out of a task these would end the loop of every run
            raise AgentError(f"something in the run raised {type(error).__name__}: {error}") from error

    def _close(self, task: asyncio.Task[Any]) -> None:
        self.status, error = self._ending(task)
        on_end, self._on_end = self._on_end, None  # which holds the session: a kept run must not keep that too
        if on_end is not None:
            _tell(on_end, self)
        self._finish(self.status, error)

    def _ending(self, task: asyncio.Task[Any]) -> tuple[RunStatus, str | None]:
        if task.cancelled():
            return "stopped", self._how_it_stopped()
        self.exception = task.exception()
        match self.exception:
            case None:
                self.output = task.result()
                return "completed", None
            case LimitReached():
                return "limit", str(self.exception)
            case AgentUIError():
                return "failed", str(self.exception)
            case error:
                logger.error("run %s failed", self.run_id, exc_info=error)
                return "failed", f"{type(error).__name__}: {error}"

    def _how_it_stopped(self) -> str:
        closed = [event for record in self.records if isinstance(event := _innermost(record.event), UpstreamClosed)]
        if not closed:
            return "stopped on request"
        usage = sum_usage(event.usage for event in closed)
        about = "" if usage.source == "reported" else "about "
        several = len(closed) > 1
        return (
            f"stopped on request; the connection{'s' * several} to the model {'were' if several else 'was'} closed "
            f"after {max(event.after_s for event in closed) * 1000:.0f} ms, {about}{usage.total_tokens:,} tokens "
            f"billed for the cut answer{'s' * several}"
        )

    def _finish(self, status: RunStatus, error: str | None) -> None:
        steps = [record.event for record in self.records if isinstance(record.event, StepFinished)]
        self.emit(
            RunFinished(
                status=status,
                output=jsonable(self.output),
                error=None if error is None else clean_text(error),
                usage=sum_usage(step.usage for step in steps),
                cost=sum_costs(step.cost for step in steps if step.usage is not None),
                duration_s=round(self.elapsed(), 6),
            )
        )


def _innermost(event: RunEvent) -> RunEvent:
    while isinstance(event, SubagentEvent):
        event = event.event
    return event


def _tell(listener: Callable[[Any], None], what: object) -> None:
    """Call a listener; its failure is its own and not the run's."""
    try:
        listener(what)
    except Exception:
        logger.exception("a listener of a run failed")
