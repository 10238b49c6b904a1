from builders import finished, records, started, step_finished
from hypothesis import given
from hypothesis import strategies as st

from agentui.events import (
    RECORD,
    ArtifactCreated,
    CodeDelta,
    CodeStarted,
    ModelRetried,
    OutputDelta,
    ReasoningDelta,
    StepStarted,
    TextDelta,
    ToolCallFinished,
    ToolCallStarted,
    UsageUpdated,
)
from agentui.ledger import usage_rows
from agentui.usage import TokenUsage
from agentui.view import fold

GUESS = TokenUsage(90, 5, source="estimated")
USAGE = TokenUsage(100, 20)
RUN = records(
    started("2+2?"),
    StepStarted(step=1),
    ReasoningDelta(text="hm"),
    TextDelta(text="I "),
    UsageUpdated(step=1, usage=GUESS),
    TextDelta(text="add."),
    CodeDelta(text="print("),
    CodeDelta(text="2+2)"),
    UsageUpdated(step=1, usage=USAGE),
    CodeStarted(code="print(2+2)"),
    ToolCallStarted(call_id="c", name="look", arguments={"x": 1}),
    ToolCallFinished(call_id="c", result=2, duration_s=0.1),
    OutputDelta(stream="stdout", text="4\n"),
    ArtifactCreated(artifact_id="a", name="f.png", media_type="image/png", size_bytes=3),
    step_finished(thought="I add.", reasoning="hm", code="print(2+2)", output="4\n", observation="4", usage=USAGE),
    finished(output=4, usage=USAGE),
)
DELTAS = {"text_delta", "reasoning_delta", "code_delta", "output_delta"}


def test_records_come_back_from_json_as_they_were():
    assert [RECORD.validate_json(RECORD.dump_json(record)) for record in RUN] == RUN


def test_a_reader_skips_fields_it_does_not_know():
    line = RECORD.dump_json(RUN[3]).replace(b'"text":', b'"colour":"red","text":')
    assert RECORD.validate_json(line) == RUN[3]


def test_the_view_without_deltas_is_the_view_with_them():
    assert fold(RUN) == fold(record for record in RUN if record.event.type not in DELTAS)


@given(st.sets(st.sampled_from([record.seq for record in RUN if record.event.type in DELTAS])))
def test_any_deltas_may_be_lost(lost):
    assert fold(RUN) == fold(record for record in RUN if record.seq not in lost)


@given(st.integers(0, len(RUN)))
def test_going_on_from_any_point_leads_to_the_same_view(k):
    view = fold(RUN[:k])
    for record in RUN[k:]:
        view.apply(record)
    assert view == fold(RUN)


def test_phases_follow_the_run():
    phases = [fold(RUN[: k + 1]).phase for k in range(len(RUN))]
    assert phases[:4] == ["starting", "waiting", "reasoning", "writing"]
    assert phases[6] == "coding"
    assert phases[9:13] == ["running", "calling", "running", "running"]
    assert phases[-1] == "ended"


def test_live_usage_is_the_estimate_and_then_what_the_server_said():
    assert fold(RUN[:6]).usage == GUESS
    assert fold(RUN[:9]).usage == USAGE


def test_a_failed_attempt_has_its_own_row_and_counts_in_the_total():
    lost = TokenUsage(10, 3, source="estimated")
    view = fold(
        records(
            started(),
            StepStarted(step=1),
            TextDelta(text="half"),
            ModelRetried(attempt=1, wait_s=1.0, reason="broken", usage=lost, partial="half"),
            TextDelta(text="whole"),
            UsageUpdated(step=1, usage=USAGE),
        )
    )
    assert str(view.steps[0].thought) == "whole"
    assert [(row.attempt, row.failed, row.usage) for row in usage_rows(view)] == [(1, True, lost), (2, False, USAGE)]
    assert view.usage == TokenUsage(110, 23, source="mixed")


def test_usage_adds_up_field_by_field_and_says_when_it_is_mixed():
    left = TokenUsage(1, 2, cached_input_tokens=1, cost_usd=0.5)
    right = TokenUsage(10, 20, reasoning_tokens=3, source="estimated")
    assert left + right == TokenUsage(11, 22, cached_input_tokens=1, reasoning_tokens=3, source="mixed")
    assert (left + left).cost_usd == 1.0  # a sum of some would look like that of all
    assert (left + right).total_tokens == 33
