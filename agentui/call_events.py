"""What is recorded of a model call besides its answer: the request, the raw response, tokens, retries, and its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from agentui.usage import Cost, TokenUsage


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """A message as it was sent; pictures are named, not repeated."""

    role: str
    text: str
    tokens: int
    "Counted here, the marks around it included; by a rule of thumb in the first moments of a process."
    left_out: int = 0
    "Characters that are missing at the end of `text`."
    pictures: int = 0
    parts: tuple[int, ...] = ()
    "Where its content is sent as a list: the characters of each text in it, and -1 for anything else."
    tool_calls: tuple[dict[str, Any], ...] = ()
    "Native calls of the model that the message repeats, as they are sent."
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequested:
    """A request to the model is sent. A reader gets its messages from the request before and from this one."""

    step: int
    kept: int = 0
    "How many messages of the previous request of the same agent in this run it begins with, unchanged."
    messages: tuple[SentMessage, ...] = ()
    "Those after them."
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    "What is sent besides messages: stop sequences, tools, parameters. Never a key."
    type: Literal["model_requested"] = "model_requested"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelResponded:
    """The response as the server sent it, as far as it came."""

    step: int
    raw: str
    "The bytes as text; of a long one the beginning and the end."
    left_out: int = 0
    "Bytes that are missing in its middle."
    status: int | None = None
    "Of HTTP; None where no answer began."
    type: Literal["model_responded"] = "model_responded"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageUpdated:
    """Tokens of the step's model call so far: the live estimate, and at its end what the server said."""

    step: int
    usage: TokenUsage
    cost: Cost | None = None
    "None where nobody knows the price."
    margin: float | None = None
    "What estimates for this model were off by in the past, as a share; None where that is not known yet."
    counted_output_tokens: int | None = None
    "Output as counted here, to compare with what the server said."
    settled: bool = False
    "The call has ended; nothing about it will change."
    type: Literal["usage_updated"] = "usage_updated"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRetried:
    """A model call failed and is tried again in `wait_s` seconds; what it streamed so far is superseded."""

    attempt: int
    "The attempt that failed, from 1."
    wait_s: float
    reason: str
    usage: TokenUsage | None = None
    "What the failed attempt cost at least; None if nothing reached the model."
    cost: Cost | None = None
    partial: str = ""
    "Answer text that the failed attempt had streamed."
    type: Literal["model_retried"] = "model_retried"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextCompacted:
    """The conversation outgrew its share of the model's context and was shortened before the next request."""

    before_tokens: int
    after_tokens: int
    "Both are estimates."
    elided_observations: int
    summarised: bool = False
    "Everything but the newest turns was replaced by a summary, which the planning step before this wrote."
    type: Literal["context_compacted"] = "context_compacted"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamClosed:
    """The connection to the model server was closed before the answer had ended: by a stop or by a limit."""

    step: int
    after_s: float
    "Seconds from the request to stop, or from the moment the limit was noticed, to the closed connection."
    usage: TokenUsage
    "What the cut answer cost, as far as it is known here."
    type: Literal["upstream_closed"] = "upstream_closed"
