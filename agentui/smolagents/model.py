"""Models of smolagents as ours.

One that speaks to an OpenAI-compatible server is replaced by our own for the same server, which streams, stops and
counts right. Any other is asked in a thread: its stream cannot be cut while it blocks, only between two deltas.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from agentui.errors import ModelError
from agentui.messages import ChatMessage, ChatMessageStreamDelta, MessageLike, ToolCall, ToolSchema, as_message
from agentui.models.base import Model
from agentui.models.openai_server import OpenAIServerModel
from agentui.smolagents import library
from agentui.threads import Outcome, in_thread
from agentui.usage import TokenUsage


def as_our_model(model: Any) -> Model:
    """Our model for one of smolagents.

    Raises:
        ConfigError: Its server's address cannot be used.
    """
    if type(model) is not library.OpenAIModel or model.client_kwargs.get("http_client"):
        return ForeignModel(model)
    arguments = dict(model.client_kwargs)
    return OpenAIServerModel(
        model.model_id,
        arguments.pop("base_url"),
        arguments.pop("api_key"),
        organization=arguments.pop("organization"),
        project=arguments.pop("project"),
        client_kwargs=arguments,
        custom_role_conversions=model.custom_role_conversions,
        flatten_messages_as_text=bool(model.flatten_messages_as_text),
        **{name: value for name, value in model.kwargs.items() if value is not None},
    )


def as_our_messages(messages: Sequence[Any]) -> list[ChatMessage]:
    """A conversation of smolagents, its calls and their results as text, as it does it itself.

    Pictures become data URLs. It attaches those of the task to every step; here each is sent once.
    """
    cleaned = library.clean_messages(
        list(messages), role_conversions=library.role_conversions, convert_images_to_image_urls=True
    )
    seen: set[str] = set()
    return [as_message({**message, "content": _without(seen, message["content"])}) for message in cleaned]


def _without(seen: set[str], content: Any) -> Any:
    """Content parts without the pictures that have been `seen`; new ones are added to it."""
    if not isinstance(content, list):
        return content
    kept: list[dict[str, Any]] = []
    for part in cast(list[dict[str, Any]], content):
        url = part["image_url"]["url"] if part.get("type") == "image_url" else None
        if url is None or url not in seen:
            kept.append(part)
        if url is not None:
            seen.add(url)
    return kept


class ForeignModel(Model):
    """A model of smolagents of whatever class."""

    def __init__(self, original: Any) -> None:
        self.original = original
        self.model_id = str(getattr(original, "model_id", None) or type(original).__name__)

    def stream(
        self,
        messages: Sequence[MessageLike],
        stop_sequences: Sequence[str] | None = None,
        *,
        tools: Sequence[ToolSchema] | None = None,
    ) -> AsyncGenerator[ChatMessageStreamDelta, None]:
        """Stream the answer; `tools` are not passed on, see `ask`."""
        plain = [{"role": m.role, "content": [{"type": "text", "text": m.text}]} for m in map(as_message, messages)]
        return self.ask(plain, stop_sequences, {})

    async def ask(
        self, messages: Sequence[Any], stop_sequences: Sequence[str] | None, options: Mapping[str, Any]
    ) -> AsyncGenerator[ChatMessageStreamDelta, None]:
        """Stream the answer to messages in smolagents' own form, with its own options.

        Raises:
            ModelError: The call failed, in whatever way.
        """
        deltas: asyncio.Queue[ChatMessageStreamDelta | None] = asyncio.Queue()
        loop, gone = asyncio.get_running_loop(), threading.Event()

        def ask() -> None:
            for delta in _deltas(self.original, list(messages), stop_sequences, options):
                if gone.is_set():
                    return
                loop.call_soon_threadsafe(deltas.put_nowait, delta)

        call = asyncio.create_task(in_thread(ask))
        call.add_done_callback(lambda _: deltas.put_nowait(None))
        seen = _Seen()
        try:
            while (delta := await deltas.get()) is not None:
                seen.add(delta)
                yield delta if delta.token_usage is None else ChatMessageStreamDelta(content=delta.content)
        finally:
            gone.set()
        _raise_failure(await call, self.model_id, seen)
        yield ChatMessageStreamDelta(token_usage=seen.usage, finish_reason="tool_calls" if seen.calls else "stop")


class OneCall(Model):
    """A model for a single call, which keeps what came.

    Args:
        model: Whose call it is.
        open_stream: Opens its stream; gets the tools that are offered.
    """

    def __init__(
        self,
        model: Model,
        open_stream: Callable[[Sequence[ToolSchema] | None], AsyncGenerator[ChatMessageStreamDelta, None]],
    ) -> None:
        self.model_id, self.server, self.on_wire = model.model_id, model.server, model.on_wire
        self._open_stream = open_stream
        self._chunks: list[str] = []

    @property
    def text(self) -> str:
        """The answer as the model wrote it."""
        return "".join(self._chunks)

    async def stream(
        self,
        messages: Sequence[MessageLike],
        stop_sequences: Sequence[str] | None = None,
        *,
        tools: Sequence[ToolSchema] | None = None,
    ) -> AsyncGenerator[ChatMessageStreamDelta, None]:
        """Stream the answer; what is asked is known already."""
        self._chunks.clear()
        stream = self._open_stream(tools)
        try:
            async for delta in stream:
                self._chunks.append(delta.content or "")
                yield delta
        finally:
            await stream.aclose()


class _Seen:
    """What a call has brought so far."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.calls = False
        self.usage: TokenUsage | None = None

    def add(self, delta: ChatMessageStreamDelta) -> None:
        self.text.append(delta.content or "")
        self.calls = self.calls or bool(delta.tool_calls)
        # Servers repeat the sum so far in every chunk: the newest counts, never their sum.
        self.usage = delta.token_usage or self.usage


def _raise_failure(outcome: Outcome, model_id: str, seen: _Seen) -> None:
    if outcome.error is not None:
        text = f"{model_id}: {type(outcome.error).__name__}: {outcome.error}"
        raise ModelError(text, partial="".join(seen.text), token_usage=seen.usage) from outcome.error


def _deltas(
    model: Any, messages: list[Any], stop_sequences: Sequence[str] | None, options: Mapping[str, Any]
) -> Iterator[ChatMessageStreamDelta]:
    stops = list(stop_sequences) if stop_sequences else None
    if hasattr(model, "generate_stream"):
        for delta in model.generate_stream(messages, stop_sequences=stops, **options):
            yield _as_our_delta(delta)
    else:
        yield _as_our_delta(model.generate(messages, stop_sequences=stops, **options))


def _as_our_delta(given: Any) -> ChatMessageStreamDelta:
    """A delta or a whole message of smolagents."""
    calls = tuple(_as_our_call(call, index) for index, call in enumerate(given.tool_calls or ()))
    content = given.content if isinstance(given.content, str) else None
    return ChatMessageStreamDelta(
        content=content or None,
        tool_calls=calls or None,
        token_usage=_as_our_usage(given.token_usage),
    )


def _as_our_usage(usage: Any) -> TokenUsage | None:
    # It says 0 where nobody said anything.
    if usage is None or not (usage.input_tokens or usage.output_tokens):
        return None
    return TokenUsage(usage.input_tokens or 0, usage.output_tokens or 0)


def _as_our_call(call: Any, index: int) -> ToolCall:
    function, position = call.function, getattr(call, "index", None)
    arguments = getattr(function, "arguments", None) or ""
    return ToolCall(
        call_id=call.id or "",
        name=getattr(function, "name", None) or "",
        arguments=arguments if isinstance(arguments, str) else library.as_json(arguments),
        index=index if position is None else position,
    )
