"""What the transcript says about code that somebody was asked about."""

from __future__ import annotations

from collections.abc import Sequence

from agentui.approval import NO_EFFECTS
from agentui.steering_events import ApprovalDecided
from agentui.steering_view import ApprovalView
from agentui.ui.markdown import text_html
from agentui.ui.notes import note


def decision_notes(approvals: Sequence[ApprovalView], *, live: bool) -> list[str]:
    """A line for each question of a step.

    Args:
        approvals: Of the step.
        live: It goes on, so a question without an answer still waits.
    """
    notes: list[str] = []
    for approval in approvals:
        if approval.decided is not None:
            notes.append(note(f'<span class="au-tag">decision</span> {decision_text(approval.decided)}'))
        else:
            undecided = "Waiting for your decision …" if live else "Nobody decided about this code: it did not run."
            notes.append(note(undecided))
    return notes


def decision_text(decided: ApprovalDecided) -> str:
    """What was decided, as HTML."""
    patterns = ", ".join("code in which nothing is seen" if one == NO_EFFECTS else one for one in decided.allowed)
    allowed = f" Allowed in this run: {text_html(patterns)}." if patterns else ""
    if decided.automatic:
        return "Not asked: all that is seen in it was allowed in this run."
    if decided.decision == "rejected":
        return f"You rejected this code{f': {text_html(decided.reason)}' if decided.reason else '.'}"
    if decided.decision == "edited":
        return f"You edited this code before it ran.{allowed}"
    return f"You let this code run.{allowed}"
