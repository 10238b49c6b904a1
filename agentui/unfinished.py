"""A run that ended early, as what is needed to go on with it.

Caps are for the task as a whole: what earlier parts spent counts for the parts that go on with it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from agentui.errors import ConfigError
from agentui.events import ParentRun, RunStatus
from agentui.limits import CAPS, Cap, Limits

NEARLY = 0.9
"Share of a cap from which on it is worth raising before the task goes on."


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a task has cost so far, called agents included."""

    tokens: int = 0
    usd: float = 0.0
    "As far as prices are known."
    seconds: float = 0.0
    "In which it was worked on; the time between two parts does not count."
    steps: int = 0
    "Action steps; one that was cut short is done again and counts once."

    def of(self, cap: Cap) -> float:
        """What is spent of a limit."""
        match cap:
            case "max_tokens":
                return self.tokens
            case "max_cost_usd":
                return self.usd
            case "max_seconds":
                return self.seconds
            case "max_steps":
                return self.steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """A run that a limit, a stop or a failure has ended, and what its task has spent."""

    run_id: str
    task: str
    step: int
    "Number of its last step; 0 if it had none."
    status: RunStatus
    limits: Limits
    spent: Spent
    cap: Cap | None = None
    "The limit that has ended it; None if none did."
    needed: float = 0.0
    "What that limit would have had to be, as far as that was known."

    @property
    def parent(self) -> ParentRun:
        """How the run that goes on with it names it."""
        return ParentRun(run_id=self.run_id, step=self.step, relation="resumed")

    def raised(self, factor: float = 1.5) -> Limits:
        """The limits with room to go on.

        The cap that ended the run, and every other one that is used up or nearly, becomes `factor` times what it was,
        or what was needed if that is more; whole numbers are rounded up. The others stay.

        Raises:
            ConfigError: `factor` does not raise anything.
        """
        if not 1 < factor < math.inf:
            raise ConfigError(f"factor={factor!r} raises no limit: give a number above 1")
        return replace(self.limits, **{cap: self._more(cap, factor) for cap in CAPS if self._is_short(cap)})

    def check(self, limits: Limits) -> None:
        """See whether the task can go on within `limits`.

        Raises:
            ConfigError: A limit is used up, or is the one that ended the run and not raised; the message says which.
        """
        for cap in CAPS:
            most, spent = _most(limits, cap), self.spent.of(cap)
            if most is not None and spent >= most:
                raise ConfigError(f"{cap}={most:.12g} is used up by what the task has spent ({spent:,.6g}): raise it")
            if most is not None and cap == self.cap and most < self.needed:
                raise ConfigError(f"{cap}={most:.12g} is too little to go on: raise it to at least {self.needed:.6g}")

    def _is_short(self, cap: Cap) -> bool:
        most = _most(self.limits, cap)
        return most is not None and (cap == self.cap or self.spent.of(cap) >= NEARLY * most)

    def _more(self, cap: Cap, factor: float) -> float:
        needed = self.needed if cap == self.cap else 0.0
        more = max(_most(self.limits, cap) or 0.0, self.spent.of(cap), needed) * factor
        return math.ceil(more) if cap in {"max_steps", "max_tokens"} else more


def _most(limits: Limits, cap: Cap) -> float | None:
    return getattr(limits, cap)
