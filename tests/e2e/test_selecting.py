"""A step that is selected in one place is selected in all of them, while the run goes on too."""

import pytest
from playwright.sync_api import expect

from agentui.models.gate import Gate
from tests.e2e.conftest import send

pytestmark = pytest.mark.browser

MARKED = """() => ({
    card: [...document.querySelectorAll("#chat [aria-current] .au-head b")].map((name) => name.textContent),
    row: [...document.querySelectorAll('#steps [aria-selected="true"]')].map((row) => row.dataset.path),
    usage: [...document.querySelectorAll("#usage-table [aria-current]")].map((row) => row.cells[0].textContent),
})"""


def marked_is(page, step):
    wanted = {"card": [f"Step {step}"], "row": [str(step - 1)], "usage": [str(step)]}
    page.wait_for_function(f"wanted => JSON.stringify(({MARKED})()) === JSON.stringify(wanted)", arg=wanted)


def distance_to_head(page, step):
    return (
        page.locator("#chat .au-head")
        .nth(step - 1)
        .evaluate(
            "head => head.getBoundingClientRect().top - document.getElementById('chat').getBoundingClientRect().top"
        )
    )


def test_a_step_selected_anywhere_is_selected_everywhere_and_held_while_the_run_grows(page, stage):
    more, lines = Gate(), "<code>\nfor i in range(60): print('line', i)\n</code>"
    last = "on.\n<code>\nfor i in range(60): print('more', i)\nfinal_answer(1)\n</code>"
    stage.plays(lines, lines, lines, ["Growing ", more, last])
    send(page, "Go")
    expect(page.locator("#chat")).to_contain_text("Growing")
    chat = "document.getElementById('chat')"
    page.wait_for_function(f"() => {chat}.scrollHeight - {chat}.scrollTop - {chat}.clientHeight < 24")
    # From the usage table, by keys: the card comes into view and stays there.
    page.locator("#usage-table tbody button").first.focus()
    page.keyboard.press("ArrowDown")
    marked_is(page, 2)
    assert page.evaluate("document.activeElement.textContent") == "2"
    top = distance_to_head(page, 2)
    assert 0 <= top <= 60
    more.open()
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    assert distance_to_head(page, 2) == pytest.approx(top, abs=2)
    marked_is(page, 2)
    # From the card itself, without moving what is read.
    before = distance_to_head(page, 1)
    page.locator("#chat .au-select").nth(0).evaluate("button => button.click()")
    marked_is(page, 1)
    assert distance_to_head(page, 1) == before
    # From the tree.
    page.locator("#steps button.au-row").nth(2).click()
    marked_is(page, 3)
    assert 0 <= distance_to_head(page, 3) <= 60
    page.locator("#new-chat").click()
    expect(page.locator("#welcome")).to_be_visible()
    assert page.evaluate(MARKED) == {"card": [], "row": [], "usage": []}
