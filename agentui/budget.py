"""What a run may still spend, checked while an answer streams, so that it ends inside a delta and not after it.

A called agent's run counts in its own budget and in that of the run that called it, while it goes on: agents that work
side by side share what is left and do not get it each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from agentui.errors import ConfigError
from agentui.limits import Cap, Limits
from agentui.models.base import Model
from agentui.pricing import cost_of
from agentui.runner import LimitReached
from agentui.unfinished import Spent
from agentui.usage import NO_USAGE, Cost, TokenUsage

_RATE_TOKENS = 1000
"Output tokens from whose price that of one is taken."


@dataclass(slots=True, eq=False)
class Budget:
    """The limits of a run, and what its task has spent of them, earlier parts and calls that go on included."""

    limits: Limits
    model: Model
    tokens: int = 0
    usd: float = 0.0
    steps: int = 0
    seconds: float = 0.0
    "What earlier parts of the task took."
    payer: Budget | None = None
    "That of the run which called this one's agent."

    @classmethod
    def after(cls, spent: Spent, limits: Limits, model: Model, payer: Budget | None = None) -> Budget:
        """The budget of a run that goes on with a task.

        Raises:
            ConfigError: Money is limited and the price unknown.
        """
        return cls(limits, model, spent.tokens, spent.usd, spent.steps, spent.seconds, payer)

    def __post_init__(self) -> None:
        unpriced = not self.model.free and self.price(NO_USAGE) is None
        if self.limits.max_cost_usd is not None and unpriced:
            raise ConfigError(
                f"max_cost_usd needs a price, and that of {self.model.model_id!r} is unknown: set max_tokens instead"
            )

    def price(self, usage: TokenUsage) -> Cost | None:
        """What a call of the run's own model costs; None where nobody knows."""
        return cost_of(usage, self.model.model_id, self.model.server)

    def spend(self, tokens: int, usd: float) -> None:
        """Something was spent; less than nothing where an estimate turns out to have been too high."""
        for budget in self._all():
            budget.tokens += tokens
            budget.usd += usd

    def spent(self, worked: float) -> Spent:
        """What the task has cost, when the run has worked on it for `worked` seconds."""
        seconds = round(self.seconds + worked, 6)
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
            raise LimitReached(_used_up("max_steps", f"{self.steps:,} of max_steps={most:,}"), cap="max_steps")

    def time_is_up(self, worked: float) -> LimitReached:
        """How a run ends whose seconds are used up."""
        took, most = self.seconds + worked, self.limits.max_seconds
        return LimitReached(_used_up("max_seconds", f"{took:.1f} s of max_seconds={most:g}"), cap="max_seconds")

    def check(self) -> None:
        """See whether another call can be made.

        Raises:
            LimitReached: A limit is used up; the message says which, how much was spent and what to do.
        """
        for budget in self._all():
            most, cap = budget.limits.max_tokens, budget.limits.max_cost_usd
            if most is not None and budget.tokens >= most:
                budget.end("max_tokens")
            if cap is not None and budget.usd >= cap:
                budget.end("max_cost_usd")

    def check_request(self, input_tokens: int) -> None:
        """See whether a request fits, before it is sent.

        The first one of a task is always sent: a limit that is too small even for that shows at its first delta.

        Raises:
            LimitReached: It does not fit.
        """
        price = self.price(TokenUsage(input_tokens, 0))
        usd = price.usd if price else 0.0
        for budget in self._all():
            most, cap = budget.limits.max_tokens, budget.limits.max_cost_usd
            if most is not None and budget.tokens > 0 and budget.tokens + input_tokens > most:
                budget.end("max_tokens", more=input_tokens)
            if cap is not None and budget.usd > 0 and budget.usd + usd > cap:
                budget.end("max_cost_usd", more=usd)

    def end(self, cap: Cap, *, more: float = 0.0) -> None:
        """End the run because of its tokens or its money; `more` is what the next request would need.

        Raises:
            LimitReached: Always.
        """
        if cap == "max_tokens":
            need = f", and the next request needs about {more:,.0f} more" if more else ""
            text = f"{self.tokens:,} of max_tokens={self.limits.max_tokens:,}{need}"
            raise LimitReached(_used_up(cap, text), cap=cap, needed=self.tokens + more)
        need = f", and the next request needs about ${more:.4f} more" if more else ""
        text = f"${self.usd:.4f} of max_cost_usd={self.limits.max_cost_usd:g}{need}"
        raise LimitReached(_used_up(cap, text), cap=cap, needed=self.usd + more)

    def limited(self) -> tuple[list[Budget], list[Budget]]:
        """This budget and those that pay for it, as far as they limit tokens, and as far as they limit money."""
        budgets = list(self._all())
        return (
            [budget for budget in budgets if budget.limits.max_tokens is not None],
            [budget for budget in budgets if budget.limits.max_cost_usd is not None],
        )

    def _all(self) -> Iterator[Budget]:
        budget: Budget | None = self
        while budget is not None:
            yield budget
            budget = budget.payer


class OpenCall:
    """A model call that goes on. What it has cost so far counts at once, wherever it is paid.

    Attributes:
        limited: Whether there is anything to check at every delta.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._by_tokens, self._by_usd = budget.limited()
        self.limited = bool(self._by_tokens or self._by_usd)
        self._tokens, self._usd = 0, 0.0
        self._priced_tokens, self._usd_a_token = -1, 0.0

    def grow(self, usage: TokenUsage, *, exact: bool) -> None:
        """Take what the call has cost so far. Cheap enough for every delta.

        Who goes on after the cut sends all of it again, as input: that is what the next request needs.

        Args:
            usage: All of the call.
            exact: Look the price up, which takes half a millisecond; otherwise the last one is carried on.

        Raises:
            LimitReached: A limit is crossed.
        """
        if self._by_usd and (exact or self._priced_tokens < 0):
            self._price(usage)
        self._count(usage.total_tokens, self._usd + (usage.total_tokens - self._tokens) * self._usd_a_token)
        for budget in self._by_tokens:
            if budget.tokens > (budget.limits.max_tokens or 0):
                budget.end("max_tokens", more=usage.total_tokens)
        if any(budget.usd > (budget.limits.max_cost_usd or 0) for budget in self._by_usd):
            self._price(usage)
            again = self._budget.price(TokenUsage(usage.total_tokens, 0))
            for budget in self._by_usd:
                if budget.usd > (budget.limits.max_cost_usd or 0):
                    budget.end("max_cost_usd", more=again.usd if again else 0.0)

    def settle(self, usage: TokenUsage, cost: Cost | None) -> None:
        """The call has ended."""
        self._count(usage.total_tokens, cost.usd if cost else 0.0)

    def _price(self, usage: TokenUsage) -> None:
        """Look up what `usage` costs, and what each further token will."""
        cost = self._budget.price(usage)
        own = replace(usage, cost_usd=None)
        now, then = self._budget.price(own), self._budget.price(own + TokenUsage(0, _RATE_TOKENS))
        self._usd_a_token = (then.usd - now.usd) / _RATE_TOKENS if now and then else 0.0
        self._priced_tokens = usage.total_tokens
        self._count(usage.total_tokens, cost.usd if cost else 0.0)

    def _count(self, tokens: int, usd: float) -> None:
        self._budget.spend(tokens - self._tokens, usd - self._usd)
        self._tokens, self._usd = tokens, usd


_NAMES: dict[Cap, str] = {
    "max_steps": "step",
    "max_seconds": "time",
    "max_tokens": "token",
    "max_cost_usd": "cost",
}


def _used_up(cap: Cap, how_much: str) -> str:
    return f"the {_NAMES[cap]} limit is used up ({how_much}): raise it and go on"


def _least(*limits: float | None) -> float | None:
    return min((limit for limit in limits if limit is not None), default=None)
