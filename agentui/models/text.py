"""Text that arrives in pieces: halves of characters joined, and an end at the first stop sequence.

Both hold back what the next piece may change, and nothing else; any chunking gives the same text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_SURROGATE = re.compile("[\ud800-\udfff]")


class SurrogateJoiner:
    """Joins UTF-16 halves that a server spread over two deltas; a lone half becomes U+FFFD (rule 25)."""

    def __init__(self) -> None:
        self._half = ""

    def feed(self, text: str) -> str:
        """The characters that are whole by now."""
        if not self._half and (text.isascii() or not _SURROGATE.search(text)):
            return text
        text = self._half + text
        self._half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        return _join(text[: len(text) - len(self._half)])

    def close(self) -> str:
        """The replacement of a half that was left alone, or ""."""
        half, self._half = self._half, ""
        return _join(half)


class StopCutter:
    """Ends a text before the first of `sequences` in it, wherever the deltas are cut.

    Attributes:
        stopped: True once a sequence was found; everything after it is dropped.
    """

    def __init__(self, sequences: Sequence[str]) -> None:
        self._sequences = [sequence for sequence in sequences if sequence]
        self._pattern = re.compile("|".join(map(re.escape, self._sequences)))
        self._longest = max(map(len, self._sequences), default=1) - 1
        self._firsts = frozenset(sequence[0] for sequence in self._sequences)
        self._held = ""
        self.stopped = False

    def feed(self, text: str) -> str:
        """The text that is certain not to be part of a stop sequence."""
        if self.stopped:
            return ""
        if not self._sequences:
            return text
        text = self._held + text
        self._held = self._begun(text)
        certain = len(text) - len(self._held)
        found = self._pattern.search(text)
        if found and found.start() <= certain:  # else an earlier start may still become the match
            self.stopped, self._held = True, ""
            return text[: found.start()]
        return text[:certain]

    def close(self) -> str:
        """The text has ended: what was held back starts no stop sequence."""
        held, self._held = self._held, ""
        found = self._pattern.search(held) if self._sequences else None
        self.stopped = self.stopped or found is not None
        return held[: found.start()] if found else held

    def _begun(self, text: str) -> str:
        """The longest end of `text` that a stop sequence starts with."""
        start = max(0, len(text) - self._longest)
        for position in range(start, len(text)):
            if text[position] in self._firsts:
                end = text[position:]
                if any(sequence.startswith(end) for sequence in self._sequences):
                    return end
        return ""


def _join(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
