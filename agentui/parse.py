"""Split a streamed answer into reasoning, thought and code, whatever way it is cut into deltas.

Invariants: the whole does not depend on the chunking; text that may be the start of a tag is held back until it is
certain; a closing tag inside a string literal does not close; nothing inside `<think>` is ever code; time is linear.

Recognised blocks: the agent's own tags (`<code>` … `</code>` by default), and Markdown fences marked `python` or
`py`, also inside those tags. Several blocks in one answer are joined by an empty line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentui.blocks import MARKDOWN, TAGS, BlockSplitter, CodeTags, Piece, Prose
from agentui.think import Piece as ThinkPiece
from agentui.think import ThinkSplitter

__all__ = ["MARKDOWN", "TAGS", "Answer", "AnswerParser", "CodeTags", "Piece", "written"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer, split."""

    reasoning: str = ""
    thought: str = ""
    code: str | None = None
    closed: bool = True
    "False if the answer ended inside a code block."


def written(answer: Answer, tags: CodeTags) -> str:
    """An answer as the model wrote it, its code between its tags."""
    if answer.code is None:
        return answer.thought
    closing = f"\n{tags.closing}" if answer.closed else ""
    return f"{answer.thought}\n{tags.opening}\n{answer.code}{closing}".lstrip()


class AnswerParser:
    """Incremental: `feed` returns the pieces that are certain by now, `close` the rest; `answer` is the whole.

    Args:
        tags: What stands around code; None where an answer is prose, whatever it shows.
    """

    def __init__(self, tags: CodeTags | None = TAGS) -> None:
        self._think = ThinkSplitter()
        self._blocks = BlockSplitter(tags) if tags else Prose()
        self._reasoning: list[str] = []
        self._thought: list[str] = []

    def feed(self, text: str) -> list[Piece]:
        """Take the next stretch of the answer."""
        return self._split(self._think.feed(text))

    def feed_reasoning(self, text: str) -> list[Piece]:
        """Take reasoning that the server already told apart."""
        return self._keep([Piece("reasoning", text)])

    def close(self) -> list[Piece]:
        """The answer has ended: return what was held back."""
        return [*self._split(self._think.close()), *self._keep(self._blocks.close())]

    @property
    def answer(self) -> Answer:
        """Everything fed so far."""
        return Answer(
            reasoning="".join(self._reasoning).strip(),
            thought="".join(self._thought).strip(),
            code=self._blocks.code,
            closed=not self._blocks.inside,
        )

    def _split(self, parts: Sequence[ThinkPiece]) -> list[Piece]:
        pieces: list[Piece] = []
        for kind, text in parts:
            if kind == "recast":  # the text so far turns out to have been reasoning; `answer` says so
                self._reasoning += [*self._thought, self._blocks.restart()]
                self._thought = []
            else:
                pieces += self._keep([Piece("reasoning", text)] if kind == "reasoning" else self._blocks.feed(text))
        return pieces

    def _keep(self, pieces: list[Piece]) -> list[Piece]:
        kept = [piece for piece in pieces if piece.text]
        for kind, text in kept:
            if kind == "reasoning":
                self._reasoning.append(text)
            elif kind == "text":
                self._thought.append(text)
        return kept
