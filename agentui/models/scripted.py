"""A model that plays given answers, through the same face as a real one.

Only the words are given: they arrive delta by delta, stop sequences cut them, tokens are really counted, and a
failure comes with the text that was streamed before it. Tests hold an answer at a `Gate`. A script that is used
up fails loudly.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypeAlias

from agentui.errors import ModelError
from agentui.messages import (
    ChatMessage,
    ChatMessageStreamDelta,
    FinishReason,
    MessageLike,
    ToolCall,
    ToolSchema,
    as_message,
)
from agentui.models.base import Model
from agentui.models.gate import Gate
from agentui.models.text import StopCutter
from agentui.tokens import count_messages, count_tokens, load
from agentui.usage import TokenUsage


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A delta of reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The answer ends here for this reason; of what follows only a `TokenUsage` still counts."""

    reason: FinishReason


Part: TypeAlias = str | Reasoning | Gate | ToolCall | TokenUsage | Finish | Exception
"""A `str` is one delta of content. A `TokenUsage` is what the server reports at the end of the answer."""

Answer: TypeAlias = str | Sequence[Part]
"""Parts, or a whole text, which is streamed in pieces of about four characters."""


class ScriptExhausted(ModelError):
    """A scripted model was asked for more answers than its script has."""


class ScriptedModel(Model):
    """Plays `answers` one after the other, one a request, whichever run asks.

    Args:
        answers: The script.
        model_id: The name that the model goes by.
        delta_delay_s: Seconds before each delta; 0 streams as fast as it is read.

    Attributes:
        requests: The messages of each request, oldest first.
    """

    def __init__(self, answers: Iterable[Answer], *, model_id: str = "scripted", delta_delay_s: float = 0.0) -> None:
        self.model_id = model_id
        self.requests: list[list[ChatMessage]] = []
        self._answers = tuple(answers)
        self._delta_delay_s = delta_delay_s
        self._lock = threading.Lock()

    async def stream(
        self,
        messages: Sequence[MessageLike],
        stop_sequences: Sequence[str] | None = None,
        *,
        tools: Sequence[ToolSchema] | None = None,
    ) -> AsyncGenerator[ChatMessageStreamDelta, None]:
        """Stream the next answer of the script; it is taken when iteration starts.

        Raises:
            ScriptExhausted: There is no next answer.
            Exception: The one that stands in the script. A `ModelError` is given `partial` and, if
                anything was streamed, `token_usage`; others come as they are, like a mistake in a model's code.
        """
        request = [as_message(message) for message in messages]
        with self._lock:
            index = len(self.requests)
            self.requests.append(request)
        if index >= len(self._answers):
            msg = (
                f"model {self.model_id!r} was asked for answer {index + 1}, but its script has {len(self._answers)}:"
                " add the missing answer, or end the run earlier"
            )
            raise ScriptExhausted(msg)
        async with aclosing(play_answer(self._answers[index], request, stop_sequences, self._delta_delay_s)) as deltas:
            async for delta in deltas:
                yield delta

    def assert_finished(self) -> None:
        """Check that each answer was asked for exactly once.

        Raises:
            AssertionError: The script was not used up, or asked for more than it has.
        """
        if len(self.requests) != len(self._answers):
            msg = f"the script has {len(self._answers)} answers, but {len(self.requests)} were asked for"
            raise AssertionError(msg)


async def play_answer(
    answer: Answer,
    messages: Sequence[ChatMessage],
    stop_sequences: Sequence[str] | None = None,
    delta_delay_s: float = 0.0,
) -> AsyncGenerator[ChatMessageStreamDelta, None]:
    """Stream one answer to `messages` as a server would.

    A text that may be the beginning of a stop sequence is held back until the next delta decides it.
    """
    await load()
    play = _Play(messages, StopCutter(stop_sequences or ()))
    for part in split_text(answer) if isinstance(answer, str) else answer:
        if isinstance(part, Gate) and not play.ended:
            await part.wait()
        elif (delta := play.take(part)) is not None:
            await asyncio.sleep(delta_delay_s)
            yield delta
    if rest := play.finish():
        await asyncio.sleep(delta_delay_s)
        yield ChatMessageStreamDelta(content=rest)
    yield ChatMessageStreamDelta(token_usage=play.usage(), finish_reason=play.finish_reason)


def split_text(text: str) -> list[str]:
    """Cut `text` into pieces of the size of tokens; joined they are `text` again."""
    return _PIECE.findall(text)


_PIECE = re.compile(r"\s{0,4}\w{1,8}|\s{0,4}[^\w\s]{1,3}|\s+")


@dataclass(slots=True)
class _Play:
    """What one answer has streamed so far."""

    messages: Sequence[ChatMessage]
    cutter: StopCutter
    content: list[str] = field(default_factory=list[str])
    reasoning: list[str] = field(default_factory=list[str])
    calls: list[ToolCall] = field(default_factory=list[ToolCall])
    reported: TokenUsage | None = None
    finish_reason: FinishReason = "stop"
    ended: bool = False

    def take(self, part: Part) -> ChatMessageStreamDelta | None:
        """The delta that `part` makes, or None if it makes none."""
        if isinstance(part, TokenUsage):
            self.reported = part
        elif not self.ended:
            return self._advance(part)
        return None

    def _advance(self, part: Part) -> ChatMessageStreamDelta | None:
        match part:
            case str():
                return self._take_text(part)
            case Reasoning(text):
                self.reasoning.append(text)
                return ChatMessageStreamDelta(reasoning=text)
            case ToolCall():
                self.calls.append(part)
                self.finish_reason = "tool_calls"
                return ChatMessageStreamDelta(tool_calls=(part,))
            case Finish(reason):
                self.ended, self.finish_reason = True, reason
            case ModelError():
                part.partial = "".join(self.content)
                if self.content or self.reasoning:
                    part.token_usage = part.token_usage or self.usage()
                raise part
            case Exception():
                raise part
            case _:
                pass
        return None

    def _take_text(self, part: str) -> ChatMessageStreamDelta | None:
        text = self.cutter.feed(part)
        self.ended = self.cutter.stopped
        if not text and part:
            return None
        self.content.append(text)
        return ChatMessageStreamDelta(content=text)

    def finish(self) -> str:
        """The text that was held back and is no stop sequence after all."""
        rest = self.cutter.close()
        self.content.append(rest)
        return rest

    def usage(self) -> TokenUsage:
        """What the script reports, else what was really sent and streamed, counted."""
        if self.reported is not None:
            return self.reported
        reasoning_tokens = count_tokens("".join(self.reasoning))
        calls = "".join(call.name + call.arguments for call in self.calls)
        return TokenUsage(
            input_tokens=count_messages(self.messages),
            output_tokens=count_tokens("".join(self.content)) + reasoning_tokens + count_tokens(calls),
            reasoning_tokens=reasoning_tokens or None,
            source="estimated",
        )
