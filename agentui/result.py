"""A finished run as a value: what `run(..., return_full_result=True)` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agentui.errors import RunFailed, RunLimitReached, RunStopped
from agentui.events import Record, RunFinished, RunStatus, StepFinished
from agentui.usage import TokenUsage


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a run ended, and everything that led there."""

    output: Any
    "The Python value given to `final_answer(...)`; None unless `status` is `completed`."
    status: RunStatus
    error: str | None
    steps: tuple[StepFinished, ...]
    usage: TokenUsage
    "Totals of all model calls: failed, planning and stopped ones included."
    duration_s: float
    records: tuple[Record, ...]

    @classmethod
    def from_records(cls, records: tuple[Record, ...], output: Any) -> RunResult:
        """Fold a complete run.

        Raises:
            ValueError: The last record is not a `run_finished`.
        """
        end = records[-1].event if records else None
        if not isinstance(end, RunFinished):
            msg = "the run has not finished: its last record is not run_finished"
            raise ValueError(msg)
        return cls(
            output=output,
            status=end.status,
            error=end.error,
            steps=tuple(record.event for record in records if isinstance(record.event, StepFinished)),
            usage=end.usage,
            duration_s=end.duration_s,
            records=records,
        )


def answer_of(result: RunResult, cause: BaseException | None) -> Any:
    """The answer of a run that has one.

    Raises:
        RunFailed: It failed; `cause` is the original error.
        RunLimitReached: It used up a limit.
        RunStopped: It was stopped.
    """
    message = result.error or f"the run ended as {result.status!r}"
    match result.status:
        case "completed":
            return result.output
        case "failed":
            raise RunFailed(message, result) from cause
        case "limit":
            raise RunLimitReached(message, result)
        case "stopped":
            raise RunStopped(message, result)
