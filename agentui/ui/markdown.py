"""Text of models and programs as Markdown that shows it and does nothing else.

Everything is incremental: feeding a text in pieces costs time linear in the new piece and gives what feeding it
whole would give. Raw HTML of a model is shown, not rendered; code and output are cut in the middle beyond a
number of lines, and the cut says how much is missing. The page's sanitiser and CSP stand behind this.
"""

from __future__ import annotations

import html
import re
from collections import deque

MAX_LINE = 2_000
"Characters of one line of code or output that are shown."
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_TICKS = re.compile(r"`+")
_PROSE_TOKEN = re.compile(r"`+|\n[ \t]*\n|<|!(?=\[)")


def clean_line(line: str) -> str:
    """`line` as a terminal would leave it: no escape sequences, no control characters, overwritten parts gone."""
    if "\x1b" in line:
        line = _ANSI.sub("", line)
    if "\r" in line:
        line = line.rstrip("\r").rpartition("\r")[2]
    line = _CONTROL.sub("", line)
    return line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]}… ({len(line) - MAX_LINE:,} more characters)"


class Block:
    """A fenced block that grows: code, or the output of a program.

    Args:
        language: Info string of the fence.
        head: First lines that are always shown.
        tail: Last lines that are always shown.
    """

    def __init__(self, language: str, *, head: int, tail: int) -> None:
        self._language = language
        self._head_lines = head
        self._head: list[str] = []
        self._tail: deque[str] = deque(maxlen=tail)
        self._left_out = 0
        self._partial = ""
        self._fence = 3

    def __bool__(self) -> bool:
        return bool(self._head or self._partial)

    @property
    def cut(self) -> bool:
        """Whether some lines are left out."""
        return self._left_out > 0

    def feed(self, text: str) -> None:
        """Append text."""
        *lines, self._partial = (self._partial + text).split("\n")
        for line in lines:
            self._take(clean_line(line))
        if "`" in self._partial:
            self._measure(self._partial)

    def render(self, *, closed: bool) -> str:
        """The Markdown; left open, the next rendering mostly only appends to it."""
        lines = list(self._head)
        if self._left_out:
            lines.append(f"… {self._left_out:,} lines left out …")
        lines += self._tail
        if self._partial or not closed:
            lines.append(clean_line(self._partial))
        fence = "`" * self._fence
        body = "\n".join(lines)
        return f"{fence}{self._language}\n{body}\n{fence}" if closed else f"{fence}{self._language}\n{body}"

    def _take(self, line: str) -> None:
        if "`" in line:
            self._measure(line)
        if len(self._head) < self._head_lines:
            self._head.append(line)
            return
        self._left_out += len(self._tail) == self._tail.maxlen
        self._tail.append(line)

    def _measure(self, text: str) -> None:
        longest = max((len(run) for run in _TICKS.findall(text)), default=0)
        self._fence = max(self._fence, longest + 1)


def code_block(code: str = "") -> Block:
    """A block for Python code."""
    block = Block("python", head=300, tail=100)
    block.feed(code)
    return block


def live_code_block() -> Block:
    """A block for code while it is written: shorter, because the page highlights it anew again and again."""
    return Block("python", head=80, tail=80)


def output_block(text: str = "") -> Block:
    """A block for printed text."""
    block = Block("text", head=100, tail=100)
    block.feed(text)
    return block


class Prose:
    """A model's Markdown that grows. Outside of code its HTML is shown as text and its images become links.

    A code span that never ends is taken for code until its paragraph ends.
    """

    def __init__(self, text: str = "") -> None:
        self._done: list[str] = []
        self._held = ""
        self._code = ""
        "The backticks that end the code we are in; empty outside."
        if text:
            self.feed(text)

    def __bool__(self) -> bool:
        return bool(self._done or self._held)

    def feed(self, text: str) -> None:
        """Append text."""
        text = self._held + _CONTROL.sub("", text)
        ready = text.rstrip("` \t\n!")  # what is cut off may become a token together with the next piece
        self._held = text[len(ready) :]
        self._done.append(_PROSE_TOKEN.sub(self._token, ready))

    def render(self) -> str:
        """The Markdown so far."""
        if len(self._done) > 1:
            self._done = ["".join(self._done)]
        return (self._done[0] if self._done else "") + self._held

    def close(self) -> str:
        """The Markdown of the whole text; a block of code that was left open is closed."""
        held, self._held = self._held, ""
        self._done.append(_PROSE_TOKEN.sub(self._token, held))
        text = self.render().strip()
        return f"{text}\n{self._code}" if len(self._code) >= 3 else text

    def _token(self, match: re.Match[str]) -> str:
        match match[0]:
            case "<":
                return "<" if self._code else "&lt;"
            case "!":
                return "!" if self._code else ""
            case mark if mark[0] == "`":
                self._toggle(mark)
            case _ if len(self._code) < 3:
                self._code = ""
            case _:
                pass
        return match[0]

    def _toggle(self, mark: str) -> None:
        if not self._code:
            self._code = mark
        elif mark == self._code or 3 <= len(self._code) <= len(mark):
            self._code = ""


def text_html(text: str) -> str:
    """`text` for use between HTML tags in Markdown: one line, nothing in it is markup of either kind."""
    escaped = html.escape(clean_line(" ".join(text.split())))
    return re.sub(r"[\\`*_\[\]~$|]", lambda found: f"&#{ord(found[0])};", escaped)


def verbatim_html(text: str) -> str:
    """`text` for use between HTML tags in Markdown, each line and space of it kept where the style keeps them."""
    escaped = html.escape(_CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
    return re.sub(r"[\\`*_\[\]~$|\n]", lambda found: f"&#{ord(found[0])};", escaped)
