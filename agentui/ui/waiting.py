"""A task of a visitor that waits in line: it has no run, and no record, before its turn has come."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentui.line import Line, Turn
from agentui.ui.chat import Message, user_message

if TYPE_CHECKING:
    from agentui.ui.visitors import Visitor


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


@asynccontextmanager
async def in_turn(
    visitor: Visitor, line: Line, task: str | None, *, places: int = 1, shown: bool = True
) -> AsyncGenerator[Turn, None]:
    """Wait, visibly, for a visitor's turn; what no run has taken of it is given back in the end.

    Args:
        visitor: Who waits.
        line: Where.
        task: What is to begin, as for `Waiting`.
        places: Runs that are to start together.
        shown: As for `Waiting`.

    Raises:
        ConfigError: There cannot be such a turn, or it was given up.
    """
    with line.join(visitor.visitor_id, places, visitor.changes.touch) as turn:
        if not turn.is_up:
            with visitor.in_line(Waiting(line=line, turn=turn, task=task, shown=shown)):
                await turn.wait()
        yield turn
