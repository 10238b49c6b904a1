"""What goes over a model's wire, for whoever listens: `tapped(tap)` around a call, and the model tells `tap`.

A context variable carries the tap, so a model that wraps another need not know of it. The bytes of an answer are kept
up to a bound, its beginning and its end, and secrets are taken out before anybody sees them: the windows are wider
than what is told, so that a secret at their edges is still seen whole.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from agentui.models.redact import REDACTED, public_settings, secrets_of_body, spelled
from agentui.models.wire import JSONObject

HEAD_BYTES = 48 * 1024
TAIL_BYTES = 16 * 1024
"Of a response whose bytes are told: at most so many from its beginning, and from its end."
_FOLD_BYTES = 64 * 1024
_MASK = b"\xff"  # in no UTF-8


class Tap(Protocol):
    """Gets to know every request and its answer, on the event loop of the call."""

    def sent(self, messages: Sequence[JSONObject], settings: JSONObject) -> None:
        """A request is sent now: its messages, and the rest of its body without anything secret."""

    def responded(self, raw: str, left_out: int, status: int | None) -> None:
        """Its answer has ended, however it did; once for every `sent`.

        `left_out` bytes are missing in the middle of `raw`; `status` is None where no answer began.
        """


_CURRENT: ContextVar[tuple[Tap, asyncio.AbstractEventLoop] | None] = ContextVar("tap", default=None)


@contextmanager
def tapped(tap: Tap) -> Generator[None, None, None]:
    """Calls that are made inside tell `tap`."""
    token = _CURRENT.set((tap, asyncio.get_running_loop()))
    try:
        yield
    finally:
        _CURRENT.reset(token)


def current_tap() -> Tap | None:
    """Who listens to a call that is made now. A thread may carry the variable to another loop, where nobody does."""
    current = _CURRENT.get()
    return current[0] if current is not None and current[1] is asyncio.get_running_loop() else None


class Recording:
    """One request and its answer, as they are told; without a tap nothing is kept."""

    def __init__(self, tap: Tap | None, body: JSONObject, secrets: Sequence[str]) -> None:
        self._tap = tap
        self._body = body
        self._kept = RawBody((*secrets, *secrets_of_body(body))) if tap else None
        self._status: int | None = None
        self._sent = False

    def sent(self) -> None:
        """The request is sent now."""
        if self._tap is not None and self._kept is not None:
            self._sent = True
            self._tap.sent(self._body["messages"], public_settings(self._body, self._kept.secrets))

    def answered(self, status: int) -> None:
        """The head of the answer has come."""
        self._status = status

    def add(self, chunk: bytes) -> None:
        """So many more bytes of the answer have come."""
        if self._kept is not None:
            self._kept.add(chunk)

    def end(self) -> None:
        """The answer has ended."""
        if self._sent and self._tap is not None and self._kept is not None:
            raw, left_out = self._kept.text()
            self._tap.responded(raw, left_out, self._status)


class RawBody:
    """The beginning and the end of a body, in time linear in it.

    Args:
        secrets: What `text` must not contain.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        self._hidden = tuple(sorted({name.encode() for name in spelled(secrets)}, key=len, reverse=True))
        self.secrets = tuple(secrets)
        self._edge = max(map(len, self._hidden), default=0)
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._head = self._tail = b""
        self._bytes = 0

    def __repr__(self) -> str:
        return f"RawBody({self._bytes} bytes)"

    def add(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._pending.append(chunk)
        self._pending_bytes += len(chunk)
        if self._pending_bytes >= _FOLD_BYTES:
            self._fold()

    def text(self) -> tuple[str, int]:
        """What is kept as text without secrets, and how many bytes are missing in its middle."""
        self._fold()
        overlap = len(self._head) + len(self._tail) - self._bytes
        left_out = self._bytes - HEAD_BYTES - TAIL_BYTES
        if left_out <= 0:
            return _as_text(self._masked(self._head + self._tail[max(0, overlap) :])), 0
        head, tail = self._masked(self._head)[:HEAD_BYTES], self._masked(self._tail)[-TAIL_BYTES:]
        return _as_text(head) + _as_text(tail), left_out

    def _fold(self) -> None:
        data = b"".join(self._pending)
        self._pending, self._pending_bytes = [], 0
        self._bytes += len(data)
        self._head += data[: HEAD_BYTES + self._edge - len(self._head)]
        self._tail = (self._tail + data)[-(TAIL_BYTES + self._edge) :]

    def _masked(self, data: bytes) -> bytes:
        """`data` with secrets masked in their own length, so that it can be cut where it would have been."""
        for secret in self._hidden:
            data = data.replace(secret, _MASK * len(secret))
        return data


def _as_text(masked: bytes) -> str:
    return re.sub(_MASK + b"+", REDACTED.encode(), masked).decode(errors="replace")
