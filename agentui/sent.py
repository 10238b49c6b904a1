"""Requests of an agent as records: each holds what is new in it, and says how much of the one before it keeps.

So the records of a long conversation grow with its messages and not with their square, and no message is counted
twice. What was sent is told by the model where it has a wire; messages count as kept only if that is unchanged too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

from agentui.call_events import ModelRequested, ModelResponded, SentMessage
from agentui.jsonable import clean_text, jsonable
from agentui.messages import ChatMessage
from agentui.models.redact import public_settings
from agentui.models.request import message_fields
from agentui.models.wire import JSONObject, as_objects, as_text
from agentui.runner import Emit
from agentui.tokens import MESSAGE_OVERHEAD, count_messages, estimate_tokens

MAX_TEXT = 200_000
"Characters of a message that are recorded."


class SentLog:
    """What an agent has sent in a run; it looks at the newest request only."""

    def __init__(self) -> None:
        self._messages: list[ChatMessage] = []
        self._tokens: list[int | None] = []
        self._wire: list[JSONObject] = []
        "The newest recorded request, as it was sent."
        self._kept = 0
        "Messages of it that are certainly the same in the next."

    def take(self, messages: Sequence[ChatMessage]) -> None:
        """These are sent next."""
        kept = _common(self._messages, messages)
        self._messages = list(messages)
        self._tokens = [*self._tokens[:kept], *[None] * (len(messages) - kept)]
        self._kept = min(self._kept, kept)

    async def count(self) -> int:
        """Tokens of the messages. Those that are not counted yet are counted in a thread."""
        tokens, messages = self._tokens, self._messages
        missing = [index for index, known in enumerate(tokens) if known is None]
        if missing:
            counts = await asyncio.to_thread(lambda: [count_messages([messages[index]]) for index in missing])
            for index, count in zip(missing, counts, strict=True):
                tokens[index] = count
        return sum(known or 0 for known in tokens)

    def estimate(self) -> int:
        """Tokens of the messages, at once: by a rule of thumb for those that are not counted yet."""
        return sum(self._counts())

    def record(
        self, step: int, settings: Mapping[str, Any], wire: Sequence[JSONObject] | None = None
    ) -> ModelRequested:
        """The record of the request that is sent now.

        Args:
            step: Number of the step.
            settings: What is sent besides messages.
            wire: The messages as they are sent; None where nobody knows better than the conversation itself.
        """
        sent = list(wire or map(message_fields, self._messages))
        kept = min(self._kept, _common(self._wire, sent))
        self._wire, self._kept = sent, len(self._messages)
        new = zip(map(_sent, sent[kept:]), self._counts()[kept:], strict=True)
        return ModelRequested(
            step=step,
            kept=kept,
            messages=tuple(_clean(message, tokens) for message, tokens in new),
            settings=dict(settings),
        )

    def _counts(self) -> list[int]:
        pairs = zip(self._messages, self._tokens, strict=True)
        return [MESSAGE_OVERHEAD + estimate_tokens(m.text) if known is None else known for m, known in pairs]


class CallRecords:
    """What a call sends and gets, as records: the tap of the model's wire."""

    def __init__(self, emit: Emit, log: SentLog, step: int) -> None:
        self._emit = emit
        self._log = log
        self._step = step
        self._told = False

    def asked(self, settings: JSONObject) -> None:
        """A model that tells nothing is asked now, as far as it is known."""
        self._told = True
        self._emit(self._log.record(self._step, public_settings(settings, ())))

    def sent(self, messages: Sequence[JSONObject], settings: JSONObject) -> None:
        """A request is sent now."""
        if not self._told:
            self._emit(self._log.record(self._step, settings, messages))
        self._told = False  # what a model sends that wraps another has been told once

    def responded(self, raw: str, left_out: int, status: int | None) -> None:
        """Its answer has ended."""
        self._emit(ModelResponded(step=self._step, raw=raw, left_out=left_out, status=status))


def _common(one: Sequence[object], other: Sequence[object]) -> int:
    """How many items both begin with."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] is pair[1] or pair[0] == pair[1], pairs))


def _sent(wire: JSONObject) -> SentMessage:
    content = wire.get("content")
    parts = [as_text(part.get("text")) if part.get("type") == "text" else None for part in as_objects(content)]
    text = as_text(content) or "".join(part for part in parts if part)
    return SentMessage(
        role=as_text(wire.get("role")),
        text=text[:MAX_TEXT],
        tokens=0,
        left_out=max(0, len(text) - MAX_TEXT),
        parts=tuple(-1 if part is None else len(part) for part in parts),
        pictures=parts.count(None),
        tool_calls=tuple(as_objects(wire.get("tool_calls"))),
        tool_call_id=as_text(wire.get("tool_call_id")) or None,
    )


def _clean(message: SentMessage, tokens: int) -> SentMessage:
    calls = tuple(jsonable(call) for call in message.tool_calls)
    return replace(message, text=clean_text(message.text), tokens=tokens, tool_calls=calls)
