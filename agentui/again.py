"""What a session's next run does once more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from agentui.comparison import Comparison
from agentui.events import ParentRun
from agentui.runner import Run

Relation: TypeAlias = Literal["rerun", "repeated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """The task of another run, to be done once more."""

    parent: ParentRun | None
    "None inside a called agent, whose runs name nobody."
    comparison: Comparison | None = None
    "With the recording; None where the model is asked anew."

    def body(self, body: Callable[[Run], Awaitable[Any]]) -> Callable[[Run], Awaitable[Any]]:
        """The body of the run, compared while it works."""
        comparison = self.comparison
        return body if comparison is None else lambda run: comparison.watch(run, body)
