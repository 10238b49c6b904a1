"""Links to a step, and the keys of the page."""

import pytest
from playwright.sync_api import expect

from agentui.models.gate import Gate
from tests.e2e.conftest import send

pytestmark = pytest.mark.browser

LINKS = """() => ["?run=0123456789abcdef0123456789abcdef&step=3&tab=usage", "?run=2", "?step=0&tab=Usage", "?step=1e1",
    "?run=<b>&step=NaN&t=-1", "?run=" + "a".repeat(5000), "?run=1&run=2&t=12.5", ""].map(agentui.readLink)"""


def test_a_link_selects_its_step_for_its_own_visitor_and_says_when_it_cannot(page, stage, visitors, url):
    stage.plays("One.\n<code>print(1)</code>", "Two.\n<code>print(2)</code>", "<code>final_answer('end')</code>")
    send(page, "Go")
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    page.locator("#steps button.au-row").nth(1).click()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link to step 2").click()
    expect(page.locator(".au-copy-link")).to_have_text("Copied")
    link = page.evaluate("navigator.clipboard.readText()")
    run_id = page.evaluate("agentui.inspector.shown.view.runId")
    assert link == f"{url}?run={run_id}&step=2&tab=usage"
    query = link.removeprefix(url)
    again = visitors.open(page.context, query)
    expect(again.locator("#chat [aria-current] .au-head b")).to_have_text("Step 2")
    expect(again.locator('#steps [aria-selected="true"]')).to_contain_text("Step 2")
    expect(again.locator(".au-notice")).to_have_count(0)
    missing = visitors.open(page.context, query.replace("step=2", "step=9"))
    expect(missing.locator(".au-notice")).to_contain_text("no step 9")
    stranger = visitors.open(query=query)
    expect(stranger.locator(".au-notice")).to_contain_text("not in this chat")
    assert "One." not in stranger.content()
    stranger.locator(".au-notice button").click()
    expect(stranger.locator(".au-notice")).to_have_count(0)
    expect(visitors.open(query="?run=nonsense").locator(".au-notice")).to_contain_text("not in this chat")
    read = page.evaluate(LINKS)
    nothing = {"run": None, "step": None, "tab": None, "t": None}
    assert read[:3] == [
        {"run": "0123456789abcdef0123456789abcdef", "step": 3, "tab": "usage", "t": None},
        {**nothing, "run": "2"},
        nothing,
    ]
    unknown = {**nothing, "run": "unknown"}
    assert read[3:] == [{**nothing, "step": 10}, unknown, unknown, {**nothing, "run": "1", "t": 12.5}, nothing]


def test_keys_walk_the_steps_and_do_nothing_while_somebody_types_or_when_they_are_off(page, stage):
    stage.plays("<code>print(1)</code>", "<code>print(2)</code>", ["Still ", Gate()])
    send(page, "Go")
    expect(page.locator("#chat")).to_contain_text("Still")
    field = page.locator("#task-input textarea")
    field.press_sequentially("[t?/1")
    expect(field).to_have_value("[t?/1")
    assert page.evaluate("[agentui.inspector.selected, document.body.classList.contains('dark')]") == [None, False]
    field.fill("")
    field.blur()
    for key, selected in (("[", 2), ("[", 1), ("]", 2), ("]", 2)):
        page.keyboard.press(key)
        assert page.evaluate("agentui.inspector.selected") == selected
    for key in ("Control+[", "Alt+t", "Meta+t"):
        page.keyboard.press(key)
    assert page.evaluate("[agentui.inspector.selected, document.body.classList.contains('dark')]") == [2, False]
    page.keyboard.press("t")
    expect(page.locator("body.dark")).to_be_attached()
    page.keyboard.press("/")
    expect(field).to_be_focused()
    expect(field).to_have_value("")
    field.blur()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_contain_text("Next step")
    page.keyboard.press("t")
    expect(page.locator("body.dark")).to_be_attached()
    dialog.get_by_label("Single-key shortcuts").uncheck()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.locator("body[data-run=running]")).to_be_attached()
    for key in ("t", "?", "["):
        page.keyboard.press(key)
    expect(page.locator("body.dark")).to_be_attached()
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="Keyboard shortcuts").click()
    dialog.get_by_label("Single-key shortcuts").check()
    dialog.get_by_role("button", name="Close").click()
    page.keyboard.press("t")
    expect(page.locator("body.dark")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("#run-bar")).to_contain_text("Stopped")
