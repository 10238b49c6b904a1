"""Three levels of detail: each only hides, and what can be copied is all of it."""

import pytest
from playwright.sync_api import expect

from agentui.models.scripted import Reasoning
from tests.e2e.conftest import send

pytestmark = pytest.mark.browser

SHOWN = """() => ({
    cards: [...document.querySelectorAll("#chat .au-head")].filter((each) => each.offsetParent).length,
    answer: Boolean(document.querySelector("#chat .au-answer")?.offsetParent),
    thoughts: [...document.querySelectorAll("#chat details.au-reasoning")].map((each) => each.open),
    lines: [...document.querySelectorAll("#chat pre")].filter((each) => each.offsetParent)
        .flatMap((each) => each.textContent.match(/line \\d+/g) ?? []).length,
})"""


def test_a_level_hides_and_takes_nothing_away_and_is_kept_for_the_tab(page, stage, visitors):
    code = "for i in range(300): print('line', i)\n"
    stage.plays([Reasoning("I think. "), f"<code>\n{code}</code>"], "<code>final_answer('`done`')</code>")
    send(page, "Print ```many``` lines")
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    expect(page.locator("#chat .au-answer")).to_be_visible()
    levels = page.get_by_role("radiogroup", name="Level of detail")
    expect(levels.get_by_role("radio", name="Steps")).to_be_checked()
    in_steps = page.evaluate(SHOWN)
    assert in_steps == {"cards": 2, "answer": True, "thoughts": [False], "lines": 201}
    # Everything: the reasoning is open, and the lines that a card leaves out are there.
    levels.get_by_role("radio", name="Steps").press("ArrowRight")
    expect(levels.get_by_role("radio", name="Everything")).to_be_focused()
    page.wait_for_function(f"() => ({SHOWN})().lines === 300")
    assert page.evaluate(SHOWN) == {"cards": 2, "answer": True, "thoughts": [True], "lines": 300}
    # Answer: hidden, not gone.
    levels.get_by_role("radio", name="Everything").press("ArrowRight")
    assert page.evaluate(SHOWN) == {"cards": 0, "answer": True, "thoughts": [False], "lines": 0}
    assert "I think." in page.locator("#chat").evaluate("chat => chat.textContent")
    visitors.reload(page)
    expect(levels.get_by_role("radio", name="Answer")).to_be_checked()
    expect(page.locator("#chat .au-answer")).to_be_visible()
    expect(visitors.open(page.context).get_by_role("radio", name="Steps")).to_be_checked()
    levels.get_by_role("radio", name="Steps").click()
    page.get_by_role("button", name="Expand all").click()
    page.wait_for_function(f"() => ({SHOWN})().lines === 300")
    page.get_by_role("button", name="Collapse").click()
    assert page.evaluate(SHOWN) == in_steps
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy as Markdown").click()
    expect(page.get_by_role("button", name="Copy as Markdown")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("# Print ```many``` lines\n\nModel ")
    assert "line 150\n" in copied
    assert "tokens in, ≈" in copied
