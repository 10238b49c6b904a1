"""A task of a visitor that waits in line: it has no run, and no record, before its turn has come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agentui.line import Line, Turn
from agentui.ui.chat import Message, user_message


@dataclass(slots=True, kw_only=True)
class Waiting:
    """What waits."""

    line: Line
    turn: Turn
    task: str | None
    "As the visitor gave it; None for what goes on with something."
    shown: bool = True
    "Whether the conversation shows the task; a race has a view of its own."

    @property
    def messages(self) -> list[Message]:
        """How the conversation shows it."""
        return [user_message(self.task)] if self.shown and self.task is not None else []

    def described(self) -> dict[str, Any] | None:
        """What the browser is told: `{"place", "waiting", "running"}`; None when the turn has come.

        `place` counts from 1, `running` is how many runs go on, which is as many as the server lets.
        """
        place = self.turn.place
        if place is None:
            return None
        return {"place": place, "waiting": self.line.waiting, "running": self.line.taken}
