"""The usage table: a row for every model call of a run, in the order they were made."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agentui.events import StepKind
from agentui.usage import Cost, TokenUsage, sum_costs
from agentui.view import RunView, StepView

LEAST_GENERATING_S = 0.02
"An answer that came within less time says nothing about how fast the model writes."


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """One model call."""

    agent: str = ""
    "Names of the called agents on the way to it, joined by `/`; empty for the run's own agent."
    model: str
    step: int
    kind: StepKind
    attempt: int
    usage: TokenUsage
    cost: Cost | None = None
    margin: float | None = None
    "What estimates for this model were off by before, as a share; None for exact numbers, and where it is not known."
    counted_output_tokens: int | None = None
    "Output as counted here before the server said its number."
    failed: bool = False
    first_delta_s: float | None = None
    "Seconds from the request to its first delta."
    generating_s: float | None = None
    "Seconds from the first delta to the end of the answer."

    @property
    def estimate_error(self) -> float | None:
        """How far the estimate was off what the server said, as a share of that; None where one of them is missing."""
        if self.counted_output_tokens is None or not self.usage.output_tokens:
            return None
        return self.counted_output_tokens / self.usage.output_tokens - 1

    @property
    def tokens_per_s(self) -> float | None:
        """Output tokens a second from the first delta on; None for an answer that came all at once, or not at all."""
        if self.generating_s is None or self.generating_s < LEAST_GENERATING_S or not self.usage.output_tokens:
            return None
        return self.usage.output_tokens / self.generating_s


def usage_rows(view: RunView) -> list[UsageRow]:
    """A row for every model call that cost something; their sum is `view.usage`."""
    model = view.start.model if view.start else ""
    return [row for step in view.steps for row in _step_rows(step, model)]


def total_cost(view: RunView) -> Cost | None:
    """What the run has cost so far; None as soon as the price of one call is unknown."""
    return view.end.cost if view.end else sum_costs(row.cost for row in usage_rows(view))


def _step_rows(step: StepView, model: str) -> list[UsageRow]:
    row = UsageRow(model=model, step=step.number, kind=step.kind, attempt=1, usage=TokenUsage(0, 0))
    rows = [
        replace(row, attempt=retry.attempt, usage=retry.usage, cost=retry.cost, failed=True)
        for retry in step.retries
        if retry.usage
    ]
    if step.usage is not None:
        last = replace(row, attempt=len(step.retries) + 1, usage=step.usage, cost=step.cost, **_speed(step))
        rows.append(replace(last, counted_output_tokens=step.counted_output_tokens, margin=step.margin))
    for call in step.calls.values():
        if call.subagent is not None:
            rows += [_called(call.started.name, inner) for inner in usage_rows(call.subagent)]
    return rows


def _called(name: str, row: UsageRow) -> UsageRow:
    return replace(row, agent=f"{name}/{row.agent}" if row.agent else name)


def _speed(step: StepView) -> dict[str, float | None]:
    timing = step.end.timing if step.end else None
    if timing is None or timing.first_delta is None:
        return {}
    finished = timing.model_finished
    return {
        "first_delta_s": timing.first_delta - (timing.started if step.resent is None else step.resent),
        "generating_s": None if finished is None else finished - timing.first_delta,
    }
