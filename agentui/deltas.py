"""What arrives bit by bit while a step happens: each event is an increment, and `step_finished` repeats the whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

OutputStream: TypeAlias = Literal["stdout", "stderr"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningDelta:
    """Reasoning that the model shows apart from its answer. Never parsed for code."""

    text: str
    type: Literal["reasoning_delta"] = "reasoning_delta"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """The thought: answer text before and after the code."""

    text: str
    type: Literal["text_delta"] = "text_delta"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeDelta:
    """Code while the model writes it, without its tags or fences."""

    text: str
    type: Literal["code_delta"] = "code_delta"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputDelta:
    """Text that the running code printed, as it was printed."""

    stream: OutputStream
    text: str
    type: Literal["output_delta"] = "output_delta"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallDelta:
    """Arguments of a call that the model writes natively, as JSON text, while it writes them."""

    call_id: str
    name: str
    text: str
    type: Literal["tool_call_delta"] = "tool_call_delta"
