"""Caps, stops and failures: the card that says what happened, and its button that goes on."""

import re

import pytest
from playwright.sync_api import expect

from agentui.models.gate import Gate
from agentui.testing import Drop, serve_chat
from tests.e2e.conftest import send
from tests.e2e.test_servers import connect

pytestmark = pytest.mark.browser

ONE = "<code>x = 41\nprint('one')</code>"
DONE = "<code>final_answer(f'the answer is {x + 1}')</code>"


def limit(page, elem_id, value):
    page.locator(f"#{elem_id} :is(input, textarea)").fill(value)


def is_idle(page):
    expect(page.locator("body[data-run=idle]")).to_be_attached()


def test_a_used_up_cap_is_a_card_whose_button_raises_it_and_goes_on(page, stage, visitors):
    model = stage.plays(ONE, DONE)
    limit(page, "max-steps", "1")
    send(page, "Find x")
    card = page.locator("#chat .au-card")
    for text in (
        "Step limit reached",
        "1 of 1 steps",
        "Spent: 1 finished step",
        "Kept: the conversation",
        "steps 1 → 2",
    ):
        expect(card).to_contain_text(text)
    expect(page.locator("#run-bar")).to_contain_text("Limit reached")
    visitors.reload(page)
    second = visitors.open(page.context)
    for tab in (page, second):
        expect(tab.locator(".au-go-on")).to_have_text("Raise steps to 2 and go on")
    second.locator(".au-go-on").focus()
    second.keyboard.press("Enter")
    for tab in (page, second):
        expect(tab.locator("#chat")).to_contain_text("the answer is 42")
        expect(tab.locator("#chat")).to_contain_text("Goes on after step 1 of the run before · steps 1 → 2")
        expect(tab.locator(".au-go-on")).to_have_count(0)
        expect(tab.locator(".au-card")).to_have_count(1)
        expect(tab.locator(".au-runs")).to_contain_text("Run 2 of 2 · from 1")
        expect(tab.locator(".au-item-step")).to_have_text("step 2/2")
    model.assert_finished()


def test_two_presses_start_one_run(page, stage, visitors, service):
    gate = Gate()
    model = stage.plays(ONE, [gate, DONE])
    limit(page, "max-steps", "1")
    send(page, "Find x")
    second = visitors.open(page.context)
    expect(second.locator(".au-go-on")).to_be_visible()
    stale = page.locator(".au-go-on").get_attribute("class")
    press_stale = (
        f"chat => {{ chat.insertAdjacentHTML('beforeend', '<button class=\"{stale}\">'); chat.lastChild.click(); }}"
    )
    page.locator(".au-go-on").evaluate("button => { button.click(); button.click(); }")
    second.locator("#chat").evaluate(press_stale)
    expect(page.locator("body[data-run=running]")).to_be_attached()
    gate.open()
    expect(page.locator("#chat")).to_contain_text("the answer is 42")
    is_idle(page)
    with second.expect_response("**/run/predict"):
        second.locator("#chat").evaluate(press_stale)
    (mine,) = [visitor for visitor in service.visitors if visitor.runs and visitor.watches]
    assert len(mine.runs) == 2
    model.assert_finished()


def test_a_new_task_takes_the_button_away(page, stage):
    stage.plays(ONE, "<code>final_answer('something else')</code>")
    limit(page, "max-steps", "1")
    send(page, "Find x")
    expect(page.locator(".au-go-on")).to_be_visible()
    send(page, "Do something else")
    expect(page.locator("#chat")).to_contain_text("something else")
    expect(page.locator(".au-go-on")).to_have_count(0)
    expect(page.locator(".au-card")).to_contain_text("Step limit reached")


def test_a_stop_proves_itself_and_can_be_gone_on_with(page, stage):
    stage.plays(["Half of a sentence", Gate()], "<code>final_answer('the other half')</code>")
    send(page, "Talk")
    expect(page.locator("#chat")).to_contain_text("Half of a sentence")
    page.locator("#stop").click()
    proof = re.compile(r"upstream closed after \d+ ms · about [\d,]+ tokens billed")
    expect(page.locator("#chat .au-card")).to_contain_text(proof)
    expect(page.locator("#run-bar")).to_contain_text(proof)
    assert page.locator("#chat .au-card").inner_text().count("tokens billed") == 1
    page.get_by_role("button", name="Go on", exact=True).click()
    expect(page.locator("#chat")).to_contain_text("the other half")
    expect(page.locator("#run-bar")).to_contain_text("Completed")


def test_a_stop_of_code_says_how_fast_it_was_interrupted(page, stage):
    stage.plays("<code>print('begun', flush=True)\nwhile True: pass</code>")
    send(page, "Loop")
    expect(page.locator("#chat")).to_contain_text("begun")
    page.locator("#stop").click()
    proof = re.compile(r"code interrupted after \d+ ms")
    expect(page.locator("#chat .au-card")).to_contain_text(proof)
    expect(page.locator("#run-bar")).to_contain_text(proof)


def test_stopping_is_said_while_it_takes_time(page):
    """The records of a stop that takes its time, fed to the same code that shows live ones."""
    shown = page.evaluate(
        """() => {
            const root = document.createElement("div"), status = document.createElement("div");
            const inspector = new agentui.Inspector({ root, status });
            const events = [{ type: "run_started", task: "t", model: "m", limits: {} },
                { type: "step_started", step: 1 }, { type: "text_delta", text: "Hm" }, { type: "stop_requested" }];
            const records = events.map((event, seq) => ({ run_id: "r", seq, t: seq / 10, event }));
            inspector.feed({ chat: "c", runs: [{ run_id: "r", from_seq: 0, next_seq: 4, elapsed: 0.4, records }] });
            inspector.draw();
            return status.textContent;
        }"""
    )
    assert shown.startswith("Stopping …")


def test_a_failure_can_be_gone_on_with_after_its_cause_is_gone(page):
    broken = ["A first half", Drop()]
    with serve_chat(broken, broken, broken, "<code>final_answer('it works again')</code>") as server:
        connect(page, server.base_url)
        send(page, "Go")
        expect(page.locator("#chat .au-card")).to_contain_text("Failed", timeout=15_000)
        expect(page.locator("#chat .au-note").first).to_contain_text(re.compile(r"Attempts 1–2 failed.*1 s, 2 s"))
        assert page.locator("#chat").inner_text().count("Drop") <= 1
        page.get_by_role("button", name="Go on", exact=True).click()
        expect(page.locator("#chat")).to_contain_text("it works again")


def test_a_retry_counts_its_wait_down(page):
    gate = Gate()
    with serve_chat(["A first", Drop()], [gate, "<code>final_answer('in the end')</code>"]) as server:
        connect(page, server.base_url)
        send(page, "Go")
        expect(page.locator(".au-countdown")).to_have_text(re.compile(r"0\.\d s"))
        expect(page.locator("#chat .au-note")).to_contain_text("Tried again after 1 s")
        expect(page.locator("#run-bar")).to_contain_text("Attempt 2")
        assert page.locator("#chat .au-note").count() == 1
        gate.open()
        expect(page.locator("#chat")).to_contain_text("in the end")
    expect(page.locator("#chat .au-note")).to_contain_text("Attempt 1 failed")
    expect(page.locator("#chat .au-note")).to_contain_text("Tried again after 1 s.")
    expect(page.locator("#steps .au-step-notes")).to_have_text("1 attempt failed before")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("max-tokens", "many", "The limit Tokens is 'many'"),
        ("max-cost", "0,5", "The limit US dollars is '0,5'"),
        ("max-cost", "0.5", "The limit US dollars needs a price"),
        ("step-seconds", "0", "The limit Seconds a step is '0'"),
    ],
)
def test_a_limit_that_cannot_hold_is_said_in_the_words_of_the_page(page, stage, field, value, said):
    stage.plays()
    limit(page, field, value)
    send(page, "Go")
    error = page.locator("#chat .au-error")
    expect(error).to_contain_text(said)
    assert not re.search(r"max_|api_|_seconds|_usd", error.inner_text())


def test_meters_show_what_is_used_of_each_cap(page, stage):
    gate = Gate()
    stage.plays(["Thinking ", gate, ONE], DONE)
    for field, value in (("max-steps", "4"), ("max-seconds", "600"), ("max-tokens", "50000")):
        limit(page, field, value)
    send(page, "Go")
    expect(page.locator("#chat")).to_contain_text("Thinking")
    bar = page.locator("#run-bar")
    expect(bar.get_by_role("meter")).to_have_count(3)
    for text in ("step 1/4", "/ 10 min", "/ 50,000", "context ≈", "cost unknown"):
        expect(bar).to_contain_text(text)
    gate.open()
    expect(page.locator("#chat")).to_contain_text("the answer is 42")
    expect(page.locator(".au-item-step")).to_have_attribute("aria-valuenow", "50")
