"""What a run may still spend, checked while an answer streams, so that it ends inside a delta and not after it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agentui.errors import ConfigError
from agentui.limits import Limits
from agentui.models.base import Model
from agentui.pricing import cost_of
from agentui.runner import LimitReached
from agentui.unfinished import Spent
from agentui.usage import NO_USAGE, Cost, TokenUsage


@dataclass(slots=True)
class Budget:
    """The limits of a run, and what its task has spent of them, earlier parts included."""

    limits: Limits
    model: Model
    tokens: int = 0
    usd: float = 0.0
    steps: int = 0
    seconds: float = 0.0
    "What earlier parts of the task took."

    @classmethod
    def after(cls, spent: Spent, limits: Limits, model: Model) -> Budget:
        """The budget of a run that goes on with a task.

        Raises:
            ConfigError: Money is limited and the price unknown.
        """
        return cls(limits, model, spent.tokens, spent.usd, spent.steps, spent.seconds)

    def __post_init__(self) -> None:
        if self.limits.max_cost_usd is not None and self.price(NO_USAGE) is None:
            raise ConfigError(
                f"max_cost_usd needs a price, and that of {self.model.model_id!r} is unknown: set max_tokens instead"
            )

    def price(self, usage: TokenUsage) -> Cost | None:
        """What a call of the run's own model costs; None where nobody knows."""
        return cost_of(usage, self.model.model_id, self.model.server)

    def spend(self, usage: TokenUsage, cost: Cost | None) -> None:
        """A call has ended."""
        self.tokens += usage.total_tokens
        self.usd += cost.usd if cost else 0.0

    def spent(self, elapsed: float) -> Spent:
        """What the task has cost, `elapsed` seconds into the run."""
        seconds = round(self.seconds + elapsed, 6)
        return Spent(tokens=self.tokens, usd=self.usd, steps=self.steps, seconds=seconds)

    @property
    def seconds_left(self) -> float | None:
        """What the run may take; None without a limit."""
        most = self.limits.max_seconds
        return None if most is None else max(0.0, most - self.seconds)

    def left_for(self, limits: Limits) -> Limits:
        """`limits` of an agent that is called from this run, within what this run has left."""
        most, cap = self.limits.max_tokens, self.limits.max_cost_usd
        tokens = _least(limits.max_tokens, None if most is None else max(1, most - self.tokens))
        usd = _least(limits.max_cost_usd, None if cap is None else max(1e-9, cap - self.usd))
        return replace(limits, max_tokens=None if tokens is None else int(tokens), max_cost_usd=usd)

    def check_steps(self) -> None:
        """See whether another step can be taken.

        Raises:
            LimitReached: It cannot.
        """
        most = self.limits.max_steps
        if most is not None and self.steps >= most:
            raise LimitReached(f"the step limit is used up (max_steps={most}): raise it and go on")

    def check(self) -> None:
        """See whether another call can be made.

        Raises:
            LimitReached: A limit is used up; the message says which and what to do.
        """
        if self.limits.max_tokens is not None and self.tokens >= self.limits.max_tokens:
            self._end("token", f"{self.tokens:,} of max_tokens={self.limits.max_tokens:,}")
        self.check_cost(NO_USAGE)

    def check_tokens(self, usage: TokenUsage) -> None:
        """See whether the call that goes on, with `usage` so far, still fits. Cheap enough for every delta.

        Raises:
            LimitReached: It does not.
        """
        spent, most = self.tokens + usage.total_tokens, self.limits.max_tokens
        if most is not None and spent > most:
            self._end("token", f"{spent:,} of max_tokens={most:,}")

    def check_cost(self, usage: TokenUsage) -> None:
        """The same for money; looking up the price takes half a millisecond.

        Raises:
            LimitReached: It does not fit.
        """
        cap = self.limits.max_cost_usd
        if cap is None:
            return
        cost = self.price(usage)
        usd = self.usd + (cost.usd if cost else 0.0)
        if usd > cap:
            self._end("cost", f"${usd:.4f} of max_cost_usd={cap:g}")

    def _end(self, what: str, how_much: str) -> None:
        raise LimitReached(f"the {what} limit is used up ({how_much}): raise it and go on")


def _least(*limits: float | None) -> float | None:
    return min((limit for limit in limits if limit is not None), default=None)
