from dataclasses import replace

import pytest

from agentui.events import ContextCompacted, ModelRetried, ParentRun, StepStarted
from agentui.limits import Limits
from agentui.ui.notes import compaction_text, resumed_text, retry_notes
from agentui.usage import TokenUsage
from agentui.view import fold
from tests.builders import finished, records, started, step_finished


def retried(attempt, reason="it broke", wait_s=1.0):
    return ModelRetried(attempt=attempt, wait_s=wait_s, reason=reason)


def test_the_same_reason_is_said_once():
    (line,) = retry_notes([retried(1), retried(2, wait_s=2.0), retried(1, wait_s=4.05)], waiting=False)
    assert "Attempts 1–3 failed: It broke. Tried again after 1 s, 2 s, 4 s." in line.replace("4.1", "4")
    assert line.count("roke") == 1


def test_another_reason_is_another_line_and_only_the_last_waits():
    first, second = retry_notes([retried(1), retried(2, "it is <full>", 30.4)], waiting=True)
    assert "Attempt 1 failed: It broke. Tried again after 1 s." in first
    assert 'Attempt 2 failed: It is &lt;full&gt;. Attempt 3 in <span class="au-countdown">30 s</span>' in second


def test_a_reason_that_the_error_says_is_not_said_twice():
    (line,) = retry_notes([retried(1)], waiting=False, error="it broke for good: it broke")
    assert "Attempt 1 failed. Tried again after 1 s." in line


@pytest.mark.parametrize(
    ("elided", "summarised", "how"),
    [(4, True, "4 observations elided, summarised"), (1, False, "1 observation elided"), (0, True, "summarised")],
)
def test_a_shortened_conversation(elided, summarised, how):
    event = ContextCompacted(before_tokens=9_100, after_tokens=2_970, elided_observations=elided, summarised=summarised)
    assert compaction_text(event) == f"conversation shortened: ≈9.1k → 3.0k tokens ({how})"


def test_a_resumed_run_says_after_what_and_with_which_caps():
    before = fold(records(replace(started(), limits=Limits(max_tokens=5_000, max_cost_usd=0.01))))
    parent = ParentRun(run_id="r", step=3, relation="resumed")
    after = replace(started(), limits=Limits(max_tokens=7_500, max_cost_usd=0.015), parent=parent)
    assert (
        resumed_text(after, before)
        == "Goes on after step 3 of the run before · tokens 5,000 → 7,500 · cost $0.01 → $0.015"
    )


@pytest.mark.parametrize(
    ("error", "usage", "status", "said"),
    [
        (
            "stopped before the step had ended",
            TokenUsage(9, 1),
            "stopped",
            "with step 1 of the run before, which was cut short",
        ),
        (
            "the token limit is used up (600 of max_tokens=300): raise it",
            None,
            "limit",
            "with step 1 of the run before, which was not begun",
        ),
        ("the server said 500", TokenUsage(9, 1), "failed", "with step 1 of the run before, which failed"),
        ("NameError: x", TokenUsage(9, 1), "limit", "after step 1 of the run before"),
    ],
)
def test_a_resumed_run_does_an_unfinished_step_again(error, usage, status, said):
    end = replace(step_finished(error=error, usage=usage), code=None)
    before = fold(
        records(started(), StepStarted(step=1), end, finished(status, error=error if status == "failed" else ""))
    )
    after = replace(started(), parent=ParentRun(run_id="r", step=1, relation="resumed"))
    assert resumed_text(after, before) == f"Goes on {said}"
