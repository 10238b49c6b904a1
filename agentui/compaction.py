"""Keep a long conversation within the model's context: first without old observations and pictures, then summarised.

What the records say is not touched: only what the model is sent next. The opening messages and the newest turns
always stay as they are, so the server's cached prefix breaks at one place and not at every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agentui.images import has_images, without_images
from agentui.messages import ChatMessage
from agentui.pricing import context_window
from agentui.spec import AgentSpec
from agentui.tokens import MESSAGE_OVERHEAD, count_messages

SHARE = 0.75
"Of the context that the conversation may fill before it is shortened; the rest is for the answer."
DEFAULT_CONTEXT = 128_000
"Tokens, for a model whose context nobody knows."
KEPT_TURNS = 4
"Messages at the end that are never touched: two steps with their observations."
SHORT_CHARS = 300
"Characters that stay of an old observation."
_OBSERVATION = "Observation:\n"


def known_context(spec: AgentSpec) -> int | None:
    """Tokens that the model reads at once; None where nobody knows."""
    return spec.context_tokens or context_window(spec.model.model_id, spec.model.server)


def context_limit(spec: AgentSpec) -> int:
    """Tokens that the conversation may have."""
    return int((known_context(spec) or DEFAULT_CONTEXT) * SHARE)


def elide(messages: Sequence[ChatMessage], opening: int) -> tuple[list[ChatMessage], int]:
    """Shorten old observations, and leave old pictures out.

    Args:
        messages: The conversation.
        opening: How many messages at its start are fixed.

    Returns:
        The conversation, and how many observations were shortened.
    """
    last = max(opening, len(messages) - KEPT_TURNS)
    shortened = [_short(message) if opening <= i < last else message for i, message in enumerate(messages)]
    count = sum(new is not old for new, old in zip(shortened, messages, strict=True))
    return [without_images(m) if opening <= i < last else m for i, m in enumerate(shortened)], count


def summarised(messages: Sequence[ChatMessage], opening: int, summary: ChatMessage) -> list[ChatMessage]:
    """The conversation with everything between its opening and its newest turns replaced by `summary`."""
    newest = list(messages[max(opening, len(messages) - KEPT_TURNS) :])
    while newest and newest[0].role in {"assistant", "tool"}:  # half a turn would be refused by the server
        newest.pop(0)
    return [*messages[:opening], summary, *newest]


def surely_fits(messages: Sequence[ChatMessage], limit: int) -> bool:
    """Whether so little text cannot be too much: a token is at least a byte. Spares counting in short conversations."""
    if any(map(has_images, messages)):
        return False
    return sum(len(message.text.encode()) + MESSAGE_OVERHEAD for message in messages) <= limit


def size(messages: Sequence[ChatMessage]) -> int:
    """Estimated tokens of `messages`."""
    return count_messages(messages)


def _short(message: ChatMessage) -> ChatMessage:
    text = message.content
    if not isinstance(text, str) or not (message.role == "tool" or _is_observation(message.role, text)):
        return message
    if len(text) <= SHORT_CHARS + 100:
        return message
    left_out = len(text) - SHORT_CHARS
    return replace(message, content=f"{text[:SHORT_CHARS]}\n… ({left_out:,} more characters, left out to save context)")


def _is_observation(role: str, text: str) -> bool:
    return role == "user" and text.startswith(_OBSERVATION)
