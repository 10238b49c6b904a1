"""A recorded run, read so that its task can be done once more: what its model answered, and what came of it.

Failed attempts of a model call are left out: what counts is the answer that was taken. Records are somebody's file:
what does not fit together is refused in one line. Not in records: pictures, the content of files, variables that came
with the task, and native calls that could not be read where nothing was streamed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from agentui.errors import ConfigError
from agentui.events import (
    CodeDelta,
    CodeStarted,
    ModelRetried,
    ReasoningDelta,
    Record,
    RunEvent,
    RunFinished,
    RunStarted,
    StepFinished,
    StepKind,
    StepStarted,
    SubagentEvent,
    TextDelta,
    ToolCallDelta,
    ToolCallFinished,
    ToolCallStarted,
)


@dataclass(slots=True, kw_only=True, eq=False)
class PastCall:
    """A tool call of a step."""

    name: str
    arguments: dict[str, Any]
    end: ToolCallFinished | None = None
    run: PastRun | None = None
    "That of the called agent, if it was one."


@dataclass(slots=True, kw_only=True)
class WrittenCall:
    """A native call as the model wrote it."""

    name: str
    parts: list[str] = field(default_factory=list[str])
    "Of its arguments, as JSON text."


@dataclass(slots=True, kw_only=True)
class PastStep:
    """A step as it was recorded."""

    number: int
    kind: StepKind
    asked_at: float
    "When the request was sent whose answer was taken: seconds since the run started."
    moments: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])
    "When how many characters came; empty where deltas were not recorded."
    written: dict[str, WrittenCall] = field(default_factory=dict[str, WrittenCall])
    "Native calls by their ids; empty where deltas were not recorded."
    code: str | None = None
    "That ran."
    calls: dict[str, PastCall] = field(default_factory=dict[str, PastCall])
    end: StepFinished | None = None

    @property
    def given_code(self) -> str | None:
        """The code, where somebody gave it and the model was not asked; None otherwise."""
        asked = self.end is None or self.end.timing.model_finished is not None
        return None if asked else self.code

    def take(self, event: RunEvent, t: float) -> None:
        """Read on; raises what `PastRun.take` raises."""
        match event:
            case TextDelta() | CodeDelta() | ReasoningDelta():
                self.moments.append((t, len(event.text)))
            case ToolCallDelta(call_id=call_id, name=name, text=text):
                self.moments.append((t, len(text)))
                self.written.setdefault(call_id, WrittenCall(name=name)).parts.append(text)
            case ModelRetried(wait_s=wait_s):
                self.moments, self.written, self.asked_at = [], {}, t + wait_s
            case CodeStarted(code=code):
                self.code = code
            case ToolCallStarted(call_id=call_id, name=name, arguments=arguments):
                self.calls[call_id] = PastCall(name=name, arguments=arguments)
            case ToolCallFinished(call_id=call_id) if call_id in self.calls:
                self.calls[call_id].end = event
            case SubagentEvent(call_id=call_id, event=inner) if call_id in self.calls:
                call = self.calls[call_id]
                call.run = call.run or PastRun()
                call.run.take(inner, t)
            case StepFinished():
                self.end = event
            case _:
                pass


@dataclass(slots=True, kw_only=True)
class PastRun:
    """A run as it was recorded; `past_run` reads one."""

    run_id: str = ""
    start: RunStarted | None = None
    steps: list[PastStep] = field(default_factory=list[PastStep])
    end: RunFinished | None = None

    @property
    def started(self) -> RunStarted:
        """What the run began with.

        Raises:
            ConfigError: The records lack it.
        """
        if self.start is None:
            raise ConfigError("these records do not begin with the start of a run: give them from the first on")
        return self.start

    @property
    def completed(self) -> bool:
        """Whether it has an answer."""
        return self.end is not None and self.end.status == "completed"

    @property
    def calls_natively(self) -> bool:
        """Whether it is of an agent whose model calls tools natively instead of writing code."""
        return any(step.calls and step.code is None for step in self.steps)

    def was_cut(self, step: PastStep) -> bool:
        """Whether the run was ended from outside, or its recording stops, within this step."""
        if self.completed or step is not self.steps[-1]:
            return False
        return step.end is None or (step.end.observation is None and not step.end.is_final)

    def how_it_ended(self) -> str:
        """Its end in words, for a reader who sees another one."""
        if self.end is None:
            return "the recording stops here without an end"
        why = f": {self.end.error}" if self.end.error else ""
        return f"the recorded run ended here as {self.end.status}{why}"

    def take(self, event: RunEvent, t: float) -> None:
        """Read on; `t` is when it happened, in seconds since the run started.

        Raises:
            ConfigError: The event does not fit to those before.
        """
        match event:
            case RunStarted() if self.start is None:
                self.start = event
            case RunStarted():
                raise ConfigError("these records are of more than one run: give one of them")
            case StepStarted():
                self._open(event, t)
            case RunFinished():
                self.end = event
            case _ if self.steps:
                self.steps[-1].take(event, t)
            case _:
                pass

    def _open(self, event: StepStarted, t: float) -> None:
        number = self.started and len(self.steps) + 1
        if event.step != number:
            raise ConfigError(f"these records are not whole: step {event.step} stands where step {number} should")
        if self.steps and self.steps[-1].end is None:
            raise ConfigError(f"these records are not whole: step {len(self.steps)} has no end")
        self.steps.append(PastStep(number=event.step, kind=event.kind, asked_at=t))


def past_run(records: Iterable[Record]) -> PastRun:
    """Read a run.

    Args:
        records: Of one run, from its first; they may end early.

    Raises:
        ConfigError: They do not begin with its first, are of several runs, or steps are missing.
    """
    run = PastRun()
    for record in records:
        run.run_id = run.run_id or record.run_id
        if record.run_id != run.run_id:
            raise ConfigError("these records are of more than one run: give one of them")
        run.take(record.event, record.t)
    if not run.started.task.strip():
        raise ConfigError("these records name no task: there is nothing to do again")
    return run
