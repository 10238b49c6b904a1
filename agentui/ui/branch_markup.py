"""How the transcript shows that it has branches, and what else can be done with a run. All of it is HTML."""

from __future__ import annotations

from collections.abc import Sequence

from agentui.events import Diverged
from agentui.ui.markdown import text_html

FORK_BUTTON = '<button type="button" class="au-button au-fork">Fork here</button>'
"In the head of a step, which names the run and the step."
_WHAT = {
    "request": "It asked for something else",
    "output": "It printed something else",
    "result": "A call or the run gave something else",
    "error": "It failed, or did not, in another way",
    "steps": "It has another number of steps",
}


def branch_switch(branch_ids: Sequence[str], at: int, how: str) -> str:
    """A line to go from one way of the conversation to another.

    Args:
        branch_ids: A branch for each way.
        at: Which of them is shown.
        how: In which way the shown one parts from what there was before; empty for the first one.
    """
    count = len(branch_ids)
    back = _arrow("‹", "Earlier branch", branch_ids[at - 1] if at else None)
    on = _arrow("›", "Later branch", branch_ids[at + 1] if at + 1 < count else None)
    said = f'<span class="au-fact">{text_html(how)}</span>' if how else ""
    where = f'<span class="au-hidden">Branch </span>{at + 1}/{count}'
    return f'<div class="au-branches">{back} <span class="au-branch-at">{where}</span> {on} {said}</div>'


def once_more(run_id: str) -> str:
    """What can be done with an ended run as a whole, and what that calls and costs."""
    verbs = (
        (
            "au-rerun",
            "Re-run from recording",
            "The model is not called, so nothing is paid; code and tools really run.",
        ),
        ("au-repeat", "Run again live", "The same task and settings; the model is called and paid once more."),
    )
    lines = "".join(
        f'<div><button type="button" class="au-button {kind} au-run-{run_id}">{name}</button> '
        f"<span>{about}</span></div>"
        for kind, name, about in verbs
    )
    return f'<div class="au-again">{lines}</div>'


def divergence(event: Diverged) -> str:
    """The first thing that was not as recorded."""
    rows = "".join(
        f"<div><b>{name}</b> <code>{text_html(text) or '(nothing)'}</code></div>"
        for name, text in (("Recorded", event.recorded), ("Now", event.now))
    )
    return f'<div class="au-diverged"><span class="au-unlike">{_WHAT[event.what]} than was recorded</span>{rows}</div>'


def _arrow(sign: str, name: str, branch_id: str | None) -> str:
    if branch_id is None:
        return f'<span class="au-branch-end">{sign}</span>'
    hidden = f'<span class="au-hidden">{name}</span>'
    return f'<button type="button" class="au-button au-branch au-to-{branch_id}">{sign}{hidden}</button>'
