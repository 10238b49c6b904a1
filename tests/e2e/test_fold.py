"""The browser's fold of records is the same as `agentui.view`, record by record."""

import json
from dataclasses import replace

import pytest

from agentui.call_events import SentMessage
from agentui.events import (
    ApprovalDecided,
    ApprovalRequested,
    ArtifactCreated,
    CodeDelta,
    CodeStarted,
    ContextCompacted,
    Diverged,
    MessageAdded,
    ModelRequested,
    ModelResponded,
    ModelRetried,
    OutputDelta,
    ReasoningDelta,
    StepStarted,
    StopRequested,
    SubagentEvent,
    TextDelta,
    Timing,
    ToolCallFinished,
    ToolCallStarted,
    UpstreamClosed,
    UsageUpdated,
)
from agentui.ledger import usage_rows
from agentui.ui.feed import as_json
from agentui.usage import Cost, TokenUsage
from agentui.view import fold
from tests.builders import finished, records, started, step_finished

pytestmark = pytest.mark.browser

ESTIMATE = TokenUsage(100, 7, source="estimated")
REPORTED = TokenUsage(120, 9, cached_input_tokens=64, reasoning_tokens=3, cost_usd=0.5)
BOTH = ESTIMATE + REPORTED
VIEW = """view => {
    const usage = (u) => u && [u.input_tokens, u.output_tokens, u.total_tokens, u.cached_input_tokens, u.source];
    return {
        phase: view.phase,
        usage: usage(view.usage),
        rows: view.usageRows(view.t).map((row) => [row.agent, row.step, usage(row.usage), Boolean(row.failed),
            row.cost?.usd ?? null]),
        steps: view.steps.map((s) => [s.number, s.kind, `${s.reasoning}`, `${s.thought}`, `${s.code}`,
            `${s.output}`, s.calls.size, s.artifacts.length, s.retries.length, Boolean(s.end), usage(s.total),
            s.closed?.after_s ?? null, s.diverged?.now ?? null,
            s.requests.map((r) => [r.seq, r.sent.kept, r.before?.seq ?? null, r.response?.raw ?? null,
                    agentui.requests.messagesOf(r).map((m) => m.text)])]),
        compactions: view.compactions.length,
        changes: view.changes.map((change) => change.step),
        context: [usage(view.context), view.contextWindow],
        margins: view.steps.map((s) => s.margin),
        ended: view.end?.status ?? null,
        said: view.said.map((one) => [one.message.text, one.before]),
        approvals: view.steps.map((s) => s.approvals.map((one) =>
            [one.asked?.approval_id ?? null, one.decided?.decision ?? null])),
    };
}"""
SHOW = f"""records => {{
    const show = {VIEW};
    const view = new agentui.RunView("r");
    return records.map((record) => {{
        view.apply(record);
        return show(view);
    }});
}}"""


def usage_of(usage):
    if usage is None or usage.total_tokens == 0:
        return None
    return [
        usage.input_tokens, usage.output_tokens, usage.total_tokens, usage.cached_input_tokens, usage.source
    ]  # fmt: skip


def seen_by_python(view):
    return {
        "phase": view.phase,
        "usage": usage_of(view.usage),
        "rows": [
            [row.agent, row.step, usage_of(row.usage), row.failed, row.cost.usd if row.cost else None]
            for row in usage_rows(view)
        ],
        "steps": [
            [
                *(step.number, step.kind, str(step.reasoning), str(step.thought), str(step.code), str(step.output)),
                *(len(step.calls), len(step.artifacts), len(step.retries), step.end is not None, usage_of(step.total)),
                step.closed.after_s if step.closed else None,
                step.diverged.now if step.diverged else None,
                [
                    [
                        *(one.seq, one.sent.kept, one.before and one.before.seq, one.response and one.response.raw),
                        [message.text for message in one.messages],
                    ]
                    for one in step.requests
                ],
            ]
            for step in view.steps
        ],
        "compactions": len(view.compactions),
        "changes": [change.step for change in view.changes],
        "context": [usage_of(view.context), view.context_window],
        "margins": [step.margin for step in view.steps],
        "ended": view.end.status if view.end else None,
        "said": [[one.message.text, one.before] for one in view.said],
        "approvals": [
            [[one.asked and one.asked.approval_id, one.decided and one.decided.decision] for one in step.approvals]
            for step in view.steps
        ],
    }


def test_the_browser_folds_every_record_as_python_does(page):
    inner = [
        started("t", "small-model"),
        StepStarted(step=1),
        ModelRequested(step=1),
        TextDelta(text="inside"),
        ApprovalRequested(approval_id="approval_2", step=1, code="x"),
        ApprovalDecided(approval_id="approval_2", step=1, decision="rejected", reason="no"),
        ModelResponded(step=1, raw="inside"),
        UsageUpdated(step=1, usage=ESTIMATE),
        step_finished(thought="inside", usage=REPORTED),
        finished(usage=REPORTED),
    ]
    run = records(
        replace(started(), context_tokens=128_000),
        StepStarted(step=1, kind="planning"),
        TextDelta(text="A plan"),
        UsageUpdated(step=1, usage=ESTIMATE, margin=0.09),
        step_finished(thought="A plan", usage=REPORTED),
        StepStarted(step=2),
        ModelRequested(step=2, messages=(SentMessage(role="user", text="Go", tokens=5),)),
        ReasoningDelta(text="Hm"),
        TextDelta(text="Broken "),
        ModelResponded(step=2, raw="data: Broken", status=200),
        UsageUpdated(step=2, usage=ESTIMATE),
        ModelRetried(attempt=1, wait_s=1.0, reason="it broke", usage=ESTIMATE, partial="Broken "),
        ModelRequested(step=2, kept=1, messages=(SentMessage(role="user", text="Again", tokens=5),)),
        ReasoningDelta(text="Hm, "),
        ReasoningDelta(text="right"),
        TextDelta(text="I call"),
        CodeDelta(text="x = f("),
        CodeDelta(text="1)"),
        UsageUpdated(step=2, usage=REPORTED, cost=Cost(usd=0.5, source="s"), counted_output_tokens=8, settled=True),
        ApprovalRequested(approval_id="approval_1", step=2, code="x = f(1)"),
        ApprovalDecided(approval_id="approval_1", step=2, decision="approved"),
        ApprovalDecided(approval_id="approval_3", step=2, decision="approved", automatic=True),
        CodeStarted(code="x = f(1)"),
        ToolCallStarted(call_id="call_1", name="f", arguments={"a": 1}),
        ToolCallFinished(call_id="call_1", result=2, duration_s=0.1),
        ToolCallFinished(call_id="unknown", error="?", duration_s=0.1),
        ToolCallStarted(call_id="call_2", name="helper", arguments={"task": "t"}),
        *(SubagentEvent(call_id="call_2", agent="helper", event=event) for event in inner),
        ContextCompacted(before_tokens=9, after_tokens=3, elided_observations=1),
        OutputDelta(stream="stdout", text="2\n"),
        OutputDelta(stream="stderr", text="careful\n"),
        ArtifactCreated(artifact_id="a", name="p.png", media_type="image/png", size_bytes=9),
        step_finished(
            2,
            reasoning="Hm, right",
            thought="I call",
            code="x = f(1)",
            output="2\ncareful\n",
            usage=ESTIMATE + REPORTED,
        ),
        MessageAdded(text="and now", interrupted=True),
        StepStarted(step=3),
        TextDelta(text="cut"),
        ApprovalRequested(approval_id="approval_4", step=3, code="y"),
        Diverged(step=3, what="steps", recorded="two steps", now="three"),
        StopRequested(),
        UpstreamClosed(step=3, after_s=0.01, usage=ESTIMATE),
        step_finished(3, thought="cut", usage=ESTIMATE),
        finished("stopped", usage=ESTIMATE + REPORTED + REPORTED),
    )
    in_browser = page.evaluate(SHOW, [as_json(record) for record in run])
    assert in_browser == [seen_by_python(fold(run[: count + 1])) for count in range(len(run))]


def test_a_step_whose_last_request_cost_nothing_has_the_row_of_the_one_before(page):
    retried = [
        ModelRetried(attempt=1, wait_s=0.5, reason="busy", usage=ESTIMATE),
        ModelRetried(attempt=2, wait_s=0.5, reason="it broke", usage=REPORTED),
    ]
    run = records(started(), StepStarted(step=1), *retried, step_finished(usage=BOTH), finished("failed", usage=BOTH))
    in_browser = page.evaluate(SHOW, [as_json(record) for record in run])
    assert in_browser == [seen_by_python(fold(run[: count + 1])) for count in range(len(run))]


def test_the_times_of_a_repeated_request_are_its_own(page):
    timing = Timing(started=0.1, first_delta=0.9, model_finished=1.1, finished=1.2)
    run = records(
        started(),
        StepStarted(step=1),
        TextDelta(text="half"),
        ModelRetried(attempt=1, wait_s=0.5, reason="it broke", usage=ESTIMATE),
        UsageUpdated(step=1, usage=REPORTED, settled=True),
        replace(step_finished(usage=ESTIMATE + REPORTED), timing=timing),
    )
    rows = page.evaluate(
        """records => {
            const view = new agentui.RunView("r");
            records.forEach((record) => view.apply(record));
            return view.usageRows(view.t).map((row) => [row.key, row.first ?? null, row.generating ?? null]);
        }""",
        [as_json(record) for record in run],
    )
    (lost, last), row = rows, usage_rows(fold(run))[-1]
    assert lost == ["1.1", None, None]
    assert last == ["1.last", pytest.approx(row.first_delta_s), pytest.approx(row.generating_s)]
    assert (row.first_delta_s, row.generating_s) == (pytest.approx(0.1), pytest.approx(0.2))


def test_a_reader_skips_what_it_does_not_know(page):
    known = [as_json(record) for record in records(started(), StepStarted(step=1), TextDelta(text="Hi"))]
    stranger = {"run_id": "r", "seq": 3, "t": 0.5, "event": {"type": "from_the_future", "text": "?"}}
    before, after = page.evaluate(SHOW, [*known, stranger])[-2:]
    assert before == after


def test_ten_thousand_records_stay_fluent(page):
    steps, per_step = 50, 200
    events = [started()]
    for step in range(1, steps + 1):
        events += [StepStarted(step=step), *(CodeDelta(text=f"x = {i}\n") for i in range(per_step - 3))]
        events += [UsageUpdated(step=step, usage=ESTIMATE), step_finished(step, usage=ESTIMATE)]
    run = [as_json(record) for record in records(*events)]
    assert len(run) >= 10_000
    worst = page.evaluate(
        """async text => {
            const records = JSON.parse(text);
            const root = document.body.appendChild(document.createElement("div"));
            const status = root.appendChild(document.createElement("div"));
            const inspector = new agentui.Inspector({ root: root.appendChild(document.createElement("div")), status });
            const frames = [];
            const frame = () => new Promise(requestAnimationFrame);
            for (let from = 0; from < records.length; from += 50) {
                const part = records.slice(from, from + 50);
                const before = performance.now();
                inspector.feed({ chat: "c", runs: [{ run_id: "x", from_seq: from, next_seq: from + part.length,
                    elapsed: part[part.length - 1].t, records: part }] });
                inspector.draw();
                frames.push(performance.now() - before);
                await frame();
            }
            const rows = root.querySelectorAll("#steps li").length;
            root.remove();
            frames.sort((a, b) => a - b);
            return { rows, touched: frames.length, median: frames[frames.length >> 1] };
        }""",
        json.dumps(run),
    )
    assert worst["rows"] == steps
    print(f"median work a frame with 10,000 records: {worst['median']:.2f} ms")
