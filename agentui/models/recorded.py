"""A model that gives recorded answers once more. Nothing is sent, counted or paid."""

from __future__ import annotations

from asyncio import sleep
from collections.abc import AsyncGenerator, Callable, Generator, Sequence

from agentui.errors import ModelError
from agentui.messages import ChatMessageStreamDelta, MessageLike, ToolSchema
from agentui.models.base import Model
from agentui.past_answer import PastAnswer
from agentui.usage import NO_USAGE

LONGEST_WAIT_S = 10.0
"Between two pieces of an answer, however long it was."


class RecordingEnded(ModelError):
    """The recording has no answer to a request, or only its beginning."""


class RecordedModel(Model):
    """Gives the answers of one run, each when the run asks for it.

    Args:
        model_id: Of the model that gave the answers first.
        next_answer: Called at each request; None where the recording has none.
        speed: Times the recorded speed; 0 gives whole answers at once.
    """

    free = True

    def __init__(self, model_id: str, next_answer: Callable[[], PastAnswer | None], *, speed: float = 0.0) -> None:
        self.model_id = f"{model_id} (recorded)"
        self._next_answer = next_answer
        self._speed = speed

    async def stream(
        self,
        messages: Sequence[MessageLike],
        stop_sequences: Sequence[str] | None = None,
        *,
        tools: Sequence[ToolSchema] | None = None,
    ) -> AsyncGenerator[ChatMessageStreamDelta, None]:
        """Stream the recorded answer that comes next, whatever the messages say.

        Raises:
            RecordingEnded: There is none, or it was cut short.
        """
        answer = self._next_answer()
        if answer is None:
            raise RecordingEnded("the recording has no answer to this request: run the task again live")
        now = 0.0
        for moment, delta in _deltas(answer, at_once=not self._speed):
            await self._pause(moment - now)
            now = max(now, moment)
            yield delta
        await self._pause(answer.took_s - now)
        if answer.ends is not None:
            raise RecordingEnded(f"{answer.ends}; to go on, run the task again live", partial=answer.content)
        yield ChatMessageStreamDelta(
            tool_calls=answer.tool_calls or None, finish_reason=answer.finish_reason, token_usage=NO_USAGE
        )

    async def _pause(self, wait_s: float) -> None:
        if self._speed and wait_s > 0:
            await sleep(min(wait_s / self._speed, LONGEST_WAIT_S))


def _deltas(answer: PastAnswer, *, at_once: bool) -> Generator[tuple[float, ChatMessageStreamDelta]]:
    """The text in pieces, each with its moment; what came at a moment is told by its share of all characters."""
    size, total = len(answer.reasoning) + len(answer.content), sum(count for _, count in answer.moments)
    taken = seen = 0
    for moment, count in () if at_once or not total else answer.moments:
        seen += count
        until = size * seen // total
        yield from ((moment, delta) for delta in _between(answer, taken, until))
        taken = until
    yield from ((0.0, delta) for delta in _between(answer, taken, size))


def _between(answer: PastAnswer, start: int, end: int) -> Generator[ChatMessageStreamDelta]:
    border = len(answer.reasoning)
    if reasoning := answer.reasoning[start:end]:
        yield ChatMessageStreamDelta(reasoning=reasoning)
    if content := answer.content[max(0, start - border) : max(0, end - border)]:
        yield ChatMessageStreamDelta(content=content)
