"""What an agent is, apart from any run: one frozen value that every run of it reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentui.events import Limits
from agentui.models.base import Model
from agentui.parse import TAGS, CodeTags
from agentui.prompts import render
from agentui.sandbox.base import SandboxPool
from agentui.tools import Tool

IMPORTS = (
    "collections",
    "csv",
    "datetime",
    "decimal",
    "fractions",
    "functools",
    "itertools",
    "json",
    "math",
    "matplotlib",
    "numpy",
    "pandas",
    "random",
    "re",
    "statistics",
    "string",
    "time",
)
"Modules that the prompt names. What may be reached is the sandbox's business, not this list's."


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpec:
    """Everything a run needs to know of its agent."""

    model: Model
    pool: SandboxPool
    tools: dict[str, Tool] = field(default_factory=dict[str, Tool])
    instructions: str | None = None
    imports: Sequence[str] = IMPORTS
    tags: CodeTags = TAGS
    planning_interval: int | None = None
    step_callbacks: Sequence[Callable[..., Any]] = ()
    final_answer_checks: Sequence[Callable[..., Any]] = ()
    stream_outputs: bool = False
    max_print_outputs_length: int = 20_000
    "Characters of printed output that the model gets to read of one step; the middle of a longer one is left out."
    limits: Limits = field(default_factory=Limits)

    def system_prompt(self) -> str:
        """The first message of every conversation."""
        return render(
            "system",
            opening=self.tags.opening,
            closing=self.tags.closing,
            imports="any installed module" if "*" in self.imports else ", ".join(self.imports),
            tools=list(self.tools.values()),
            instructions=self.instructions,
        )
