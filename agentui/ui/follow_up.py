"""What the transcript offers next, after an example of the demo that has a follow-up."""

from __future__ import annotations

from agentui.demo import EXAMPLES
from agentui.ui.branches import ChatRun


def follow_up_of(last: ChatRun) -> str | None:
    """A task that builds on the last one, if that is an example which has one and has been completed."""
    end = last.transcript.view.end
    if end is None or end.status != "completed":
        return None
    return next((example.follow_up for example in EXAMPLES if example.task == last.task), None)
