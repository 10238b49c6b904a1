"""The face of every model: one async stream; the sync calls fold it.

A model is configuration only. It keeps no conversation and no run, so many runs may share one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing

from agentui.loop_thread import iterate, run_sync
from agentui.messages import ChatMessage, ChatMessageStreamDelta, MessageLike, ToolCall, ToolSchema
from agentui.think import ThinkSplitter


class Model(ABC):
    """Answers messages as a stream of deltas.

    Attributes:
        model_id: The name that the server knows the model by.
        server: The server's address, fit to be shown and recorded; None for a model without one.
        on_wire: It tells the tap of a call what it sends and gets; see `agentui.models.tap`.
        free: Its answers are no calls of a model: nothing is sent, counted or paid.
    """

    model_id: str
    server: str | None = None
    on_wire: bool = False
    free: bool = False

    @abstractmethod
    def stream(
        self,
        messages: Sequence[MessageLike],
        stop_sequences: Sequence[str] | None = None,
        *,
        tools: Sequence[ToolSchema] | None = None,
    ) -> AsyncGenerator[ChatMessageStreamDelta, None]:
        """Stream the answer to `messages`.

        Args:
            messages: The conversation, oldest first.
            stop_sequences: Texts at which the answer ends; they may or may not be part of it.
            tools: Functions that the model may call natively; passed only by agents that work that way.

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
            async with aclosing(self.stream(messages, stop_sequences)) as deltas:
                return [delta async for delta in deltas]

        return fold_deltas(run_sync(collect()))


def fold_deltas(deltas: Iterable[ChatMessageStreamDelta]) -> ChatMessage:
    """Join deltas into the message they are increments of, in time linear in their text; `raw` keeps the deltas."""
    content: list[str] = []
    reasoning: list[str] = []
    calls: dict[int, list[ToolCall]] = {}
    usage = finish = None
    seen: list[ChatMessageStreamDelta] = []
    for delta in deltas:
        seen.append(delta)
        if delta.content:
            content.append(delta.content)
        if delta.reasoning:
            reasoning.append(delta.reasoning)
        for call in delta.tool_calls or ():
            calls.setdefault(call.index, []).append(call)
        usage = delta.token_usage or usage
        finish = delta.finish_reason or finish
    text, orphan = _told_apart("".join(content))
    return ChatMessage(
        role="assistant",
        content=text,
        reasoning="".join([*reasoning, orphan]) or None,
        tool_calls=tuple(_join_call(parts) for _, parts in sorted(calls.items())),
        token_usage=usage,
        finish_reason=finish,
        raw=tuple(seen),
    )


def _join_call(parts: list[ToolCall]) -> ToolCall:
    return ToolCall(
        call_id=next((part.call_id for part in parts if part.call_id), ""),
        name=next((part.name for part in parts if part.name), ""),
        arguments="".join(part.arguments for part in parts),
        index=parts[0].index,
        extra=next((part.extra for part in parts if part.extra), None),
    )


def _told_apart(text: str) -> tuple[str, str]:
    """Visible text and reasoning of an answer in which an orphan `</think>` came after text had been shown."""
    if "</think>" not in text:
        return text, ""
    splitter = ThinkSplitter(hold_chars=len(text))
    pieces = splitter.feed(text) + splitter.close()
    visible, reasoning = (
        "".join(piece.text for piece in pieces if piece.kind == kind) for kind in ("text", "reasoning")
    )
    return visible, reasoning
