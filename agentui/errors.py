"""What can go wrong, as one tree.

AgentUIError
├── ConfigError             a caller's mistake, found before a run starts; names the setting and the fix
├── ModelError              a model call failed; keeps the partial text and what it cost at least
│   ├── ModelHTTPError      the server answered with a status of 400 or above
│   ├── ModelConnectionError  the server could not be reached
│   ├── ModelTimeout        the server stayed silent longer than allowed
│   ├── ModelStreamBroken   the stream ended in the middle, or is not a stream that can be read
│   ├── ModelRefused        the server reported a failure inside the stream
│   └── ModelAnswerEmpty    the answer is complete and has neither text nor tool calls
├── SandboxError            the place where code runs failed (never an error of the code itself)
│   └── SandboxUnavailable  no worker could be started
├── AgentError              the model kept failing in the same way, or a hook of the agent's owner failed
├── ToolError               a host tool failed; the code sees it as an exception
└── RunError                `run()` has no answer to return; carries the whole result
    ├── RunFailed           status "failed"
    ├── RunStopped          status "stopped"
    └── RunLimitReached     status "limit"

A traceback of the agent's code, a format mistake of the model and an unknown tool are not exceptions: they are
observations that the model reads. Messages say what happened, where, and what to do next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentui.usage import FinishReason, TokenUsage

if TYPE_CHECKING:
    from agentui.result import RunResult


class AgentUIError(Exception):
    """Base of everything this package raises on purpose."""


class ConfigError(AgentUIError):
    """A setting or argument is wrong."""


class ModelError(AgentUIError):
    """A model call failed.

    Attributes:
        partial: Answer text received before the failure; "" if none.
        token_usage: Lower bound of what the call cost, as known at that moment; None if nothing was sent.
        retryable: True where the same request may well succeed later.
        finish_reason: How the server says that the answer ended; None if it did not.
    """

    retryable = False
    finish_reason: FinishReason | None = None

    def __init__(self, message: str, *, partial: str = "", token_usage: TokenUsage | None = None) -> None:
        super().__init__(message)
        self.partial = partial
        self.token_usage = token_usage


class ModelHTTPError(ModelError):
    """The server answered with an error status.

    Attributes:
        status: HTTP status code.
        body: Response text, at most 4,000 characters.
        request_id: The server's id for the request, if it sent one.
        retry_after_s: Seconds that the server asked to wait; None if it did not say.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        body: str = "",
        request_id: str | None = None,
        retry_after_s: float | None = None,
        partial: str = "",
        token_usage: TokenUsage | None = None,
    ) -> None:
        super().__init__(message, partial=partial, token_usage=token_usage)
        self.status = status
        self.body = body
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        self.retryable = status in {408, 409, 429} or status >= 500


class ModelConnectionError(ModelError):
    """The server could not be reached: refused, unknown host, broken TLS."""

    retryable = True


class ModelTimeout(ModelError):
    """Nothing came for longer than a limit, which the message names."""

    retryable = True


class ModelStreamBroken(ModelError):
    """The stream ended before its finish, or its bytes cannot be read."""

    retryable = True


class ModelRefused(ModelError):
    """The server reported a failure inside a stream or as its finish reason."""


class ModelAnswerEmpty(ModelError):
    """The answer is complete and has neither visible text nor tool calls; `token_usage` says what it cost."""


class SandboxError(AgentUIError):
    """The sandbox itself failed; never an error in the code that runs in it."""


class SandboxUnavailable(SandboxError):
    """No worker process could be started."""


class AgentError(AgentUIError):
    """The agent cannot go on: the model keeps making the same mistake, or a callback or check raised."""


class ToolError(AgentUIError):
    """A host tool failed; its message reaches the code as an exception."""


class RunError(AgentUIError):
    """A run ended without an answer.

    Attributes:
        result: The run as far as it got, with its records and usage.
    """

    def __init__(self, message: str, result: RunResult) -> None:
        super().__init__(message)
        self.result = result


class RunFailed(RunError):
    """The run ended with status "failed"; `__cause__` is the original error where there is one."""


class RunStopped(RunError):
    """The run was stopped."""


class RunLimitReached(RunError):
    """The run used up one of its limits."""
