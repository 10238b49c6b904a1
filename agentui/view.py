"""Fold records into what a person sees. No I/O, no page: every screen, export and replay uses this fold.

`apply` costs time linear in the record alone. Dropping every delta gives the same view once the steps finished.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeAlias, assert_never

from agentui.events import (
    ApprovalDecided,
    ApprovalRequested,
    ArtifactCreated,
    CodeDelta,
    CodeStarted,
    ContextCompacted,
    Diverged,
    MessageAdded,
    ModelRequested,
    ModelResponded,
    ModelRetried,
    OutputDelta,
    ReasoningDelta,
    Record,
    RunFinished,
    RunStarted,
    StateChanged,
    StateRestored,
    StepFinished,
    StepKind,
    StepStarted,
    StopRequested,
    SubagentEvent,
    TextDelta,
    ToolCallDelta,
    ToolCallFinished,
    ToolCallStarted,
    UpstreamClosed,
    UsageUpdated,
)
from agentui.phase import Phase
from agentui.request_view import RequestView, take_request
from agentui.steering_view import ApprovalView, SaidView, take_approval
from agentui.usage import Cost, TokenUsage, sum_usage


@dataclass(slots=True)
class Text:
    """Text that grows by deltas; joined only when somebody looks."""

    chunks: list[str] = field(default_factory=list[str])

    def add(self, text: str) -> None:
        """Append a delta."""
        self.chunks.append(text)

    def __str__(self) -> str:
        if len(self.chunks) > 1:
            self.chunks[:] = ["".join(self.chunks)]
        return self.chunks[0] if self.chunks else ""

    def __bool__(self) -> bool:
        return any(self.chunks)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Text) and str(self) == str(other)


@dataclass(slots=True)
class ToolCallView:
    """A host tool call as shown."""

    started: ToolCallStarted
    finished: ToolCallFinished | None = None
    subagent: RunView | None = None
    "The run of the agent that was called, if it is one."


@dataclass(slots=True)
class StepView:
    """One step as shown."""

    number: int
    kind: StepKind
    started: float
    reasoning: Text = field(default_factory=Text)
    thought: Text = field(default_factory=Text)
    code: Text = field(default_factory=Text)
    output: Text = field(default_factory=Text)
    writing_calls: dict[str, Text] = field(default_factory=dict[str, Text])
    "Arguments of native calls while the model writes them, as JSON text; gone once the step has finished."
    calls: dict[str, ToolCallView] = field(default_factory=dict[str, ToolCallView])
    artifacts: list[ArtifactCreated] = field(default_factory=list[ArtifactCreated])
    requests: list[RequestView] = field(default_factory=list[RequestView])
    "Every one, also those that failed."
    approvals: list[ApprovalView] = field(default_factory=list[ApprovalView])
    retries: list[ModelRetried] = field(default_factory=list[ModelRetried])
    resent: float | None = None
    "When the newest request was sent, if it is not the step's first: seconds since the run started."
    closed: UpstreamClosed | None = None
    usage: TokenUsage | None = None
    "The newest model call of the step: an estimate while it streams."
    cost: Cost | None = None
    "Of that call; None where nobody knows the price."
    counted_output_tokens: int | None = None
    margin: float | None = None
    "What estimates for the model were off by before; None once the numbers are exact, and where it is not known."
    diverged: Diverged | None = None
    "What was not as recorded first, in a run whose model's answers come from a recording."
    end: StepFinished | None = None

    @property
    def total(self) -> TokenUsage:
        """All model calls of the step: failed attempts and called agents included."""
        if self.end is not None:
            return sum_usage([self.end.usage])
        called = (call.subagent.usage for call in self.calls.values() if call.subagent)
        return sum_usage([*(retry.usage for retry in self.retries), self.usage, *called])


@dataclass(slots=True)
class RunView:
    """A run as shown; built only by `apply`."""

    run_id: str = ""
    start: RunStarted | None = None
    restored: StateRestored | None = None
    steps: list[StepView] = field(default_factory=list[StepView])
    compactions: list[ContextCompacted] = field(default_factory=list[ContextCompacted])
    changes: list[StateChanged] = field(default_factory=list[StateChanged])
    "Of variables and files; `state_after` makes the state of a step of them."
    said: list[SaidView] = field(default_factory=list[SaidView])
    end: RunFinished | None = None
    phase: Phase = "starting"
    t: float = 0.0
    "Time of the newest record: seconds since the run started."

    @property
    def usage(self) -> TokenUsage:
        """Tokens so far: settled once the run has ended."""
        return self.end.usage if self.end else sum_usage(step.total for step in self.steps)

    @property
    def context(self) -> TokenUsage | None:
        """The newest call of the run's own agent: what its context holds now, which is not what is billed in all."""
        return next((step.usage for step in reversed(self.steps) if step.usage), None)

    @property
    def context_window(self) -> int | None:
        """Tokens that the model reads at once; None where nobody knows."""
        return self.start.context_tokens if self.start else None

    def apply(self, record: Record) -> None:
        """Fold one record in."""
        self.run_id, self.t = record.run_id, record.t
        event = record.event
        match event:
            case RunStarted():
                self.start = event
            case StepStarted():
                self.steps.append(StepView(event.step, event.kind, record.t))
                self.phase = "waiting"
            case RunFinished():
                self.end = event
                self.phase = "ended"
            case StopRequested():
                self.phase = "stopping"
            case StateRestored() | ContextCompacted() | StateChanged() | MessageAdded():
                self._keep(event)
            case ModelRequested() | ModelResponded():
                take_request([step.requests for step in self.steps], event, record)
            case Diverged():
                for step in self.steps[-1:]:
                    step.diverged = event
            case _:
                if self.steps:  # a recording that begins in the middle has events without their step
                    self.phase = _apply_to_step(self.steps[-1], event, record) or self.phase

    def _keep(self, event: StateRestored | ContextCompacted | StateChanged | MessageAdded) -> None:
        match event:
            case StateRestored():
                self.restored = event
            case ContextCompacted():
                self.compactions.append(event)
            case StateChanged():
                self.changes.append(event)
            case MessageAdded():
                self.said.append(SaidView(event, len(self.steps)))


StepEvent: TypeAlias = (
    ReasoningDelta
    | TextDelta
    | CodeDelta
    | CodeStarted
    | OutputDelta
    | ToolCallDelta
    | ToolCallStarted
    | ToolCallFinished
    | SubagentEvent
    | ArtifactCreated
    | UsageUpdated
    | ModelRetried
    | UpstreamClosed
    | ApprovalRequested
    | ApprovalDecided
    | StepFinished
)


def _apply_to_step(step: StepView, event: StepEvent, record: Record) -> Phase | None:
    match event:
        case ReasoningDelta() | TextDelta() | CodeDelta() | OutputDelta() | ToolCallDelta():
            return _apply_delta(step, event)
        case CodeStarted():
            step.code = Text([event.code])
            return "running"
        case ToolCallStarted() | ToolCallFinished() | SubagentEvent():
            return _apply_call(step, event, record)
        case ArtifactCreated():
            step.artifacts.append(event)
            return None
        case UsageUpdated():
            step.usage, step.cost = event.usage, event.cost
            step.counted_output_tokens, step.margin = event.counted_output_tokens, event.margin
            return None
        case UpstreamClosed():
            step.closed = event
            return None
        case ApprovalRequested() | ApprovalDecided():
            take_approval(step.approvals, event)
            return "approving" if isinstance(event, ApprovalRequested) else "waiting"
        case ModelRetried():
            step.retries.append(event)
            step.reasoning, step.thought, step.code, step.usage = Text(), Text(), Text(), None
            step.writing_calls, step.resent = {}, record.t + event.wait_s
            return "retrying"
        case StepFinished():
            _settle(step, event)
            return "waiting"
        case _:
            assert_never(event)


def _apply_call(
    step: StepView, event: ToolCallStarted | ToolCallFinished | SubagentEvent, record: Record
) -> Phase | None:
    if isinstance(event, ToolCallStarted):
        step.calls[event.call_id] = ToolCallView(event)
        return "calling"
    call = step.calls.get(event.call_id)
    if call is None:
        return None
    if isinstance(event, ToolCallFinished):
        call.finished = event
        return "running"
    call.subagent = call.subagent or RunView()
    call.subagent.apply(replace(record, event=event.event))
    return None


def _apply_delta(step: StepView, event: ReasoningDelta | TextDelta | CodeDelta | OutputDelta | ToolCallDelta) -> Phase:
    match event:
        case ReasoningDelta():
            step.reasoning.add(event.text)
            return "reasoning"
        case TextDelta():
            step.thought.add(event.text)
            return "writing"
        case CodeDelta():
            step.code.add(event.text)
            return "coding"
        case OutputDelta():
            step.output.add(event.text)
            return "running"
        case ToolCallDelta():
            step.writing_calls.setdefault(event.call_id, Text()).add(event.text)
            return "coding"
        case _:
            assert_never(event)


def _settle(step: StepView, event: StepFinished) -> None:
    step.reasoning, step.thought = Text([event.reasoning]), Text([event.thought])
    step.code, step.output = Text([event.code or ""]), Text([event.output])
    called = any(call.subagent for call in step.calls.values())
    if step.usage is None and not step.retries and not called:  # otherwise the sum is not that of one call
        step.usage, step.cost = event.usage, event.cost
    step.writing_calls = {}
    step.end = event


def fold(records: Iterable[Record]) -> RunView:
    """Replay `records` into a fresh view."""
    view = RunView()
    for record in records:
        view.apply(record)
    return view
