"""The runs of one agent object, and the one conversation that is the agent's own.

Safe to use from any thread: runs may go on in several event loops, and anybody may interrupt them.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

from agentui.approval import Approval
from agentui.budget import Budget
from agentui.compaction import known_context
from agentui.events import ParentRun, Record, RunStarted, StepFinished
from agentui.input_files import given_files
from agentui.loop_thread import run_sync
from agentui.runner import LimitReached, Run
from agentui.session import Assignment, Session, close_later
from agentui.spec import AgentSpec
from agentui.unfinished import Unfinished
from agentui.version import __version__


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a run is to do."""

    session: Session
    assignment: Assignment
    budget: Budget
    parent: ParentRun | None = None
    "The run that it goes on from."


class RunBody(Protocol):
    """What works on a job."""

    def __init__(
        self, spec: AgentSpec, session: Session, assignment: Assignment, budget: Budget, agent: Any
    ) -> None: ...

    async def run(self, run: Run) -> Any:
        """Work to the end and return the answer."""
        ...


class AgentRuns:
    """Starts and keeps track of what an agent does.

    Args:
        owner: When it is collected, its own conversation is closed.
    """

    def __init__(self, owner: object) -> None:
        self._own: list[Session] = []  # one at most; a list, so that the finalizer below sees which
        weakref.finalize(owner, _close_all, self._own).atexit = False
        self._running: dict[Run, asyncio.AbstractEventLoop] = {}
        self._lock = threading.Lock()

    @property
    def running(self) -> list[Run]:
        """Runs that have not ended."""
        with self._lock:
            return list(self._running)

    def session(self, *, reset: bool) -> Session:
        """The agent's own conversation; a new one if there is none, or with `reset`."""
        with self._lock:
            if self._own and not reset:
                return self._own[0]
            replaced, self._own[:] = list(self._own), [Session()]
            for old in replaced:
                old.kept = False
                if not old.busy:
                    close_later(old)
            return self._own[0]

    def known(self, run_id: str) -> Session | None:
        """The agent's own conversation, if a run of it has this id."""
        with self._lock:
            return next((session for session in self._own if session.has_run(run_id)), None)

    def adopt(self, session: Session) -> None:
        """Make `session` the agent's own conversation; it has none yet."""
        self._own.append(session)

    def launch(
        self,
        job: Job,
        spec: AgentSpec,
        agent: object,
        loop_class: type[RunBody],
        on_record: Callable[[Record], None] | None,
        approval: Approval,
    ) -> Run:
        """Start a run on the running event loop.

        Args:
            job: What it is to do.
            spec: What the agent is; its limits are those of the job.
            agent: What hooks of the agent's owner get to see as the agent.
            loop_class: How it works.
            on_record: Called with each record.
            approval: Who is asked before code runs.

        Raises:
            ConfigError: The session has a run that has not ended.
        """
        events = asyncio.get_running_loop()
        spec = replace(spec, limits=job.budget.limits)
        loop = loop_class(spec, job.session, job.assignment, job.budget, agent)
        origin = job.session.origin
        job.session.begin(job.assignment)
        again, job.session.again = job.session.again, None
        run = Run(
            loop.run if again is None else again.body(loop.run),
            RunStarted(
                task=job.assignment.task,
                model=spec.model.model_id,
                server=spec.model.server,
                context_tokens=known_context(spec),
                tools=tuple(spec.tools_on),
                files=given_files(job.assignment.files),
                limits=spec.limits,
                parent=again.parent if again else origin.parent if origin else job.parent,
                agentui_version=__version__,
            ),
            on_record=on_record,
            on_end=lambda run: self._ended(run, job),
            approval=approval,
        )
        with self._lock:
            self._running[run] = events
        return run

    def interrupt(self) -> None:
        """Stop every run now."""
        with self._lock:
            running = list(self._running.items())
        for run, loop in running:
            with suppress(RuntimeError):  # the loop is closed, and its runs with it
                loop.call_soon_threadsafe(run.stop)

    def close(self) -> None:
        """Stop every run and end the interpreter of the agent's own conversation, which is forgotten."""
        with self._lock:
            sessions, self._own[:] = list(self._own), []
        for session in sessions:
            session.kept = False
            if session.busy:  # its run closes it when it has ended
                self.interrupt()
            else:
                run_sync(session.close())

    def _ended(self, run: Run, job: Job) -> None:
        job.session.end(_left_by(run, job))
        with self._lock:
            self._running.pop(run, None)
        if not job.session.kept:
            close_later(job.session)


def _left_by(run: Run, job: Job) -> Unfinished | None:
    """What is left to do after `run`; None if it completed its task."""
    if run.status is None or run.status == "completed":
        return None
    steps = (record.event.step for record in reversed(run.records) if isinstance(record.event, StepFinished))
    ended = run.exception if isinstance(run.exception, LimitReached) else None
    return Unfinished(
        run_id=run.run_id,
        task=job.assignment.task,
        step=next(steps, 0),
        status=run.status,
        limits=job.budget.limits,
        spent=job.budget.spent(run.worked()),
        cap=ended.cap if ended else None,
        needed=ended.needed if ended else 0.0,
    )


def _close_all(sessions: list[Session]) -> None:
    for session in sessions:
        close_later(session)
