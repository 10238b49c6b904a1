"""Inline `<think>` reasoning, split off an answer while it streams.

Only two shapes are reasoning: `<think>…</think>` blocks that open the answer, and a start without `<think>` that an
orphan `</think>` ends before any code (templates of some models write the opening tag into the prompt). A tag
anywhere else, in quotes, or behind an opening tag is the answer's own text. Space around tags belongs to neither side.

Any chunking of the same text gives the same pieces, once neighbours of one kind are joined: a tag that a chunk cuts
is held back, and so is nothing else, unless `hold_chars` asks for it.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Literal, NamedTuple, TypeAlias

PieceKind: TypeAlias = Literal["text", "reasoning", "recast"]

_OPEN, _CLOSE = "<think>", "</think>"
_QUOTES = frozenset("`'\"")
_WATCHED = (_CLOSE, _OPEN, "<code>", "```")
_BEGINNINGS = frozenset(needle[0] for needle in _WATCHED)
_WATCHED_PATTERN = re.compile("|".join(re.escape(needle) for needle in _WATCHED))


class Piece(NamedTuple):
    """A part of the answer. `recast` has no text: it says that every text piece so far was reasoning."""

    kind: PieceKind
    text: str


class _State(Enum):
    START = auto()  # nothing but space so far
    THINKING = auto()
    WATCHING = auto()  # text, before any code: an orphan closing tag may still come
    DONE = auto()


class ThinkSplitter:
    """Splits one answer.

    Args:
        hold_chars: Characters of text to hold back while an orphan `</think>` may still come. With 0 text comes out
            at once, and an orphan tag then gives a `recast` piece. Worth it only for models known to start that way.
    """

    def __init__(self, hold_chars: int = 0) -> None:
        self._hold_chars = hold_chars
        self._state = _State.START
        self._tail = ""
        self._space: list[str] = []
        self._held: list[str] = []
        self._held_chars = 0
        self._last = ""
        self._shown = False
        self._had_reasoning = False
        self._block_has_text = False

    def feed(self, text: str) -> list[Piece]:
        """The pieces that are certain once `text` has arrived, in order."""
        if self._state is _State.DONE:
            return [Piece("text", text)] if text else []
        pieces: list[Piece] = []
        rest = self._tail + text
        self._tail = ""
        while rest:
            rest = self._step(rest, pieces)
        return pieces

    def close(self) -> list[Piece]:
        """The answer has ended: what was still held back."""
        tail, self._tail = self._tail, ""
        pieces: list[Piece] = []
        if self._state is _State.THINKING:
            self._reason(tail, pieces)
        elif self._state is _State.WATCHING and tail == _CLOSE:
            self._recast(pieces)
        elif self._had_reasoning:
            self._show(tail, pieces)
        else:
            self._show("".join([*self._space, *self._held, tail]), pieces)
        self._space, self._held = [], []
        self._state = _State.DONE
        return pieces

    def _step(self, rest: str, pieces: list[Piece]) -> str:
        """Consume some of `rest`, or all of it; the result is what the next state has to look at."""
        match self._state:
            case _State.START:
                return self._start(rest)
            case _State.THINKING:
                return self._think(rest, pieces)
            case _State.WATCHING:
                return self._watch(rest, pieces)
            case _State.DONE:
                pieces.append(Piece("text", rest))
                return ""

    def _start(self, rest: str) -> str:
        stripped = rest.lstrip()
        self._space.append(rest[: len(rest) - len(stripped)])
        if stripped.startswith(_OPEN):
            self._enter(_State.THINKING)
            self._block_has_text = False
            return stripped[len(_OPEN) :]
        if _OPEN.startswith(stripped):
            self._tail = stripped
            return ""
        if self._had_reasoning:
            self._enter(_State.DONE)
            return stripped
        space = "".join(self._space)
        self._enter(_State.WATCHING)
        return space + stripped

    def _think(self, rest: str, pieces: list[Piece]) -> str:
        end = rest.find(_CLOSE)
        if end < 0:
            self._tail = _cut_needle(rest, (_CLOSE,))
            self._reason(rest[: len(rest) - len(self._tail)], pieces)
            return ""
        self._reason(rest[:end], pieces)
        self._had_reasoning = True
        self._enter(_State.START)
        return rest[end + len(_CLOSE) :]

    def _watch(self, rest: str, pieces: list[Piece]) -> str:
        found = _WATCHED_PATTERN.search(rest)
        if found is None:
            self._tail = _cut_needle(rest, _WATCHED)
            self._hold_or_show(rest[: len(rest) - len(self._tail)], pieces)
            return ""
        if found[0] != _CLOSE:
            self._show("".join([*self._held, rest]), pieces)
            self._held = []
            self._enter(_State.DONE)
            return ""
        before, after = rest[: found.start()], rest[found.end() :]
        quote = (before or self._last)[-1:]
        if quote in _QUOTES and after[:1] in {"", quote}:
            self._hold_or_show(before, pieces)
            if not after:  # the next character tells
                self._tail = _CLOSE
                return ""
            self._hold_or_show(_CLOSE, pieces)  # it is only talked about
            return after
        self._hold_or_show(before, pieces)
        self._recast(pieces)
        return after

    def _recast(self, pieces: list[Piece]) -> None:
        """All text so far was reasoning."""
        if self._shown:
            pieces.append(Piece("recast", ""))
        elif reasoning := "".join(self._held).strip():
            pieces.append(Piece("reasoning", reasoning))
        self._held = []
        self._had_reasoning = True
        self._enter(_State.START)

    def _enter(self, state: _State) -> None:
        self._state = state
        self._space = []

    def _reason(self, text: str, pieces: list[Piece]) -> None:
        """Emit reasoning without the space at either end of its block."""
        if not self._block_has_text:
            text = text.lstrip()
        body = text.rstrip()
        if body:
            pieces.append(Piece("reasoning", "".join([*self._space, body])))
            self._space = []
            self._block_has_text = True
        if self._block_has_text:
            self._space.append(text[len(body) :])

    def _hold_or_show(self, text: str, pieces: list[Piece]) -> None:
        self._last = text[-1:] or self._last
        self._held_chars += len(text)
        self._held.append(text)
        if self._shown or self._held_chars > self._hold_chars:
            self._show("".join(self._held), pieces)
            self._held = []

    def _show(self, text: str, pieces: list[Piece]) -> None:
        if text:
            pieces.append(Piece("text", text))
            self._shown = True


def _cut_needle(text: str, needles: tuple[str, ...]) -> str:
    """The longest end of `text` that may be the start of a needle."""
    longest = max(map(len, needles)) - 1
    if not _BEGINNINGS.intersection(text[-longest:]):
        return ""
    for size in range(min(longest, len(text)), 0, -1):
        end = text[-size:]
        if any(needle.startswith(end) for needle in needles):
            return end
    return ""
