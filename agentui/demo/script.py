"""Recorded answers as data: one Markdown file an example.

Front matter gives `title`, `task` and `shows`. Lines of the form `<!-- … -->` divide the rest:

    <!-- answer -->                       the next answer of the model
    <!-- answer after: some text -->      the same, if the observation before it contains that text
    <!-- reasoning --> … <!-- text -->    the part of an answer that is reasoning
    <!-- follow-up: a task -->            from here on the answers to a second task in the same conversation
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

_FRONT_MATTER = re.compile(r"\A---\n(.*?)^---\n", re.DOTALL | re.MULTILINE)
_MARK = re.compile(r"^<!-- (answer|reasoning|text|follow-up)(?: after)?(?:: (.+))? -->\n", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAnswer:
    """What the model says once."""

    text: str
    reasoning: str = ""
    after: str = ""
    "Text that the observation before must contain, or the recording does not fit; empty for a first answer."


Script: TypeAlias = tuple[RecordedAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A task that the demo can do."""

    title: str
    task: str
    shows: str
    "What there is to see, in a few words."
    script: Script
    follow_up: str | None = None
    "A second task that builds on the variables of the first."
    follow_up_script: Script = ()


def load_examples(folder: Path) -> tuple[Example, ...]:
    """Read every example, in the order of the file names.

    Raises:
        ValueError: A file is not a recording; the message names it.
    """
    return tuple(parse_example(path.read_text(encoding="utf-8"), path.name) for path in sorted(folder.glob("*.md")))


def parse_example(source: str, name: str) -> Example:
    """Read one example.

    Raises:
        ValueError: The text is not a recording; the message names it as `name`.
    """
    head = _FRONT_MATTER.match(source)
    if head is None:
        msg = f"{name}: no front matter between two lines of ---"
        raise ValueError(msg)
    fields = dict(line.split(": ", 1) for line in head[1].splitlines() if ": " in line)
    if missing := {"title", "task", "shows"} - fields.keys():
        msg = f"{name}: the front matter lacks {', '.join(sorted(missing))}"
        raise ValueError(msg)
    first, follow_up, second = _split_follow_up(source[head.end() :])
    return Example(
        title=fields["title"],
        task=fields["task"],
        shows=fields["shows"],
        script=_script(first, name),
        follow_up=follow_up,
        follow_up_script=() if follow_up is None else _script(second, name),
    )


def _split_follow_up(body: str) -> tuple[str, str | None, str]:
    """The part before the follow-up, its task, and the part after it."""
    for mark in _MARK.finditer(body):
        if mark[1] == "follow-up":
            return body[: mark.start()], mark[2], body[mark.end() :]
    return body, None, ""


def _script(body: str, name: str) -> Script:
    answers: list[RecordedAnswer] = []
    for kind, argument, text in _sections(body):
        match kind:
            case "answer":
                answers.append(RecordedAnswer(text=text, after=argument))
            case "reasoning" if answers:
                answers[-1] = replace(answers[-1], reasoning=text)
            case _ if answers:
                answers[-1] = replace(answers[-1], text=text)
            case _:
                break
    if not answers or not all(answer.text for answer in answers):
        msg = f"{name}: every task needs answers, and every answer a text"
        raise ValueError(msg)
    return tuple(answers)


def _sections(body: str) -> Iterator[tuple[str, str, str]]:
    """Kind, argument and text of each division."""
    _, *pieces = _MARK.split(body)
    for kind, argument, text in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True):
        yield kind, argument or "", text.strip()


EXAMPLES = load_examples(Path(__file__).parent / "examples")
"""What the demo can do, in the order in which it is offered."""
