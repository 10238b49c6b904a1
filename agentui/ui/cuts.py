"""Steps that a stop or a limit has cut: nobody's failure, never counted as taken, done again when the task goes on."""

from __future__ import annotations

import re

from agentui.events import StepFinished
from agentui.view import RunView

_LIMIT = re.compile(r"the \w+ limit is used up \(")


def was_cut(end: StepFinished) -> bool:
    """Whether the step was cut by a stop or a limit; the card at the end of the run says which."""
    return (end.error or "").startswith("stopped before") or bool(_LIMIT.match(end.error or ""))


_STEERED = re.compile(r"(cut short for a message)$|(rejected) by the user")


def steered(end: StepFinished) -> str:
    """What somebody did to a step that counts all the same: it was cut for a message, or its code rejected; else ""."""
    found = _STEERED.match(end.error or "")
    return (found[1] or found[2]) if found else ""


def not_begun(end: StepFinished) -> bool:
    """Whether it was cut before its first request was sent."""
    return was_cut(end) and end.usage is None and end.code is None


def cut_words(end: StepFinished) -> str:
    """What became of a step that was cut."""
    return "not begun" if not_begun(end) else "cut short"


def left_undone(view: RunView) -> str:
    """What became of the last step of an ended run, such as "cut short"; "" if it was finished."""
    last = view.steps[-1].end if view.steps else None
    if last is None or view.end is None:
        return ""
    if was_cut(last):
        return cut_words(last)
    failed = view.end.status == "failed" and last.error is not None and last.error in (view.end.error or "")
    return "failed" if failed else ""
