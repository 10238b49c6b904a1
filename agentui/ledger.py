"""The usage table: a row for every model call of a run, in the order they were made."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agentui.events import StepKind
from agentui.usage import Cost, TokenUsage
from agentui.view import RunView, StepView


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
    counted_output_tokens: int | None = None
    "Output as counted here before the server said its number."
    failed: bool = False
    first_delta_s: float | None = None
    "Seconds from the start of the step to its first delta."
    generating_s: float | None = None
    "Seconds from the first delta to the end of the answer."


def usage_rows(view: RunView) -> list[UsageRow]:
    """A row for every model call that cost something; their sum is `view.usage`."""
    model = view.start.model if view.start else ""
    return [row for step in view.steps for row in _step_rows(step, model)]


def _step_rows(step: StepView, model: str) -> list[UsageRow]:
    row = UsageRow(model=model, step=step.number, kind=step.kind, attempt=1, usage=TokenUsage(0, 0))
    rows = [
        replace(row, attempt=retry.attempt, usage=retry.usage, cost=retry.cost, failed=True)
        for retry in step.retries
        if retry.usage
    ]
    if step.usage is not None:
        last = replace(row, attempt=len(step.retries) + 1, usage=step.usage, cost=step.cost, **_speed(step))
        rows.append(replace(last, counted_output_tokens=step.counted_output_tokens))
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
        "first_delta_s": timing.first_delta - timing.started,
        "generating_s": None if finished is None else finished - timing.first_delta,
    }
