"""One conversation: what the model remembers and the interpreter that holds its variables.

Runs of one session follow each other; runs of different sessions share nothing.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentui.budget import Budget
from agentui.errors import ConfigError
from agentui.events import StepFinished
from agentui.input_files import InputFile
from agentui.loop_thread import background_loop
from agentui.messages import ChatMessage
from agentui.sandbox.base import Sandbox, SandboxPool
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
        self._lost = False

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
        if self.sandbox is None:
            self.sandbox = await pool.open(tools=tools)
        return self.sandbox

    def take_lost(self) -> bool:
        """Whether the variables are gone because the interpreter was closed; says so once."""
        lost, self._lost = self._lost, False
        return lost

    async def close(self) -> None:
        """End the interpreter; the conversation itself stays readable."""
        sandbox, self.sandbox = self.sandbox, None
        if sandbox is not None:
            self._lost = True
            if self.assignment is not None:
                self.assignment.defined = False
            await sandbox.close()


def close_later(session: Session) -> None:
    """Close `session` without waiting for it, from any thread, also when the loop it was used on is gone."""
    if session.sandbox is not None:
        asyncio.run_coroutine_threadsafe(session.close(), background_loop())
