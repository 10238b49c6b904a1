"""The card at the end of a run without an answer: words that agree with each other and with what the button does."""

import pytest

from agentui.events import StepStarted
from agentui.limits import Limits
from agentui.ui.ending import end_card
from agentui.ui.transcript import RunTranscript
from agentui.unfinished import Spent, Unfinished
from agentui.usage import TokenUsage
from agentui.view import fold
from tests.builders import finished, records, started, step_finished

USED_UP = "the token limit is used up (600 of max_tokens=300): raise it and go on"


def card(limits, spent, *, cap=None, needed=0.0, last=None, status="limit"):
    steps = [] if last is None else [StepStarted(step=1), last]
    view = fold(records(started(), *steps, finished(status, error="it ended")))
    left = Unfinished(run_id="r", task="t", step=1, status=status, limits=limits, spent=spent, cap=cap, needed=needed)
    return end_card(view, view.end, left, "", can_go_on=True)


@pytest.mark.parametrize(
    ("limits", "spent", "cap", "label"),
    [
        (Limits(max_tokens=300), Spent(tokens=600), "max_tokens", "Raise tokens to 900 and go on"),
        (Limits(max_steps=1), Spent(steps=1), "max_steps", "Raise steps to 2 and go on"),
        (Limits(max_cost_usd=0.01), Spent(usd=0.0123), "max_cost_usd", "Raise cost to $0.018 and go on"),
        (Limits(max_seconds=2.0), Spent(seconds=2.0372), "max_seconds", "Raise seconds to 3.1 and go on"),
        (Limits(max_seconds=0.02), Spent(seconds=0.02), "max_seconds", "Raise seconds to 0.03 and go on"),
        (
            Limits(max_steps=2, max_tokens=1_000),
            Spent(tokens=950, steps=2),
            "max_steps",
            "Raise steps to 3, tokens to 1,500 and go on",
        ),
        (Limits(max_steps=9), Spent(steps=1), None, "Go on"),
    ],
)
def test_the_button_names_what_it_raises_to(limits, spent, cap, label):
    text = card(limits, spent, cap=cap)
    assert f">{label}</button>" in text
    assert "50 %" not in text


@pytest.mark.parametrize(
    ("last", "steps", "said"),
    [
        (step_finished(usage=TokenUsage(9, 1)), 1, "1 finished step ·"),
        (step_finished(usage=TokenUsage(9, 1), error=USED_UP), 2, "2 finished steps, one cut short ·"),
        (step_finished(usage=None, error=USED_UP, code=None), 0, "no finished step, one not begun ·"),
        (step_finished(usage=TokenUsage(9, 1), error="it ended"), 1, "1 finished step, one failed ·"),
    ],
)
def test_finished_steps_are_told_from_the_one_that_was_not(last, steps, said):
    status = "failed" if last.error == "it ended" else "limit"
    assert f"Spent: {said}" in card(Limits(max_tokens=300), Spent(steps=steps), last=last, status=status)


def test_a_request_that_was_never_sent_took_no_time():
    transcript = RunTranscript("t")
    for record in records(started(), StepStarted(step=1), step_finished(usage=None, error=USED_UP, code=None)):
        transcript.apply(record)
    head = transcript.settled[-1]["content"][0]["text"]
    assert "not begun" in head
    assert "cut short" not in head
    assert " ms" not in head
