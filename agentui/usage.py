"""Token counts of model calls. Counts only: prices are applied where they are shown.

A number that nobody reported is an estimate and says so in `source`; it is never a silent 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Literal, TypeAlias

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter"]
UsageSource: TypeAlias = Literal["reported", "estimated", "mixed"]


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens of one or more model calls. `total_tokens` is always input plus output."""

    input_tokens: int
    output_tokens: int
    total_tokens: int = 0
    cached_input_tokens: int | None = None
    "Part of `input_tokens` that the server read from its cache; None if it does not say."
    reasoning_tokens: int | None = None
    "Part of `output_tokens` spent on reasoning; None if the server does not say."
    source: UsageSource = "reported"
    cost_usd: float | None = None
    "US dollars, only where the server itself reports it; of several calls only where it does for each."

    def __post_init__(self) -> None:
        object.__setattr__(self, "total_tokens", self.input_tokens + self.output_tokens)

    def __add__(self, other: TokenUsage) -> TokenUsage:
        return TokenUsage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_input_tokens=_add_known(self.cached_input_tokens, other.cached_input_tokens),
            reasoning_tokens=_add_known(self.reasoning_tokens, other.reasoning_tokens),
            source=self.source if self.source == other.source else "mixed",
            cost_usd=None if self.cost_usd is None or other.cost_usd is None else self.cost_usd + other.cost_usd,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Money for tokens."""

    usd: float
    source: str
    "Who says so: `reported by the server`, or the price list with its version and entry."


NO_USAGE = TokenUsage(0, 0)


def sum_usage(usages: Iterable[TokenUsage | None]) -> TokenUsage:
    """Add up what is there; no calls at all give `NO_USAGE`, which adds nothing to a sum either, its source least."""
    known = [usage for usage in usages if usage is not None and usage != NO_USAGE]
    return reduce(add, known) if known else NO_USAGE


def sum_costs(costs: Iterable[Cost | None]) -> Cost | None:
    """The sum, if every part is known; None otherwise, because a sum of some would look like the sum of all."""
    parts = list(costs)
    known = [cost for cost in parts if cost is not None]
    if not known or len(known) < len(parts):
        return None
    return Cost(usd=sum(cost.usd for cost in known), source="; ".join(dict.fromkeys(cost.source for cost in known)))


def _add_known(left: int | None, right: int | None) -> int | None:
    if left is None or right is None:
        return left if right is None else right
    return left + right
