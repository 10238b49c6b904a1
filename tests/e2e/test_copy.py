"""The Markdown that the page copies is what an export writes, and nothing in a text can close its fence."""

import pytest

from agentui.events import (
    ArtifactCreated,
    CodeDelta,
    CodeStarted,
    ContextCompacted,
    ModelRetried,
    OutputDelta,
    ReasoningDelta,
    StepStarted,
    SubagentEvent,
    TextDelta,
    ToolCallFinished,
    ToolCallStarted,
    UpstreamClosed,
    UsageUpdated,
)
from agentui.export import as_markdown
from agentui.ui.feed import as_json
from agentui.usage import Cost, TokenUsage
from agentui.view import fold
from tests.builders import finished, records, started, step_finished

pytestmark = pytest.mark.browser

REPORTED = TokenUsage(1200, 34, source="reported")
ESTIMATE = TokenUsage(1200, 5, source="estimated")
FENCED = "Look:\n````python\nprint('```')\n````\n~~~"
COPIED = """records => {
    const view = new agentui.RunView("r");
    for (const record of records) view.apply(record);
    return agentui.runMarkdown(view);
}"""


def inner(event):
    return SubagentEvent(call_id="call_1", agent="helper", event=event)


WHOLE = [
    started(f"First line\n{FENCED}"),
    *(StepStarted(step=1, kind="planning"), TextDelta(text="A plan"), step_finished(thought="A plan", usage=REPORTED)),
    ContextCompacted(before_tokens=9000, after_tokens=2000, elided_observations=3, summarised=False),
    *(StepStarted(step=2), TextDelta(text="Half")),
    ModelRetried(attempt=1, wait_s=1.0, reason="it broke", usage=ESTIMATE, partial=FENCED),
    *(ReasoningDelta(text="Two\nlines"), TextDelta(text=FENCED), CodeDelta(text="f()"), CodeStarted(code="f()")),
    ToolCallStarted(call_id="call_1", name="helper", arguments={"task": "```\nt"}),
    *(inner(started("inner")), inner(StepStarted(step=1)), inner(step_finished(thought="done", usage=ESTIMATE))),
    ToolCallFinished(call_id="call_1", result={"a": [1, "ü"]}, duration_s=0.26),
    ToolCallStarted(call_id="call_2", name="lost", arguments={}),
    ToolCallFinished(call_id="call_2", error="no ```way```", duration_s=0.1),
    OutputDelta(stream="stdout", text=FENCED),
    ArtifactCreated(artifact_id="a", name="plot.png", media_type="image/png", size_bytes=12345),
    UsageUpdated(step=2, usage=ESTIMATE, cost=Cost(usd=0.0123, source="a list")),
    step_finished(2, reasoning="Two\nlines", thought=FENCED, code="f()", output=FENCED, usage=ESTIMATE, error="Oh"),
]
STOPPED = [
    *(StepStarted(step=3), TextDelta(text="Half a")),
    UpstreamClosed(step=3, after_s=0.084, usage=ESTIMATE),
    step_finished(3, thought="Half a", usage=ESTIMATE, error="stopped before its end"),
    finished("stopped", error="stopped", usage=ESTIMATE),
]


def test_what_is_copied_is_what_is_exported(page):
    for events in (WHOLE, [*WHOLE, *STOPPED], [*WHOLE, finished(output=FENCED, usage=REPORTED)], []):
        made = records(*events)
        exported = as_markdown(fold(made)).partition("\n\n## Usage")[0].rstrip("\n")
        assert page.evaluate(COPIED, [as_json(record) for record in made]).rstrip("\n") == exported
