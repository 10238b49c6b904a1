"""When a failed call is sent again, and after how long. Every retry is shown before its wait begins."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from agentui.errors import ModelConnectionError, ModelError, ModelHTTPError, ModelRefused, ModelStreamBroken
from agentui.models.redact import one_line

_REASON_CHARS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often, and how long to wait."""

    attempts: int = 3
    "Requests in all, the first included."
    base_s: float = 0.5
    "Wait before the second request; doubled for each further one, less up to a quarter at random."
    max_wait_s: float = 60.0
    "The longest wait. A server that asks for more gets no retry: the error says how long it wants."

    def wait_s(self, error: ModelError, attempt: int) -> float | None:
        """Seconds to wait after `attempt` failed with `error`, before any delta; None if that is the end of it.

        Retried are connections that fail, 408, 409, 429, statuses from 500, and breaks and passing failures at the
        very start of a stream.
        """
        if attempt >= self.attempts or not error.retryable:
            return None
        if isinstance(error, ModelHTTPError) and error.retry_after_s is not None:
            return error.retry_after_s if error.retry_after_s <= self.max_wait_s else None
        if isinstance(error, ModelConnectionError | ModelHTTPError | ModelRefused | ModelStreamBroken):
            return min(self.base_s * 2 ** (attempt - 1), self.max_wait_s) * random.uniform(0.75, 1.0)
        return None


def reason_of(error: ModelError) -> str:
    """Why a retry happens, in one line."""
    return one_line(str(error), _REASON_CHARS)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait: `retry-after-ms`, or `retry-after` as seconds or as a date."""
    milliseconds = _positive(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _positive(value)
    if seconds is not None or not value:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def _positive(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None
