"""A step while it happens. It begins with `step_started` and, whatever happens inside, ends with `step_finished`."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from agentui.budget import Budget
from agentui.checkpoints import ToolResult
from agentui.events import StepFinished, StepKind, StepStarted, Timing
from agentui.parse import Answer
from agentui.runner import Run
from agentui.sent import SentLog
from agentui.usage import Cost, TokenUsage, sum_costs, sum_usage


class StepDraft:
    """What is known of the running step. Use it as a context manager: leaving it records the step.

    Attributes:
        answer: What the model wrote, as far as it got.
        edited: Its code is not what runs: somebody has edited that.
        calls: Tools that were called, in the order of their ends.
        output: Printed text, in order, up to the limit of a step.
        overflow: What was printed beyond it.
        budget: What the run may still spend.
        sent: What its agent has sent to the model.
        usages: One entry a model call.
        failed_requests: How many were sent again, for whatever reason.
        costs: What each of them cost; None where that is unknown.
        finished: The recorded step, once it has ended.
    """

    def __init__(self, run: Run, number: int, budget: Budget, sent: SentLog, kind: StepKind = "action") -> None:
        self.run = run
        self.sent = sent
        self.number = number
        self.kind: StepKind = kind
        self.budget = budget
        self.answer = Answer()
        self.edited = False
        self.code: str | None = None
        self.output: list[str] = []
        self.calls: list[ToolResult] = []
        self.overflow: list[str] = []
        self._cut_at = 0
        self.observation: str | None = None
        self.error: str | None = None
        self.usages: list[TokenUsage] = []
        self.failed_requests = 0
        self.costs: list[Cost | None] = []
        self.is_final = False
        self.finished: StepFinished | None = None
        self._started = 0.0
        self._first_delta: float | None = None
        self._model_finished: float | None = None

    def __enter__(self) -> Self:
        self._started = self.run.elapsed()
        self.run.emit(StepStarted(step=self.number, kind=self.kind))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, asyncio.CancelledError):
            self.error = self.error or "stopped before the step had ended"
        elif error is not None:
            self.error = self.error or str(error) or type(error).__name__
        self.finished = StepFinished(
            step=self.number,
            thought=self.answer.thought,
            reasoning=self.answer.reasoning,
            code=self.code or self.answer.code,
            output="".join(self.output),
            observation=self.observation,
            error=self.error,
            usage=sum_usage(self.usages) if self.usages else None,
            cost=sum_costs(self.costs),
            timing=Timing(
                started=round(self._started, 6),
                first_delta=self._first_delta,
                model_finished=self._model_finished,
                finished=round(self.run.elapsed(), 6),
            ),
            is_final=self.is_final,
        )
        self.run.emit(self.finished)

    def add_usage(self, usage: TokenUsage, cost: Cost | None) -> None:
        """A model call of this step, or an agent that it called, has ended and is paid."""
        self.usages.append(usage)
        self.costs.append(cost)

    def add_overflow(self, text: str) -> None:
        """The code printed `text` beyond the limit of a step."""
        self._cut_at = self._cut_at if self.overflow else len(self.output)
        self.overflow.append(text)

    @property
    def printed(self) -> str:
        """All that the code printed, as far as it is kept, and what the sandbox said about it at the end."""
        return "".join([*self.output[: self._cut_at], *self.overflow, *self.output[self._cut_at :]])

    def ask_again(self) -> int:
        """The newest request has failed and is sent again; the result is its number, from 1."""
        self.failed_requests += 1
        self._first_delta = None
        return self.failed_requests

    def mark_first_delta(self) -> None:
        """The model has begun to answer the newest request."""
        if self._first_delta is None:
            self._first_delta = round(self.run.elapsed(), 6)

    def mark_model_finished(self) -> None:
        """The model has ended its answer."""
        self._model_finished = round(self.run.elapsed(), 6)
