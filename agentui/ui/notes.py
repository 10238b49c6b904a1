"""Quiet lines of the transcript: retries, a shortened conversation, where a run goes on from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from agentui.events import ContextCompacted, ModelRetried, RunStarted
from agentui.ui.cuts import left_undone
from agentui.ui.ending import raised_words
from agentui.ui.markdown import text_html
from agentui.ui.words import gist, sentence, short, wait
from agentui.view import RunView


def note(text: str) -> str:
    """A line of its own."""
    return f'<div class="au-note">{text}</div>'


def retry_notes(retries: Sequence[ModelRetried], *, waiting: bool, error: str | None = None) -> list[str]:
    """A line for the failed attempts of a model call that had the same reason, which is said once.

    Args:
        retries: In their order.
        waiting: The wait after the last one goes on; the browser counts it down.
        error: How the call failed in the end; a reason that is said there is not said here.
    """
    lines: list[str] = []
    number = 0
    groups = [(reason, list(same)) for reason, same in groupby(retries, key=_reason)]
    for reason, same in groups:
        first, number = number + 1, number + len(same)
        who = f"Attempt {first}" if first == number else f"Attempts {first}–{number}"
        why = "" if error is not None and reason in error else f": {text_html(sentence(gist(reason)))}"
        if waiting and reason is groups[-1][0]:
            said = f'Attempt {number + 1} in <span class="au-countdown">{wait(same[-1].wait_s)}</span>'
        else:
            said = f"Tried again after {', '.join(wait(retry.wait_s) for retry in same)}."
        lines.append(note(f'<span class="au-tag">retry</span> {who} failed{why or "."} {said}'))
    return lines


def compaction_text(event: ContextCompacted) -> str:
    """How the conversation was shortened to fit the model's context."""
    count = event.elided_observations
    how = [f"{count:,} {'observation' if count == 1 else 'observations'} elided"] if count else []
    how += ["summarised"] if event.summarised else []
    return (
        f"conversation shortened: ≈{short(event.before_tokens)} → {short(event.after_tokens)} tokens ({', '.join(how)})"
    )


def resumed_text(started: RunStarted, earlier: RunView | None) -> str:
    """Where a run goes on from, and with which caps: after a finished step, or with one that was not."""
    step = started.parent.step if started.parent else 0
    undone = left_undone(earlier) if earlier else ""
    where = "Goes on with the task of the run before"
    if step and undone:
        where = f"Goes on with step {step} of the run before, which {'' if undone == 'failed' else 'was '}{undone}"
    elif step:
        where = f"Goes on after step {step} of the run before"
    more = raised_words(earlier.start.limits, started.limits) if earlier and earlier.start else ""
    return f"{where}{f' · {more}' if more else ''}"


def missing_text(missing: Mapping[str, str]) -> str:
    """Which names of an earlier state are not what they were, and why."""
    said = "; ".join(f"<code>{text_html(name)}</code>: {text_html(why[:200])}" for name, why in missing.items())
    return f"Not as it was after that step: {said}"


def _reason(retry: ModelRetried) -> str:
    return retry.reason
