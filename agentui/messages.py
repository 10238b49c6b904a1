"""What is sent to a model and what comes back: one face over every server.

`ChatMessage` and `ChatMessageStreamDelta` keep the names that smolagents users know. A plain
`{"role": …, "content": …}` dict is accepted wherever a message goes in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from agentui.usage import FinishReason, TokenUsage

__all__ = [
    "ChatMessage",
    "ChatMessageStreamDelta",
    "FinishReason",
    "MessageLike",
    "Retry",
    "ToolCall",
    "ToolSchema",
    "as_message",
]

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]
Content: TypeAlias = str | list[dict[str, Any]] | None
"""Text, or OpenAI content parts such as `{"type": "text", "text": …}` and `{"type": "image_url", …}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call that the model asked for as `tool_calls`; `arguments` is the JSON text as the model wrote it."""

    call_id: str
    name: str
    arguments: str = ""
    index: int = 0
    extra: dict[str, Any] | None = None
    "Vendor content that must be sent back unchanged, such as Gemini's thought signature."


ToolSchema: TypeAlias = dict[str, Any]
"""A tool as OpenAI describes it: `{"type": "function", "function": {"name", "description", "parameters"}}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A call failed before its first delta and is sent again in `wait_s` seconds."""

    attempt: int
    wait_s: float
    reason: str
    usage: TokenUsage | None = None
    "What the failed call cost at least; None if nothing was billed."


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessageStreamDelta:
    """An increment of an answer. The last one carries the settled `token_usage` and `finish_reason`.

    `tool_calls` hold increments too: `arguments` is the text since the previous delta of the same `index`,
    `call_id` and `name` are repeated.
    """

    content: str | None = None
    reasoning: str | None = None
    tool_calls: tuple[ToolCall, ...] | None = None
    token_usage: TokenUsage | None = None
    finish_reason: FinishReason | None = None
    retry: Retry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """A whole message."""

    role: Role
    content: Content = None
    reasoning: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    "For role `tool`: the call that this message answers."
    token_usage: TokenUsage | None = None
    finish_reason: FinishReason | None = None
    raw: Any = field(default=None, compare=False, repr=False)

    @property
    def text(self) -> str:
        """The text of `content`, its parts joined; "" without any."""
        if isinstance(self.content, list):
            return "".join(str(part.get("text", "")) for part in self.content if part.get("type") == "text")
        return self.content or ""


MessageLike: TypeAlias = ChatMessage | Mapping[str, Any]


def as_message(message: MessageLike) -> ChatMessage:
    """Accept a dict where a message is expected.

    Raises:
        ValueError: The dict has no known `role`.
    """
    if isinstance(message, ChatMessage):
        return message
    role = getattr(message.get("role"), "value", message.get("role"))
    if role not in {"system", "user", "assistant", "tool"}:
        msg = f"message role {role!r} is not one of system, user, assistant, tool"
        raise ValueError(msg)
    return ChatMessage(role=role, content=message.get("content"), tool_call_id=message.get("tool_call_id"))
