"""One conversation: what the model remembers and the interpreter that holds its variables.

Runs of one session follow each other; runs of different sessions share nothing.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence

from agentui.errors import ConfigError
from agentui.events import StepFinished
from agentui.loop_thread import background_loop
from agentui.messages import ChatMessage
from agentui.sandbox.base import Sandbox, SandboxPool


class Session:
    """The memory of a conversation.

    Attributes:
        session_id: Unguessable.
        messages: What is sent to the model, oldest first.
        opening: How many of them begin every conversation of the agent.
        steps: Finished steps of all runs, oldest first.
        sandbox: The interpreter; None before the first code ran, and after `close`.
        busy: A run has it.
        kept: Somebody may go on with it after a run; otherwise the run's end closes it.
    """

    def __init__(self) -> None:
        self.kept = True
        self.session_id = secrets.token_hex(16)
        self.messages: list[ChatMessage] = []
        self.opening = 0
        self.steps: list[StepFinished] = []
        self.sandbox: Sandbox | None = None
        self.busy = False

    def begin(self) -> None:
        """A run takes the session.

        Raises:
            ConfigError: Another run has it.
        """
        if self.busy:
            raise ConfigError("the previous run of this conversation has not ended: wait for it, or stop it first")
        self.busy = True

    def end(self) -> None:
        """The run gives the session back."""
        self.busy = False

    async def interpreter(self, pool: SandboxPool, tools: Sequence[str]) -> Sandbox:
        """The session's sandbox, opened when it is first needed.

        Raises:
            SandboxUnavailable: No worker could be started.
        """
        if self.sandbox is None:
            self.sandbox = await pool.open(tools=tools)
        return self.sandbox

    async def close(self) -> None:
        """End the interpreter; the conversation itself stays readable."""
        sandbox, self.sandbox = self.sandbox, None
        if sandbox is not None:
            await sandbox.close()


def close_later(session: Session) -> None:
    """Close `session` without waiting for it, from any thread, also when the loop it was used on is gone."""
    if session.sandbox is not None:
        asyncio.run_coroutine_threadsafe(session.close(), background_loop())
