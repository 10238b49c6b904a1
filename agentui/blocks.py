"""Code blocks in streamed text: what is code and what is not, certain or held back, whatever way it is cut.

A closing tag inside a string literal does not close. Each character is looked at a bounded number of times.
"""

from __future__ import annotations

import ast
import re
import textwrap
from typing import Literal, NamedTuple, TypeAlias

PieceKind: TypeAlias = Literal["reasoning", "text", "code"]


class Piece(NamedTuple):
    """A stretch of the answer of one kind."""

    kind: PieceKind
    text: str


class CodeTags(NamedTuple):
    """What the model is asked to put around its code."""

    opening: str
    closing: str


TAGS = CodeTags("<code>", "</code>")
MARKDOWN = CodeTags("```python", "```")

_FENCE = r"```(?:python|py)[ \t]*\r?\n"
_FENCE_CLOSE = r"(?m:^)```"
_HEAD = re.compile(r"[ \t]*\r?\n?\s*```(?:python|py)?[ \t]*\r?\n")
_FIRST_LINE_END = re.compile(r"[ \t]*\r?\n")
_OUTSIDE_STRING = re.compile(r"#[^\n]*|'''|\"\"\"|'|\"")
_INSIDE_STRING = {
    "'": re.compile(r"\\.|'|\n", re.DOTALL),
    '"': re.compile(r"\\.|\"|\n", re.DOTALL),
    "'''": re.compile(r"\\.|'''", re.DOTALL),
    '"""': re.compile(r"\\.|\"\"\"", re.DOTALL),
}


class BlockSplitter:
    """Tells code blocks from the text around them."""

    def __init__(self, tags: CodeTags) -> None:
        opening, self._closing = re.escape(tags.opening), re.escape(tags.closing)
        tag = opening if tags.opening[-1] == ">" else rf"{opening}[ \t]*\r?\n"
        stray = "" if tags.closing == "```" else rf"|(?P<stray>{self._closing})"
        self._opening = re.compile(rf"(?P<tag>{tag})|(?P<fence>{_FENCE}){stray}")
        self._opening_begun = _end_may_begin(tags.opening, "```python", "```py", *([tags.closing] if stray else []))
        self._closing_text = tags.closing
        self._fenced = tags.closing == "```"
        self._close: re.Pattern[str] = self._opening
        self._close_begun = _end_may_begin(tags.closing, "```")
        self._blocks: list[_Block] = []
        self._buffer = ""
        self._head = False  # just opened: a line end or a fence may follow that is not code
        self.inside = False

    @property
    def code(self) -> str | None:
        """All code so far, blocks joined by an empty line."""
        return "\n\n".join(code for block in self._blocks if (code := block.code)) or None

    def feed(self, text: str) -> list[Piece]:
        """The pieces that are certain once `text` has arrived."""
        self._buffer += text
        pieces: list[Piece] = []
        while True:
            inside, left = self.inside, len(self._buffer)
            pieces += self._take_code() if self.inside else self._take_text()
            if inside == self.inside and left == len(self._buffer):
                return pieces

    def close(self) -> list[Piece]:
        """The rest."""
        rest, self._buffer = self._buffer, ""
        if not self.inside:
            return [Piece("text", rest)]
        if len(rest) > 1 and self._closing_text.startswith(rest):  # a closing tag that was cut short
            self.inside = False
            return []
        self._blocks[-1].add(rest)
        return [Piece("code", rest)]

    def restart(self) -> str:
        """Forget the text held back, and return it."""
        rest, self._buffer = self._buffer, ""
        return rest

    def _take_text(self) -> list[Piece]:
        found = self._opening.search(self._buffer)
        if found is None:
            begun = self._opening_begun.search(self._buffer)
            return [Piece("text", self._take(begun.start() if begun else len(self._buffer)))]
        text = Piece("text", self._take(found.start()))
        self._take(found.end() - found.start())
        if found.lastgroup == "stray":  # closes nothing, and is no part of the thought
            return [text]
        fenced = found.lastgroup == "fence" or self._fenced
        self._close = re.compile(_FENCE_CLOSE if fenced else self._closing)
        self.inside, self._head = True, not fenced
        again = bool(self._blocks) and self._blocks[-1].has_text
        if not self._blocks or again:  # an empty block leaves nothing to join
            self._blocks.append(_Block())
        return [text, Piece("code", "\n\n")] if again else [text]

    def _take_code(self) -> list[Piece]:
        if self._head and not self._take_head():
            return []
        block, start = self._blocks[-1], 0
        if not block.at_line_start and self._buffer.startswith("```"):
            start = 1
        found = self._close.search(self._buffer, start)
        if found is None:
            begun = self._close_begun.search(self._buffer)
            code = self._take(begun.start() if begun else len(self._buffer))
            block.add(code)
            return [Piece("code", code)]
        code = self._take(found.start())
        block.add(code)
        if block.ends_in_string():
            tag = self._take(found.end() - found.start())
            block.add(tag)
            return [Piece("code", code + tag)]
        self._take(found.end() - found.start())
        self.inside = False
        return [Piece("code", code)]

    def _take_head(self) -> bool:
        """Drop the line end after the opening tag, and a fence inside the tags; False while it is uncertain."""
        if _HEAD_BEGUN.match(self._buffer):
            return False
        self._head = False
        if head := _HEAD.match(self._buffer):
            self._close = re.compile(f"{_FENCE_CLOSE}|{self._closing}")
            self._take(head.end())
        elif line_end := _FIRST_LINE_END.match(self._buffer):
            self._take(line_end.end())
        return True

    def _take(self, length: int) -> str:
        text, self._buffer = self._buffer[:length], self._buffer[length:]
        return text


class Prose:
    """In the place of a `BlockSplitter` where there are no blocks."""

    code: str | None = None
    inside = False

    def feed(self, text: str) -> list[Piece]:
        """All of it is text."""
        return [Piece("text", text)]

    def close(self) -> list[Piece]:
        """Nothing is held back."""
        return []

    def restart(self) -> str:
        """Nothing is held back."""
        return ""


class _Block:
    """One code block, and whether its end so far lies inside a string literal."""

    def __init__(self) -> None:
        self._chunks: list[str] = []
        self._unscanned: list[str] = []
        self._quote = ""
        self._length = 0
        self._doubtful: int | None = None  # where the first closing tag inside a string stood
        self.at_line_start = True

    def add(self, text: str) -> None:
        if text:
            self._chunks.append(text)
            self._unscanned.append(text)
            self._length += len(text)
            self.at_line_start = text.endswith("\n")

    def ends_in_string(self) -> bool:
        """Scan what came since the last question, so that all questions together cost one pass."""
        self._quote = _open_quote("".join(self._unscanned), self._quote)
        self._unscanned = []
        if self._quote and self._doubtful is None:
            self._doubtful = self._length
        return bool(self._quote)

    @property
    def has_text(self) -> bool:
        return self._length > 0

    @property
    def code(self) -> str:
        code = "".join(self._chunks)
        if self._doubtful is not None and not _parses(code) and _parses(_clean(code[: self._doubtful])):
            code = code[: self._doubtful]
        return _clean(code)


def _open_quote(text: str, quote: str) -> str:
    """The quote that is open after `text`, given the one that was open before; "" if none."""
    position = 0
    while True:
        found = (_INSIDE_STRING[quote] if quote else _OUTSIDE_STRING).search(text, position)
        if found is None:
            return quote
        position, token = found.end(), found.group()
        if quote:
            quote = "" if token in {quote, "\n"} else quote
        elif not token.startswith("#"):
            quote = token


def _clean(code: str) -> str:
    code = code.strip("\r\n").rstrip()
    return textwrap.dedent(code) if code[:1] in {" ", "\t"} else code


def _parses(code: str) -> bool:
    try:
        ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _end_may_begin(*markers: str) -> re.Pattern[str]:
    """Matches an end of a text with which one of `markers`, or the line end after a fence, may begin."""
    begun = "|".join(_prefixes(marker) for marker in markers)
    return re.compile(rf"(?:{begun}|```(?:python|py)?[ \t]*\r?)\Z")


def _prefixes(marker: str) -> str:
    pattern = ""
    for character in reversed(marker):
        pattern = f"{re.escape(character)}(?:{pattern})?" if pattern else re.escape(character)
    return pattern


_HEAD_BEGUN = re.compile(rf"\s*(?:{_prefixes('```python')}|```(?:python|py)?[ \t]*\r?)?\Z")
