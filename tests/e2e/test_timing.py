"""The Timing panel: its fold of the records, and that it has the time of every delta."""

import itertools
import json
import random
import statistics

import pytest
from playwright.sync_api import expect

from agentui.events import (
    ApprovalDecided,
    ApprovalRequested,
    CodeDelta,
    CodeStarted,
    ModelRequested,
    ModelRetried,
    ReasoningDelta,
    Record,
    StepStarted,
    SubagentEvent,
    TextDelta,
    ToolCallDelta,
    ToolCallFinished,
    ToolCallStarted,
    UsageUpdated,
)
from agentui.ui.feed import as_json
from agentui.usage import TokenUsage
from tests.builders import finished, started, step_finished
from tests.e2e.conftest import send

pytestmark = pytest.mark.browser

FOLD = """(text) => {
    const [records, parts] = JSON.parse(text);
    const fold = new agentui.timing.TimingFold();
    for (const end of parts) if (!fold.advance(records, end)) throw Error("a hole");
    const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
    const shown = (scope) => ({ times: fold.times(scope, 99), deltas: scope.deltas, first: scope.first,
        p50: scope.gaps.at(0.5), p95: scope.gaps.at(0.95), gaps: scope.gaps.length, binned: sum(scope.bins),
        characters: sum(scope.rates.sums), stretches: scope.rates.sums.length });
    return { run: shown(fold.run), steps: fold.steps.map(shown), stalls: fold.stalls(),
        now: [14.5, 14.0, 20].map((now) => [fold.pace(now), fold.silence(now)]) };
}"""


def timed(*pairs):
    return [as_json(Record(run_id="r", seq=seq, t=t, event=event)) for seq, (t, event) in enumerate(pairs)]


def folded(page, all_records, parts=None):
    return page.evaluate(FOLD, json.dumps([all_records, list(parts or [len(all_records)])]))


WORKED = timed(
    (0.0, started()),
    (0.5, StepStarted(step=1)),
    (0.5, ModelRequested(step=1)),
    (1.5, ReasoningDelta(text="Hm")),
    (1.75, TextDelta(text="lost")),
    (2.0, ModelRetried(attempt=1, wait_s=1.0, reason="it broke")),
    (3.0, ModelRequested(step=1)),
    (3.25, TextDelta(text="I call")),
    (3.5, CodeDelta(text="f()")),
    (7.5, CodeDelta(text="\ng()")),
    (7.75, UsageUpdated(step=1, usage=TokenUsage(9, 5), settled=True)),
    (8.0, ApprovalRequested(approval_id="a", step=1, code="f()")),
    (10.0, ApprovalDecided(approval_id="a", step=1, decision="approved")),
    (10.0, CodeStarted(code="f()\ng()")),
    (10.5, ToolCallStarted(call_id="1", name="f")),
    (10.75, ToolCallStarted(call_id="2", name="g")),
    (11.0, SubagentEvent(call_id="1", agent="f", event=TextDelta(text="not ours"))),
    (11.5, ToolCallFinished(call_id="1", duration_s=1.0)),
    (12.5, ToolCallFinished(call_id="2", duration_s=1.75)),
    (13.0, step_finished()),
    (13.5, StepStarted(step=2)),
    (13.5, ModelRequested(step=2)),
    (14.0, ToolCallDelta(call_id="3", name="f", text="{}")),
    (14.25, ToolCallDelta(call_id="3", name="f", text="}")),
)


def test_time_is_told_apart_by_what_it_went_to(page):
    seen = folded(page, WORKED)
    first, second = seen["steps"]
    assert first["times"] == {
        **{"waiting": 1.25, "streaming": 5.0, "code": 1.0, "tools": 2.0, "retry": 1.0, "person": 2.0, "other": 0.25}
    }
    assert second["times"]["streaming"] == 85.0  # it goes on
    assert seen["run"]["times"] == {
        **{"waiting": 1.75, "streaming": 90.0, "code": 1.0, "tools": 2.0, "retry": 1.0, "person": 2.0, "other": 1.25}
    }
    assert sum(seen["run"]["times"].values()) == 99.0
    assert (first["first"], second["first"], first["deltas"], seen["run"]["deltas"]) == (0.25, 0.5, 5, 7)
    assert (first["p50"], first["p95"], seen["run"]["gaps"]) == (0.25, 4.0, 4)
    assert seen["stalls"] == [{"step": 0, "at": 3.5, "gap": 4.0}]
    assert seen["run"]["characters"] == 22
    assert seen["now"] == [[6.0, 0.25], [None, 0.0], [0.0, 5.75]]  # characters a second, of the newest answer
    ended = folded(page, [*WORKED, *timed((20.0, finished()))])
    assert (ended["run"]["times"]["streaming"], ended["now"]) == (90.0 - 79.0, [[None, None]] * 3)
    assert folded(page, WORKED, range(1, len(WORKED) + 1)) == seen  # as it comes


def test_many_deltas_cost_what_is_new_and_are_counted_exactly(page):
    chance = random.Random(7)
    gaps = [chance.choice([0.0, 0.004, 0.02, 0.3]) * chance.random() for _ in range(20_000)]
    times = list(itertools.accumulate([1.0, *gaps]))
    many = timed((0.0, started()), (0.5, StepStarted(step=1)), *((t, TextDelta(text="ab")) for t in times))
    seen = folded(page, many, [*range(1, 300), *range(300, len(many), 77), len(many)])
    measured = sorted(b - a for a, b in itertools.pairwise(times))
    assert seen["run"]["p50"] == pytest.approx(statistics.median_low(measured))
    assert seen["run"]["p95"] == pytest.approx(measured[19_000 - 1])
    assert (seen["run"]["gaps"], seen["run"]["binned"], seen["run"]["characters"]) == (20_000, 20_000, 40_002)
    assert 48 <= seen["run"]["stretches"] <= 96
    read = page.evaluate(
        """text => {
            const records = JSON.parse(text);
            let read = 0;
            const fold = new agentui.timing.TimingFold();
            const counted = new Proxy(records, { get: (of, name) => (/^\\d+$/.test(name) && read++, of[name]) });
            fold.advance(counted, records.length - 1);
            read = 0;
            fold.advance(counted, records.length);
            fold.advance(counted, records.length);
            return read;
        }""",
        json.dumps(many),
    )
    assert read == 1


def test_a_hole_is_waited_for_and_passed_over_when_nobody_has_it(page):
    records = [*WORKED]
    records[7] = None
    assert page.evaluate(
        """records => {
            const fold = new agentui.timing.TimingFold();
            const seen = [fold.advance(records, 10), fold.next, fold.run.deltas];
            return [...seen, fold.advance(records, 10, 10), fold.next, fold.run.deltas];
        }""",
        records,
    ) == [False, 7, 2, True, 10, 4]


def test_events_of_a_hostile_recording_call_nothing_else(page):
    assert page.evaluate("""() => {
        const fold = new agentui.timing.TimingFold();
        fold.take({ t: 1, event: { type: "take" } });
        fold.take({ t: 1, event: { type: "constructor" } });
        fold.take({ t: 1, event: { type: "__proto__" } });
        return fold.run.deltas;
    }""") == 0  # fmt: skip


def test_a_stall_is_listed_and_selects_its_step(page):
    seen = page.evaluate(
        """records => {
            const root = document.createElement("div"), status = document.createElement("div");
            document.body.append(root);
            const probe = new agentui.Inspector({ root, status });
            const part = { run_id: "r", from_seq: 0, next_seq: records.length, elapsed: 15, records };
            probe.feed({ chat: "c", runs: [part] });
            probe.tabs.show("timing");
            probe.draw();
            const panel = root.querySelector(".au-part-timing");
            const all = (what) => [...panel.querySelectorAll(`.au-scope:first-child ${what}`)];
            const titles = () => [...panel.querySelectorAll(".au-scope > h3")].map((title) => title.textContent);
            const before = titles();
            panel.querySelector(".au-stall").click();
            probe.draw();
            const shown = () => [all(".au-facts dd")[3].textContent, panel.querySelectorAll(".au-stall").length];
            const back = (t) => (probe.lookBack((playhead) => playhead.seek(t)), probe.draw(), shown());
            const moments = [back(1.6), back(9), back(3.3), (probe.goLive(), probe.draw(), shown())];
            return { moments, before, after: titles(), selected: probe.selected,
                stall: panel.querySelector(".au-stall[aria-pressed=true]").textContent,
                images: all("svg").map((svg) => svg.getAttribute("aria-label")),
                facts: all(".au-facts > div").map((fact) => fact.textContent),
                times: all(".au-times > div:not([hidden])").map((row) => row.textContent) };
        }""",
        WORKED,
    )
    assert (seen["before"], seen["after"]) == (["Step 2", "Whole run"], ["Step 1", "Whole run"])
    assert (seen["selected"], seen["stall"]) == (0, "4.0 s without a delta · Step 1, at 3.5 s")
    assert seen["moments"] == [["1", 0], ["5", 1], ["3", 0], ["5", 1]]
    assert seen["facts"] == ["First delta0.3 s", "Tokens/s now–", "Tokens/s, mean50", "Deltas5"]
    assert seen["images"][1].endswith("3 of them, half at most 0.3 s, 95 % at most 4.0 s, the longest 4.0 s")
    assert seen["images"][0].startswith("Tokens a second over 6.0 s: ")
    assert seen["times"][0] == "waiting for the model1.3 s · 10 %"


def test_a_page_that_comes_late_has_the_time_of_every_delta(visitors, stage):
    stage.plays([*[f"word {i} " for i in range(150)], "<code>\nfinal_answer(1)\n</code>"])
    page = visitors.open(viewport={"width": 1440, "height": 900})
    send(page, "Go")
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    visitors.reload(page)
    page.get_by_role("tab", name="Timing").click()
    deltas = page.locator("#au-panel-timing .au-facts > div", has_text="Deltas").locator("dd")
    expect(deltas).to_have_text(["151", "151"])
    expect(page.locator("#au-panel-timing")).not_to_contain_text("Fetching")
