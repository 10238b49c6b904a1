"""The one event stream: every value a run can emit, and nothing else.

Events are pure values: no clock, no storage id, no live object. `Record` adds identity and time, once, in
`runner.py`. A delta carries only its increment, and the matching `...Finished` event repeats the whole, so a
reader may drop every delta. Readers skip types and fields they do not know; tags never change once released.

Source: tagged dataclasses after pydantic-ai `messages.py`, names after AG-UI and OpenTelemetry GenAI.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, TypeAdapter

from agentui.call_events import (
    ContextCompacted,
    ModelRequested,
    ModelResponded,
    ModelRetried,
    UpstreamClosed,
    UsageUpdated,
)
from agentui.deltas import CodeDelta, OutputDelta, ReasoningDelta, TextDelta, ToolCallDelta
from agentui.limits import Limits
from agentui.state_events import GivenFile, StateChanged
from agentui.steering_events import ApprovalDecided, ApprovalRequested, MessageAdded, StopRequested
from agentui.usage import Cost, TokenUsage

SCHEMA_VERSION = 1

StepKind: TypeAlias = Literal["action", "planning"]
RunStatus: TypeAlias = Literal["completed", "stopped", "limit", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When the parts of a step happened: seconds since the run started; None if it never came to it."""

    started: float
    first_delta: float | None = None
    model_finished: float | None = None
    finished: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentRun:
    """The run that another one goes on from."""

    run_id: str
    step: int
    "Its last step that counts for the other one; 0 for none."
    relation: Literal["resumed", "forked", "rerun", "repeated"]
    """Gone on with where it ended; continued another way from a step of it; or its task done once more, with the
    recorded answers of the model (`rerun`) or with new ones (`repeated`). Only the first adds to the run itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """First event of a run."""

    task: str
    model: str
    server: str | None = None
    "Address of the model's server, without anything secret; None for a model without one."
    context_tokens: int | None = None
    "What the model reads at once; None where nobody knows."
    tools: tuple[str, ...] = ()
    files: tuple[GivenFile, ...] = ()
    "What the task came with; their content is not recorded."
    limits: Limits = field(default_factory=Limits)
    parent: ParentRun | None = None
    agentui_version: str
    schema_version: int = SCHEMA_VERSION
    type: Literal["run_started"] = "run_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRestored:
    """A fork begins: its interpreter is what it was after the parent's step, as far as `missing` does not say."""

    method: Literal["snapshot", "rerun"]
    "Loaded from what was kept after the step, or made again by running the recorded code."
    missing: dict[str, str] = field(default_factory=dict[str, str])
    "Names that could not be restored, and why."
    duration_s: float
    type: Literal["state_restored"] = "state_restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diverged:
    """A run that is repeated from its recording did something else than it had done; only the first time is said."""

    step: int
    what: Literal["request", "output", "result", "error", "steps"]
    recorded: str
    now: str
    type: Literal["diverged"] = "diverged"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    """A model request is about to be sent. Steps count from 1."""

    step: int
    kind: StepKind = "action"
    type: Literal["step_started"] = "step_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeStarted:
    """The whole code that is about to run."""

    code: str
    type: Literal["code_started"] = "code_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallStarted:
    """A host tool is called, by the running code or by the model itself."""

    call_id: str
    name: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    type: Literal["tool_call_started"] = "tool_call_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallFinished:
    """A host tool returned (`result`) or failed (`error`)."""

    call_id: str
    result: Any = None
    error: str | None = None
    duration_s: float
    type: Literal["tool_call_finished"] = "tool_call_finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubagentEvent:
    """An event of an agent that the code called as a function. Its usage is part of the calling step's."""

    call_id: str
    "The tool call that it answers."
    agent: str
    event: Annotated[RunEvent, Discriminator("type")]
    type: Literal["subagent_event"] = "subagent_event"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactCreated:
    """The code made a picture, table or file. Its bytes live beside the records, under `artifact_id`."""

    artifact_id: str
    name: str
    media_type: str
    size_bytes: int
    type: Literal["artifact_created"] = "artifact_created"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinished:
    """A step as a whole; every text here repeats what its deltas said."""

    step: int
    thought: str = ""
    reasoning: str = ""
    code: str | None = None
    output: str = ""
    observation: str | None = None
    "What the model reads in its next request; None where nothing ran and nothing is said."
    error: str | None = None
    usage: TokenUsage | None = None
    "All model calls of this step, failed attempts included; None if none was made."
    cost: Cost | None = None
    timing: Timing
    is_final: bool = False
    type: Literal["step_finished"] = "step_finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """Last event of every run, whatever happened."""

    status: RunStatus
    output: Any = None
    error: str | None = None
    usage: TokenUsage
    cost: Cost | None = None
    "All model calls together; None as soon as the price of one of them is unknown."
    duration_s: float
    type: Literal["run_finished"] = "run_finished"


RunEvent: TypeAlias = (
    RunStarted
    | StateRestored
    | StepStarted
    | ReasoningDelta
    | TextDelta
    | CodeDelta
    | CodeStarted
    | OutputDelta
    | ToolCallDelta
    | ToolCallStarted
    | ToolCallFinished
    | SubagentEvent
    | ArtifactCreated
    | ModelRequested
    | ModelResponded
    | UsageUpdated
    | ModelRetried
    | ContextCompacted
    | ApprovalRequested
    | ApprovalDecided
    | MessageAdded
    | StateChanged
    | Diverged
    | StopRequested
    | UpstreamClosed
    | StepFinished
    | RunFinished
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An event with its place and time in a run: one line of JSON."""

    run_id: str
    seq: int
    "From 0, without gaps."
    t: float
    "Seconds since the run started."
    event: Annotated[RunEvent, Discriminator("type")]


RECORD: TypeAdapter[Record] = TypeAdapter(Record)
