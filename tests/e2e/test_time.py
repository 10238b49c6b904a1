"""Looking back in a run: everything shows the moment, nothing is asked or lost, and Live brings back what is now."""

import re

import pytest
from playwright.sync_api import expect

from agentui.models.gate import Gate
from agentui.models.scripted import Reasoning
from tests.e2e.conftest import send

pytestmark = pytest.mark.browser

# The conversation as it is now has buttons for what can be done next.
ROWS = """place => [...document.querySelectorAll(`${place} .message-row`)]
    .filter((row) => !row.querySelector(".au-again"))
    .map((row) => [...row.querySelectorAll(".au-button")].reduce((text, { innerText }) => text.replace(innerText, ""),
        row.innerText).replace(/\\s+/g, " ").trim())
    .filter(Boolean)"""
LEDGER = "() => agentui.usageCsv(agentui.inspector.seen.view, agentui.inspector.seen.now())"


def moment(page):
    return page.get_by_role("slider", name="Moment of the run")


def test_a_finished_run_plays_back_to_the_same_transcript_and_calls_nothing(page, stage):
    model = stage.plays(
        [
            Reasoning("Which *numbers*?"),
            "I look **first**.\n\n- one\n- `two`\n\n<code>\nx = [1, 2]\nprint('a & b <c>')\n</code>",
        ],
        "Now what fails.\n<code>\n1 / 0\n</code>",
        "<code>final_answer('The sum is **3**.\\n\\n| a | b |\\n|---|---|\\n| 1 | 2 |')</code>",
    )
    send(page, "Add <b>them</b>\nplease")
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    now = page.evaluate(ROWS, "#chat")
    usage = page.evaluate(LEDGER)
    assert len(now) == 5
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    moment(page).focus()
    page.keyboard.press("Home")
    past = page.locator(".au-past")
    expect(past).to_contain_text(re.compile(r"^Showing 0\.0 s of [\d.]+ s"))
    assert page.evaluate(ROWS, ".au-past") == now[:1]
    expect(page.locator("#steps li")).to_have_count(0)
    expect(page.locator("#usage-table")).to_be_hidden()
    expect(page.locator("#chat")).to_be_hidden()
    page.get_by_role("tab", name="State").click()
    expect(page.locator("#au-panel-state")).to_contain_text("appear here when code has run")
    moment(page).press("PageUp")
    moment(page).press("PageUp")
    expect(moment(page)).to_have_attribute("aria-valuetext", re.compile(r"^step 2, [\d.]+ s of [\d.]+ s$"))
    expect(page.locator("#steps li")).to_have_count(2)
    expect(page.locator("#au-panel-state")).to_contain_text("[1, 2]")
    page.get_by_role("tab", name="Usage").click()
    expect(page.locator("#usage-table tbody tr")).to_have_count(1)
    assert page.evaluate(ROWS, ".au-past") == [*now[:2], "Step 2"]
    page.get_by_role("combobox", name="Speed").select_option("20")
    page.get_by_label("Skip waits").check()
    page.get_by_role("button", name="Play back").click()
    page.wait_for_function("() => agentui.inspector.playhead.atEnd")
    expect(page.get_by_role("button", name="Play back")).to_be_visible()
    assert page.evaluate(ROWS, ".au-past") == now
    expect(page.locator("#usage-table tbody tr")).to_have_count(3)
    assert page.evaluate(LEDGER) == usage
    page.get_by_role("button", name="Live").click()
    expect(past).to_be_hidden()
    assert page.evaluate(ROWS, "#chat") == now
    page.get_by_role("combobox", name="Speed").select_option("0.25")
    page.get_by_label("Skip waits").uncheck()
    moment(page).press(" ")
    page.wait_for_function("() => agentui.inspector.playhead?.playing && agentui.inspector.playhead.t > 0")
    moment(page).press("k")
    assert page.evaluate("agentui.inspector.playhead.playing") is False
    moment(page).press("ArrowLeft")
    page.get_by_role("button", name="Live").click()
    assert asked == []
    assert len(model.requests) == 3


def test_what_was_not_sent_to_a_page_that_came_later_is_fetched_once(page, stage, visitors):
    stage.plays("word " * 150 + "<code>print(1)</code>", "<code>final_answer('End')</code>")
    send(page, "Go")
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    visitors.reload(page)
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    seen = page.evaluate(
        """async () => {
            const { inspector } = agentui, run = inspector.shown;
            const holes = run.hole() < run.view.next;
            inspector.lookBack((playhead) => playhead.goTo(75));
            const { playhead } = inspector;
            await run.filling;
            await new Promise(requestAnimationFrame);
            const words = `${playhead.view.step.thought}`.split("word").length;
            return { holes, filled: run.hole() === run.view.next, words };
        }"""
    )
    assert seen["holes"]
    assert seen["filled"]
    assert seen["words"] > 30
    page.evaluate("agentui.followLink(agentui.inspector, '?run=1&t=0', () => {})()")
    expect(page.locator(".au-past")).to_contain_text("Showing 0.0 s of")


def test_a_run_goes_on_while_its_past_is_looked_at_and_live_has_all_of_it(page, stage):
    first, second = Gate(), Gate()
    stage.plays("One.\n<code>print(1)</code>", ["Two ", first, "and more ", second, "<code>final_answer('End')</code>"])
    send(page, "Go")
    chat, past = page.locator("#chat"), page.locator(".au-past")
    expect(chat).to_contain_text("Two")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(past).to_contain_text("Two")
    moment(page).press("PageDown")
    moment(page).press("PageDown")
    expect(page.locator("#steps li")).to_have_count(1)
    first.open()
    page.wait_for_function("() => `${agentui.inspector.shown.view.step.thought}`.includes('and more')")
    expect(page.locator("#run-bar")).to_contain_text("Writing")
    expect(page.get_by_role("button", name="Live")).to_contain_text("behind")
    assert "Two" not in past.inner_text()
    expect(page.locator("#steps li")).to_have_count(1)
    slider = moment(page)
    for share in (0.9, 0.2, 0.99, 0.5):
        slider.evaluate(
            """(range, share) => {
                range.value = range.max * share;
                range.dispatchEvent(new Event("input"));
            }""",
            share,
        )
    second.open()
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    page.get_by_role("button", name="Live").click()
    expect(past).to_be_hidden()
    for text in ("One.", "Two and more", "End"):
        expect(chat).to_contain_text(text)
    expect(page.locator("#steps li")).to_have_count(2)
    expect(page.locator("#usage-table tbody tr")).to_have_count(2)
    slider.press("j")
    expect(past).to_be_visible()
    stage.plays("<code>final_answer('Again')</code>")
    send(page, "Once more")
    expect(past).to_be_hidden()
    expect(chat).to_contain_text("Again")
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    page.get_by_role("combobox", name="Run").select_option(index=0)
    slider.press("Home")
    expect(past).to_contain_text(re.compile(r"run 1 of 2\s*Go"))
    assert "Once more" not in past.inner_text()
