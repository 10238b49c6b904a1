"""The face of every model: one async stream; the sync calls fold it.

A model is configuration only. It keeps no conversation and no run, so many runs may share one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence

from agentui.loop_thread import iterate, run_sync
from agentui.messages import ChatMessage, ChatMessageStreamDelta, MessageLike, ToolCall


class Model(ABC):
    """Answers messages as a stream of deltas.

    Attributes:
        model_id: The name that the server knows the model by.
    """

    model_id: str

    @abstractmethod
    def stream(
        self, messages: Sequence[MessageLike], stop_sequences: Sequence[str] | None = None
    ) -> AsyncGenerator[ChatMessageStreamDelta, None]:
        """Stream the answer to `messages`.

        Args:
            messages: The conversation, oldest first.
            stop_sequences: Texts at which the answer ends; they may or may not be part of it.

        Yields:
            Increments; the last carries `token_usage` and `finish_reason`.

        Raises:
            ModelError: The call failed; `partial` holds the text so far. Raised while iterating.
        """

    def generate_stream(
        self, messages: Sequence[MessageLike], stop_sequences: Sequence[str] | None = None
    ) -> Iterator[ChatMessageStreamDelta]:
        """`stream` for code that is not async. Closing the iterator closes the connection."""
        return iterate(self.stream(messages, stop_sequences))

    def generate(self, messages: Sequence[MessageLike], stop_sequences: Sequence[str] | None = None) -> ChatMessage:
        """The whole answer at once, folded from `stream`."""

        async def collect() -> list[ChatMessageStreamDelta]:
            return [delta async for delta in self.stream(messages, stop_sequences)]

        return fold_deltas(run_sync(collect()))


def fold_deltas(deltas: Iterable[ChatMessageStreamDelta]) -> ChatMessage:
    """Join deltas into the message they are increments of, in time linear in their text."""
    content: list[str] = []
    reasoning: list[str] = []
    calls: dict[int, list[ToolCall]] = {}
    usage = finish = None
    for delta in deltas:
        if delta.content:
            content.append(delta.content)
        if delta.reasoning:
            reasoning.append(delta.reasoning)
        for call in delta.tool_calls or ():
            calls.setdefault(call.index, []).append(call)
        usage = delta.token_usage or usage
        finish = delta.finish_reason or finish
    return ChatMessage(
        role="assistant",
        content="".join(content),
        reasoning="".join(reasoning) or None,
        tool_calls=tuple(_join_call(parts) for _, parts in sorted(calls.items())),
        token_usage=usage,
        finish_reason=finish,
    )


def _join_call(parts: list[ToolCall]) -> ToolCall:
    first = parts[0]
    return ToolCall(
        call_id=first.call_id,
        name=first.name,
        arguments="".join(part.arguments for part in parts),
        index=first.index,
        extra=next((part.extra for part in parts if part.extra), None),
    )
