"""What people do to a run, as shown: questions about its code with their answers, and what was said to it."""

from __future__ import annotations

from dataclasses import dataclass

from agentui.steering_events import ApprovalDecided, ApprovalRequested, MessageAdded


@dataclass(slots=True)
class ApprovalView:
    """Code that waits, or waited, for somebody. Of what was decided by itself there is no question."""

    asked: ApprovalRequested | None = None
    decided: ApprovalDecided | None = None


@dataclass(frozen=True, slots=True)
class SaidView:
    """A message to the agent, and where it was read."""

    message: MessageAdded
    before: int
    "How many steps had begun."


def take_approval(approvals: list[ApprovalView], event: ApprovalRequested | ApprovalDecided) -> None:
    """Fold a question or its answer into those of a step."""
    if isinstance(event, ApprovalRequested):
        approvals.append(ApprovalView(asked=event))
        return
    for approval in approvals:
        if approval.asked is not None and approval.asked.approval_id == event.approval_id:
            approval.decided = event
            return
    approvals.append(ApprovalView(decided=event))
