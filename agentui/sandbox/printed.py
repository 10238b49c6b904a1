"""What a step prints: shown up to one limit, kept apart up to a larger one, and no further."""

from __future__ import annotations

from typing import Final

from agentui.deltas import OutputStream
from agentui.sandbox.base import ExecHost
from agentui.sandbox.frames import FrameError, clean_output

MAX_KEPT_BYTES: Final = 8_000_000
"What a step may print in all; beyond the limit of its caller it is kept apart."
_UNASKED_BYTES: Final = 1_000_000
"What a worker may send beyond the limit that it was told before it counts as hostile."


class OutputFlood(FrameError):
    """More output than the worker was allowed to send."""


class Printed:
    """Hands a step's output to its host, and says where it was cut.

    Args:
        host: Who gets it.
        shown_bytes: How much of it, as UTF-8, is shown.
    """

    def __init__(self, host: ExecHost, shown_bytes: int) -> None:
        self.kept_bytes = max(shown_bytes, MAX_KEPT_BYTES)
        "How much is kept in all."
        self.taken_bytes = self.kept_bytes + _UNASKED_BYTES
        "How much a worker may send."
        self._host = host
        self._shown_bytes = shown_bytes
        self._bytes = 0
        self._cut = self._lost = False

    def take(self, stream: OutputStream, text: str) -> None:
        """Hand on what was printed.

        Raises:
            OutputFlood: The worker sent more than it was told it may.
        """
        text = clean_output(text)
        data = text.encode("utf-8")
        before, self._bytes = self._bytes, self._bytes + len(data)
        if self._bytes > self.taken_bytes:
            raise OutputFlood(f"more than {self.kept_bytes:,} bytes of output")
        shown = _head(data, self._shown_bytes - before)
        if shown:
            self._host.output(stream, shown)
        if self._bytes > self._shown_bytes:
            rest = _head(data[len(shown.encode()) :], self.kept_bytes - max(before, self._shown_bytes))
            if rest:
                self._host.overflow(rest)
            self._mark_cut()
        if self._bytes > self.kept_bytes:
            self.mark_loss()

    def mark_loss(self) -> None:
        """Nothing of what is printed from here on is kept."""
        if not self._lost:
            self._lost = True
            self._bytes = max(self._bytes, self.kept_bytes)
            self._mark_cut()
            if self.kept_bytes > self._shown_bytes:
                self._host.overflow(f"\n… output cut after {self.kept_bytes:,} bytes\n")

    def _mark_cut(self) -> None:
        if not self._cut:
            self._cut = True
            self._host.output("stderr", f"\n… output cut after {self._shown_bytes:,} bytes\n")


def _head(data: bytes, size: int) -> str:
    return data[: max(0, size)].decode("utf-8", "ignore")
