"""What an agent is, apart from any run: one frozen value that every run of it reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentui.approval import Approvals
from agentui.limits import Limits
from agentui.messages import ChatMessage
from agentui.models.base import Model
from agentui.parse import TAGS, CodeTags
from agentui.prompts import render
from agentui.sandbox.base import SandboxPool
from agentui.system_prompt import system_prompt
from agentui.tools import FINAL_ANSWER, Tool

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
    switched_off: frozenset[str] = frozenset()
    "Tools that exist, so that a conversation can be given them again, but are neither offered nor called."
    instructions: str | None = None
    system_prompt: str | None = None
    "In place of the package's own; see `system_prompt.py` for what is filled into it."
    imports: Sequence[str] = IMPORTS
    tags: CodeTags = TAGS
    native_tools: bool = False
    "The model calls tools natively instead of writing code."
    planning_interval: int | None = None
    step_callbacks: Sequence[Callable[..., Any]] = ()
    final_answer_checks: Sequence[Callable[..., Any]] = ()
    stream_outputs: bool = False
    max_print_outputs_length: int = 20_000
    "Characters of printed output that the model gets to read of one step; the middle of a longer one is left out."
    context_tokens: int | None = None
    "Tokens that the model reads at once; None to look it up."
    limits: Limits = field(default_factory=Limits)
    approval: Approvals = False
    "Whether and whom to ask before code runs, or before native calls are made."

    @property
    def tools_on(self) -> dict[str, Tool]:
        """The tools that the model is offered."""
        return {name: tool for name, tool in self.tools.items() if name not in self.switched_off}

    def offered_tools(self) -> list[Tool]:
        """The tools of an agent whose model calls them natively: its own, and the one that ends the run."""
        return [*self.tools_on.values(), FINAL_ANSWER]

    def opening_messages(self) -> list[ChatMessage]:
        """What every conversation begins with: the rules, and worked examples as real turns.

        As turns, and not as text in the rules, because that is what a model of 135 million parameters follows too.
        """
        tags = {"opening": self.tags.opening, "closing": self.tags.closing}
        tools = list(self.tools_on.values())
        rules = system_prompt(
            self.system_prompt,
            tags,
            imports="any installed module" if "*" in self.imports else ", ".join(self.imports) or "nothing",
            tools=render("tools", **tags, tools=tools) if tools else "",
            instructions=self.instructions,
            native=self.native_tools,
        )
        if self.native_tools:
            return [ChatMessage(role="system", content=rules)]
        turns = render("examples", **tags).split("\n---\n")
        return [
            ChatMessage(role="system", content=rules),
            *(ChatMessage(role="assistant" if i % 2 else "user", content=turn) for i, turn in enumerate(turns)),
        ]
