"""One conversation: what the model remembers and the interpreter that holds its variables.

Runs of one session follow each other; runs of different sessions share nothing.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agentui.again import Again
from agentui.budget import Budget
from agentui.checkpoints import Checkpoint, Checkpoints, History, refused
from agentui.errors import ConfigError
from agentui.events import ParentRun, StepFinished
from agentui.fork import Method, Origin, restored
from agentui.input_files import InputFile
from agentui.loop_thread import background_loop
from agentui.messages import ChatMessage
from agentui.runner import Run
from agentui.sandbox.base import Sandbox, SandboxPool
from agentui.spec import AgentSpec
from agentui.unfinished import Unfinished


@dataclass(slots=True, kw_only=True)
class Assignment:
    """A task as the runs of a session work on it, until one of them completes it."""

    task: str
    message: ChatMessage
    "The task as the model reads it, pictures included."
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    files: Sequence[InputFile] = ()
    told: bool = False
    "The message is in the conversation."
    defined: bool = False
    "The variables and files are in the interpreter."
    cut: bool = False
    "The conversation ends with as much as had come of the newest answer."
    planned_at: int | None = None
    "Action steps that had been taken when the newest plan was made; None before the first."
    first_code: str | None = None
    "Runs as the next step, instead of what the model would write."

    def take_code(self) -> str | None:
        """The code that is to run next, once."""
        code, self.first_code = self.first_code, None
        return code


class Session:
    """The memory of a conversation.

    Attributes:
        session_id: Unguessable.
        messages: What is sent to the model, oldest first.
        opening: How many of them begin every conversation of the agent.
        steps: Finished steps of all runs, oldest first.
        sandbox: The interpreter; None before the first code ran, and after `close`.
        assignment: The task that is worked on, or that a run has left unfinished.
        unfinished: The run that left it so; None after a completed one and while one runs.
        busy: A run has it.
        checkpoints: What is kept of every finished step, so that `fork` can go back to it.
        history: What the interpreter's state came from.
        origin: For a fork, what it still has to restore.
        again: What its next run does once more; None for a run of its own.
        payer: The budget of the run that called its agent; None for a conversation of its own.
        kept: Somebody may go on with it after a run; otherwise the run's end closes it.
    """

    def __init__(self, *, payer: Budget | None = None) -> None:
        self.kept = True
        self.payer = payer
        self.session_id = secrets.token_hex(16)
        self.messages: list[ChatMessage] = []
        self.opening = 0
        self.steps: list[StepFinished] = []
        self.sandbox: Sandbox | None = None
        self.assignment: Assignment | None = None
        self.unfinished: Unfinished | None = None
        self.busy = False
        self.checkpoints = Checkpoints()
        self.history = History()
        self.origin: Origin | None = None
        self.again: Again | None = None
        self._lost = False

    def __del__(self) -> None:
        # Dropped without `close`: its worker would hold memory and files for as long as the pool lives.
        if self.sandbox is not None and not sys.is_finalizing():
            asyncio.run_coroutine_threadsafe(self.sandbox.close(), background_loop())

    def begin(self, assignment: Assignment) -> None:
        """A run takes the session.

        Raises:
            ConfigError: Another run has it.
        """
        self.check_free()
        self.busy, self.assignment, self.unfinished = True, assignment, None

    def check_free(self) -> None:
        """See whether a run can take the session.

        Raises:
            ConfigError: Another run has it.
        """
        if self.busy:
            raise ConfigError("the previous run of this conversation has not ended: wait for it, or stop it first")

    def end(self, unfinished: Unfinished | None) -> None:
        """The run gives the session back; `unfinished` unless it completed its task."""
        self.busy, self.unfinished = False, unfinished
        if unfinished is None:
            self.assignment = None

    def left(self) -> tuple[Assignment, Unfinished]:
        """The task that can be gone on with, and the run that left it.

        Raises:
            ConfigError: There is none, or a run has the session.
        """
        self.check_free()
        if self.assignment is None or self.unfinished is None:
            raise ConfigError("there is no unfinished run to go on with: give a task")
        return self.assignment, self.unfinished

    async def interpreter(self, pool: SandboxPool, tools: Sequence[str]) -> Sandbox:
        """The session's sandbox, opened when it is first needed.

        Raises:
            SandboxUnavailable: No worker could be started.
        """
        await self.checkpoints.made()
        if self.sandbox is None:
            self.sandbox = await pool.open(tools=tools)
        return self.sandbox

    def keep(self, run: Run, budget: Budget) -> None:
        """Make the newest step one that can be gone back to; a snapshot of the interpreter is begun."""
        if self.payer is not None or self.assignment is None:
            return
        step = self.steps[-1].step
        self.checkpoints.add(
            Checkpoint(
                run_id=run.run_id,
                step=step,
                messages=tuple(self.messages),
                steps=tuple(self.steps),
                history=tuple(self.history.actions),
                state=self.checkpoints.make(self.sandbox) if self.sandbox else refused("no code had run"),
                assignment=replace(self.assignment),
                unfinished=Unfinished(
                    run_id=run.run_id,
                    task=self.assignment.task,
                    step=step,
                    status="stopped",
                    limits=budget.limits,
                    spent=budget.spent(run.worked()),
                ),
            )
        )

    def has_run(self, run_id: str) -> bool:
        """Whether a run of it is known that can be gone back to, or gone on with."""
        left = self.unfinished is not None and self.unfinished.run_id == run_id
        return left or any(one.run_id == run_id for one in self.checkpoints.kept)

    def fork(self, step: int, run_id: str | None = None, *, method: Method | None = None) -> Session:
        """A new conversation that is what this one was after a step; this one stays as it is, also while it runs.

        The interpreter is restored when the fork first runs: from the snapshot, which only workers ever read, or by
        running the recorded code again with the recorded results of its tools. What could not be restored is in the
        run's `state_restored` record, and is told to the model.

        Args:
            step: Number of a finished step.
            run_id: The run that it is a step of; None for the newest that has such a step.
            method: The only way in which it may be restored; None for a snapshot where there is one.

        Raises:
            ConfigError: There is no such step.
        """
        checkpoint = self.checkpoints.at(step, run_id)
        fork = Session()
        fork.messages, fork.opening = list(checkpoint.messages), self.opening
        fork.steps = list(checkpoint.steps)
        fork.checkpoints = self.checkpoints.until(checkpoint)
        fork.history.actions = list(checkpoint.history)
        fork.assignment, fork.unfinished = replace(checkpoint.assignment), checkpoint.unfinished
        fork.origin = Origin(
            parent=ParentRun(run_id=checkpoint.run_id, step=step, relation="forked"),
            state=checkpoint.state,
            history=checkpoint.history,
            method=method,
        )
        return fork

    async def restore(self, run: Run, spec: AgentSpec) -> None:
        """Give a fork its interpreter, once; does nothing for any other session.

        Raises:
            SandboxError: It cannot be restored.
        """
        if self.origin is None:
            return
        interpreter = await restored(self.origin, spec)
        self.origin = None
        if interpreter is not None:
            self.sandbox = interpreter.sandbox
            self.messages += interpreter.messages
            run.emit(interpreter.event)

    def take_lost(self) -> bool:
        """Whether the variables are gone because the interpreter was closed; says so once."""
        lost, self._lost = self._lost, False
        return lost

    async def close(self) -> None:
        """End the interpreter; the conversation itself stays readable."""
        sandbox, self.sandbox = self.sandbox, None
        if sandbox is not None:
            self._lost = True
            self.history = History()
            if self.assignment is not None:
                self.assignment.defined = False
            await sandbox.close()


def close_later(session: Session) -> None:
    """Close `session` without waiting for it, from any thread, also when the loop it was used on is gone."""
    if session.sandbox is not None:
        asyncio.run_coroutine_threadsafe(session.close(), background_loop())
