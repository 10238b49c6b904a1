"""What a run may still spend, checked while an answer streams, so that it ends inside a delta and not after it."""

from __future__ import annotations

from dataclasses import dataclass

from agentui.errors import ConfigError
from agentui.events import Limits
from agentui.models.base import Model
from agentui.pricing import cost_of
from agentui.runner import LimitReached
from agentui.usage import NO_USAGE, Cost, TokenUsage


@dataclass(slots=True)
class Budget:
    """The limits of a run on tokens and money, and what is spent of them."""

    limits: Limits
    model: Model
    tokens: int = 0
    usd: float = 0.0

    def __post_init__(self) -> None:
        if self.limits.max_cost_usd is not None and self.price(NO_USAGE) is None:
            raise ConfigError(
                f"max_cost_usd needs a price, and that of {self.model.model_id!r} is unknown: set max_tokens instead"
            )

    @property
    def watched(self) -> bool:
        """There is a limit that an answer can cross while it streams."""
        return self.limits.max_tokens is not None or self.limits.max_cost_usd is not None

    def price(self, usage: TokenUsage) -> Cost | None:
        """What a call of the run's own model costs; None where nobody knows."""
        return cost_of(usage, self.model.model_id, self.model.server)

    def spend(self, usage: TokenUsage, cost: Cost | None) -> None:
        """A call has ended."""
        self.tokens += usage.total_tokens
        self.usd += cost.usd if cost else 0.0

    def check(self, usage: TokenUsage = NO_USAGE, *, counted: bool = False) -> None:
        """See whether there is something left.

        Args:
            usage: Of the call that is going on.
            counted: The server has said its last word on that call, so there is nothing left to cut.

        Raises:
            LimitReached: A limit is used up; the message says which and what to do.
        """
        if counted:
            return
        most, spent = self.limits.max_tokens, self.tokens + usage.total_tokens
        if most is not None and (spent > most or (usage is NO_USAGE and spent == most)):
            raise LimitReached(f"the token limit is used up ({spent:,} of max_tokens={most:,}): raise it and go on")
        cap = self.limits.max_cost_usd
        if cap is None:
            return
        cost = self.price(usage)
        usd = self.usd + (cost.usd if cost else 0.0)
        if usd > cap:
            raise LimitReached(f"the cost limit is used up (${usd:.4f} of max_cost_usd={cap:g}): raise it and go on")
