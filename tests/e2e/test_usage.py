"""The usage table: live estimates, what became of them, prices, and the same as CSV."""

import csv
import re
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from agentui.events import (
    ContextCompacted,
    ModelRetried,
    ParentRun,
    StepStarted,
    SubagentEvent,
    TextDelta,
    Timing,
    UsageUpdated,
)
from agentui.events import ToolCallStarted as Called
from agentui.models.gate import Gate
from agentui.ui.feed import as_json
from agentui.usage import Cost, TokenUsage
from agentui.usage_csv import as_usage_csv
from agentui.usage_table import usage_table
from agentui.view import fold
from tests.builders import finished, records, started, step_finished
from tests.e2e.conftest import send

pytestmark = pytest.mark.browser

PRICE = "genai-prices 1.2.3 of 2026-11-01, openai/gpt-4o"
SHOW = """records => {
    const root = document.createElement("div"), status = document.createElement("div");
    const inspector = new agentui.Inspector({ root, status });
    const feed = (part) => {
        inspector.feed({ chat: "c", runs: [{ run_id: "r", from_seq: part[0].seq, next_seq: part[0].seq + part.length,
            elapsed: 1, records: part }] });
        inspector.draw();
    };
    feed(records);
    const view = inspector.shown.view;
    const rows = [...root.querySelectorAll("#usage-table tr")].map((row) => [...row.cells].map((c) => c.textContent));
    return { rows, prices: root.querySelector(".au-prices").textContent, csv: agentui.usageCsv(view, view.t),
        cost: root.querySelector("#usage-table tfoot td[title]")?.title, bar: status.textContent,
        notes: [...root.querySelectorAll(".au-step-notes")].map((note) => note.textContent) };
}"""


def shown(page, *events):
    return page.evaluate(SHOW, [as_json(record) for record in records(*events)])


def table(seen):
    head, *rows = seen["rows"]
    return [dict(zip(head, row, strict=True)) for row in rows]


def update(step, usage, **fields):
    return UsageUpdated(step=step, usage=usage, **fields)


def test_an_estimate_shows_its_margin_and_then_how_far_off_it_was(page):
    live = [
        started(model="gpt-4o"),
        StepStarted(step=1),
        TextDelta(text="Hm"),
        update(1, TokenUsage(900, 398, source="estimated"), cost=Cost(usd=0.0062, source=PRICE), margin=0.087),
    ]
    (row, total) = table(shown(page, *live))
    assert (row["Output"], row["Input"], row["Estimate"], row["Source"]) == ("≈398 ±8.7 %", "≈900", "–", "estimated")
    assert (row["Cost"], total["Total"]) == ("≈$0.0062", "≈1,298")
    usage = TokenUsage(880, 412, cached_input_tokens=512, reasoning_tokens=64)
    cost = Cost(usd=0.0056, source=PRICE)
    settled = update(1, usage, cost=cost, counted_output_tokens=398, settled=True)
    seen = shown(page, *live, settled, step_finished(usage=usage, cost=cost), finished(usage=usage, cost=cost))
    (row, total) = table(seen)
    assert (row["Output"], row["Estimate"], row["Source"]) == ("412", "≈398 → 412, −3.4 %", "reported")
    assert (row["Cached"], row["Reasoning"], row["Cost"]) == ("512", "64", "$0.0056")
    assert (total["Step"], total["Model"], total["Total"], total["Cost"]) == ("Total", "1 call", "1,292", "$0.0056")
    assert (seen["prices"], seen["cost"]) == (f"prices: {PRICE}", PRICE)
    assert "billed 1,292 tokens" in seen["bar"]
    assert "$0.0056" in seen["bar"]


def test_an_unknown_margin_is_left_out_and_an_unknown_price_is_said(page):
    (row, total) = table(
        seen := shown(page, started(model="own"), StepStarted(step=1), update(1, TokenUsage(9, 4, source="estimated")))
    )
    assert (row["Output"], row["Cost"], total["Cost"]) == ("≈4", "unknown", "unknown")
    assert seen["prices"] == "price unknown: own"
    assert "cost unknown" in seen["bar"]


def timing(first_delta, model_finished):
    return Timing(started=0.1, first_delta=first_delta, model_finished=model_finished, finished=model_finished)


def test_one_unknown_price_makes_the_total_unknown(page):
    known, unknown = TokenUsage(10, 10, cost_usd=0.5), TokenUsage(10, 10, source="estimated")
    rows = table(
        shown(
            page,
            started(),
            StepStarted(step=1),
            update(1, known, cost=Cost(usd=0.5, source="reported by the server")),
            step_finished(usage=known, cost=Cost(usd=0.5, source="reported by the server")),
            StepStarted(step=2),
            ModelRetried(attempt=1, wait_s=1.0, reason="it broke", usage=unknown),
            update(2, known, cost=Cost(usd=0.5, source="reported by the server")),
        )
    )
    assert [row["Step"] for row in rows] == ["1", "2 (retried)", "2", "Total"]
    assert [row["Cost"] for row in rows] == ["$0.5", "unknown", "$0.5", "unknown"]
    assert (rows[-1]["Total"], rows[-1]["Source"]) == ("≈60", "mixed")


def test_the_table_of_the_page_is_that_of_the_documents(page):
    """But for the words of money, of shares and of short times."""
    estimated = TokenUsage(9_000, 2_000, cached_input_tokens=3_000, source="estimated")
    reported = TokenUsage(900, 40, cached_input_tokens=512, reasoning_tokens=8)
    steps = [
        *(StepStarted(step=1), ModelRetried(attempt=1, wait_s=0.1, reason="it broke", usage=reported)),
        *(update(1, estimated), replace(step_finished(usage=reported + estimated), timing=timing(0.4, 1.4))),
        *(StepStarted(step=2), update(2, reported, counted_output_tokens=40, settled=True)),
        replace(step_finished(2, usage=reported), timing=timing(1.5, 2.0)),
    ]
    total = reported + estimated + reported
    for events in ([started(), *steps[4:], finished(usage=reported)], [started(), *steps, finished(usage=total)]):
        head, *rows = usage_table(fold(records(*events)))
        words = {"Estimate", "First delta", "Cost"}
        same = [{name: cell for name, cell in zip(head, row, strict=True) if name not in words} for row in rows]
        assert [{name: row[name] for name in same[0]} for row in table(shown(page, *events))] == same


@pytest.mark.parametrize(
    ("cost", "said"), [(Cost(usd=0.5, source=PRICE), "≈$1.00"), (None, "cost unknown")], ids=["priced", "unpriced"]
)
def test_the_bar_marks_what_was_estimated_in_an_earlier_part_of_the_task(page, cost, said):
    guess, exact = TokenUsage(1_000, 200, source="estimated"), TokenUsage(300, 40)
    price = Cost(usd=0.5, source=PRICE)
    first = records(started(), StepStarted(step=1), step_finished(usage=guess), finished(usage=guess, cost=cost))
    again = replace(started(), parent=ParentRun(run_id="r", step=1, relation="resumed"))
    second = records(again, StepStarted(step=1), step_finished(usage=exact), finished(usage=exact, cost=price))
    second = [replace(record, run_id="s") for record in second]
    bar = page.evaluate(
        """parts => {
            const root = document.createElement("div"), status = document.createElement("div");
            const inspector = new agentui.Inspector({ root, status });
            const runs = parts.map((records) => ({ run_id: records[0].run_id, from_seq: 0, next_seq: records.length,
                elapsed: 1, records }));
            inspector.feed({ chat: "c", runs });
            inspector.draw();
            return status.textContent;
        }""",
        [[as_json(record) for record in part] for part in (first, second)],
    )
    assert "≈1,540 tokens" in bar
    assert said in bar


def test_the_csv_of_the_page_is_that_of_the_command_line(page):
    inner = [
        *(started(model="=1+1"), StepStarted(step=1), update(1, TokenUsage(7, 3), cost=Cost(usd=1e-7, source="-list"))),
        replace(step_finished(usage=TokenUsage(7, 3)), timing=timing(0.2, 0.3)),
        finished(usage=TokenUsage(7, 3)),
    ]
    guess, exact = TokenUsage(12_345, 1_000, source="estimated"), TokenUsage(900, 41, 512, reasoning_tokens=8)
    events = [
        started(model='=HYPERLINK("x"),y'),
        *(StepStarted(step=1), ModelRetried(attempt=1, wait_s=0.1, reason="it broke", usage=guess)),
        update(1, exact, cost=Cost(usd=0.0021, source=PRICE), counted_output_tokens=40, settled=True),
        Called(call_id="a", name="helper"),
        *(SubagentEvent(call_id="a", agent="helper", event=event) for event in inner),
        replace(step_finished(usage=guess + exact), timing=timing(0.4, 1.4)),
        *(StepStarted(step=2, kind="planning"), update(2, guess, margin=0.087)),
        replace(step_finished(2, usage=guess), timing=timing(1.5, 2.0)),
        finished(usage=guess + exact + guess),
    ]
    in_python = as_usage_csv(fold(records(*events)))
    assert shown(page, *events)["csv"] == in_python
    rows = list(csv.DictReader(in_python.splitlines()))
    assert [row["attempt"] for row in rows] == ["1", "2", "1", "1"]
    assert (rows[0]["model"], rows[2]["agent"], rows[2]["cost_usd"]) == ('\'=HYPERLINK("x"),y', "helper", "0.0000001")


def test_the_table_is_downloaded(page, stage):
    stage.plays(["<code>final_answer(1)</code>", TokenUsage(1_200, 9)])
    send(page, "Go")
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    assert re.fullmatch(r"usage-[0-9a-f]{8}\.csv", download.value.suggested_filename)
    (row,) = csv.DictReader(download.value.path().read_text(encoding="utf-8").splitlines())
    assert (row["input_tokens"], row["source"], row["model"]) == ("1200", "reported", "scripted")


def test_a_shortened_conversation_is_a_line_of_the_steps(page):
    event = ContextCompacted(before_tokens=9_100, after_tokens=3_000, elided_observations=4, summarised=True)
    seen = shown(
        page, started(), StepStarted(step=1), step_finished(), event, StepStarted(step=2), TextDelta(text="Hm")
    )
    said = "conversation shortened: ≈9.1k → 3.0k tokens (4 observations elided, summarised)"
    assert seen["notes"] == ["", said]


def test_the_table_is_read_on_a_phone_without_moving_the_page(visitors, stage):
    phone = visitors.open(viewport={"width": 390, "height": 844}, has_touch=True)
    stage.plays("<code>print(1)</code>", ["Hm", Gate()])
    send(phone, "Go")
    expect(phone.locator("#chat")).to_contain_text("Hm")
    phone.get_by_role("button", name="Steps and usage").tap()
    scroller = phone.locator(".au-usage")
    expect(phone.locator("#usage-table tbody tr")).to_have_count(2)
    first = phone.locator("#usage-table tbody th").first
    before = first.bounding_box()
    scroller.evaluate("node => { node.scrollLeft = 300; }")
    assert scroller.evaluate("node => node.scrollLeft") > 0
    assert first.bounding_box()["x"] == before["x"]
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    phone.locator("#stop").tap()


SHOWN_COLUMNS = """() => [...document.querySelectorAll("#usage-table thead th")]
    .filter((cell) => cell.checkVisibility()).map((cell) => cell.textContent)"""


def test_columns_with_nothing_in_them_leave_their_place_to_the_others(page, stage):
    gate = Gate()
    stage.plays([gate, "<code>final_answer(1)</code>", TokenUsage(1_200, 9)])
    send(page, "Go")
    expect(page.locator("body[data-run=running]")).to_be_attached()
    expect(page.locator("#usage-table")).to_be_hidden()
    gate.open()
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    expect(page.locator("#usage-table tfoot")).to_contain_text("1,209")
    names = page.evaluate(SHOWN_COLUMNS)
    assert not {"Cached", "Reasoning"} & set(names)
    assert {"Step", "Input", "Output", "Total", "First delta"} <= set(names)
    expect(page.locator("#usage-table thead th")).to_have_count(12)
    expect(page.locator("#usage-table thead th", has_text="First delta")).to_be_in_viewport()


def test_a_table_that_is_too_wide_says_that_there_is_more(visitors, stage):
    page = visitors.open(viewport={"width": 390, "height": 844}, has_touch=True)
    stage.plays(["<code>final_answer(1)</code>", TokenUsage(1_200, 9)])
    send(page, "Go")
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    page.get_by_role("button", name="Steps and usage").tap()
    frame = page.locator(".au-usage-frame")
    expect(frame).to_have_attribute("data-more", "true")
    page.locator(".au-usage").evaluate("scroller => scroller.scrollTo(10_000, 0)")
    expect(frame).to_have_attribute("data-more", "false")


def test_an_estimate_that_was_far_off_is_a_multiple(page):
    usage = TokenUsage(880, 100)
    settled = update(1, usage, counted_output_tokens=360_000, settled=True)
    row, _ = table(shown(page, started(), StepStarted(step=1), settled, step_finished(usage=usage)))
    assert row["Estimate"] == "≈360,000 → 100, ×3,600"
    guess = update(1, TokenUsage(9, 4, source="estimated"), margin=3_600.0)
    row, _ = table(shown(page, started(), StepStarted(step=1), guess))
    assert row["Output"] == "≈4 ±×3,600"
