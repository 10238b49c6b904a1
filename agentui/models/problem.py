"""Why a call has no answer, before it is known what the call cost."""

from __future__ import annotations

from dataclasses import dataclass

from agentui.errors import ModelAnswerEmpty, ModelError, ModelRefused, ModelStreamBroken, ModelTimeout
from agentui.messages import FinishReason
from agentui.models.failures import Failure


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong.

    Attributes:
        error: The class to raise.
        message: What happened and what to do next, without the place.
        retryable: The same request may well succeed later.
        finish_reason: How the server says that the answer ended.
        complete: The server has said all it had to say, so its usage is the final one.
    """

    error: type[ModelError]
    message: str
    retryable: bool = False
    complete: bool = False
    finish_reason: FinishReason | None = None

    @classmethod
    def refused(cls, failure: Failure) -> Problem:
        """The server reports a failure."""
        return cls(ModelRefused, f"the server reports a failure: {failure.message}", failure.passing)

    @classmethod
    def decode(cls, reason: str, *, understood: bool) -> Problem:
        """A part of the stream cannot be read, and what it said is lost; or it was no such stream from the start."""
        advice = "try again" if understood else "is this an OpenAI-compatible address?"
        return cls(ModelStreamBroken, f"the stream cannot be read: {reason}; {advice}", retryable=understood)

    @classmethod
    def incomplete(cls) -> Problem:
        """The stream ended without a finish."""
        return cls(
            ModelStreamBroken, "the stream ended before the answer was finished; the server may have failed", True
        )

    @classmethod
    def broken(cls, reason: str) -> Problem:
        """The connection broke."""
        return cls(ModelStreamBroken, f"the connection broke while the answer was streaming: {reason}", True)

    @classmethod
    def endless(cls, what: str) -> Problem:
        """The server sends more than any answer needs."""
        return cls(ModelStreamBroken, f"the answer {what}; set max_tokens")

    @classmethod
    def silent(cls, limit: str) -> Problem:
        """A time limit has passed."""
        return cls(ModelTimeout, limit, True)

    @classmethod
    def not_a_stream(cls, content_type: str, snippet: str) -> Problem:
        """The server answered with something else, such as a page."""
        return cls(
            ModelStreamBroken,
            f"the answer is {content_type or 'of no known type'} instead of a stream: {snippet!r}; "
            "check api_base, it often has to end in /v1",
        )

    @classmethod
    def empty(cls, finish: FinishReason | None, *, reasoned: bool) -> Problem:
        """The answer is complete and has nothing in it."""
        why = {
            "length": "the length limit was used up before any visible text: raise max_tokens",
            "content_filter": "the server's content filter took it away: change the task's wording",
        }.get(finish or "", "ask again, or check that the prompt fits into the model's context")
        what = "only reasoning and no visible text" if reasoned else "no text"
        return cls(ModelAnswerEmpty, f"the answer has {what}: {why}", complete=True, finish_reason=finish)
