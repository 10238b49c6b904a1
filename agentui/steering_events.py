"""What people do to a run while it happens, and what it waits for from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

EffectKind: TypeAlias = Literal["import", "reads", "writes", "network", "tool", "process", "dynamic", "endless"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRequested:
    """Somebody asked the run to end now."""

    type: Literal["stop_requested"] = "stop_requested"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Something that code would do, as far as its text tells."""

    kind: EffectKind
    what: str
    "Such as a module, a file or a tool; of an endless loop its head."
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequested:
    """Code, or native tool calls, are ready and wait for somebody to let them run."""

    approval_id: str
    "Unique in the run, called agents included."
    step: int
    code: str
    "Of native calls one line each, as `name(arguments)`."
    effects: tuple[Effect, ...] = ()
    editable: bool = True
    "Other code can run instead."
    type: Literal["approval_requested"] = "approval_requested"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalDecided:
    """Somebody, or a pattern that was allowed before, decided about the code."""

    approval_id: str
    step: int
    decision: Literal["approved", "edited", "rejected"]
    code: str | None = None
    "What runs instead, if it was edited."
    reason: str | None = None
    "What the model is told, if it was rejected."
    allowed: tuple[str, ...] = ()
    "Effects that need no approval any more in this run, as `kind what` or `kind *`; `none` for code without any."
    automatic: bool = False
    "Nobody was asked: everything it would do had been allowed."
    type: Literal["approval_decided"] = "approval_decided"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageAdded:
    """Somebody said something to the running agent; the model reads it in its next request."""

    text: str
    interrupted: bool = False
    "The answer or the code that was going on was cut short for it."
    type: Literal["message_added"] = "message_added"
