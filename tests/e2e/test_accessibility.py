"""What can be found by a machine of what keeps people from using the page: names, contrast, focus, motion, silence."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from agentui.models.gate import Gate
from agentui.models.scripted import Reasoning
from tests.e2e.conftest import send

pytestmark = pytest.mark.browser

SPEAKS = "[aria-live]:not([aria-live=off]), [role=status], [role=alert], [role=log]:not([aria-live=off])"
LISTEN = """selector => {
    window.heard = [];
    new MutationObserver((found) => {
        for (const { target } of found) {
            const region = target.parentElement?.closest(selector);
            if (region) heard.push(region.textContent);
        }
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""
STOP = """() => {
    const node = document.activeElement, parts = ["top-bar", "settings", "stage", "conversation", "inspector"];
    const shown = (style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
        || style.boxShadow !== "none";
    const around = [node, node.parentElement, node.closest("#composer, .wrap") ?? node];
    return { part: parts.findLastIndex((id) => node.closest(`#${id}`)), html: node.outerHTML.slice(0, 120),
        seen: around.some((each) => shown(getComputedStyle(each))) };
}"""


def problems(page):
    found = Axe().run(page).response["violations"]
    return [(each["id"], node["html"][:160], node["failureSummary"]) for each in found for node in each["nodes"]]


def play(page, stage):
    gate, long = Gate(), "print('a long line', '" + "x" * 200 + "')"
    thought = [Reasoning("I think. "), f"Some *text*.\n<code>\n{long}\nfor i in range(50): print(i)\n</code>"]
    stage.plays(thought, "<code>1/0</code>", ["Nearly ", gate, "<code>final_answer('**done**')</code>"])
    send(page, "Go")
    expect(page.locator("#chat")).to_contain_text("Nearly")
    page.locator("#steps button.au-row").nth(1).evaluate("row => row.click()")
    expect(page.locator('#chat pre[tabindex="0"]').first).to_be_attached()
    return gate


@pytest.mark.timeout(60)
def test_the_page_has_no_barrier_that_can_be_found_in_light_and_dark(page, stage):
    assert problems(page) == []
    page.evaluate(LISTEN, SPEAKS)
    gate = play(page, stage)
    assert problems(page) == []
    assert page.evaluate("document.getAnimations().length") == 0  # the visitor asked for less motion
    heard = set(page.evaluate("heard"))
    assert "Writing" in heard
    assert heard <= {"", "Starting", "Waiting for the model", "Thinking", "Writing", "Writing code", "Running code"}
    gate.open()
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("t")
    expect(page.locator("body.dark")).to_be_attached()
    for tab in page.get_by_role("tab").all():
        tab.click()
    assert problems(page) == []
    page.get_by_role("button", name="Keyboard shortcuts").click()
    assert problems(page) == []


@pytest.mark.timeout(60)
def test_a_phone_has_no_barrier_either_with_its_sheet_open_and_with_its_settings(visitors, stage):
    phone = visitors.open(viewport={"width": 390, "height": 844}, has_touch=True, color_scheme="dark")
    play(phone, stage).open()
    expect(phone.locator("#run-bar")).to_contain_text("Completed")
    phone.locator(".au-sheet-handle").click()
    assert problems(phone) == []
    phone.get_by_role("button", name="Settings").click()
    assert problems(phone) == []


@pytest.mark.timeout(60)
def test_tab_goes_through_the_page_in_its_order_and_is_always_seen(page, stage):
    play(page, stage).open()
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    page.get_by_role("button", name="Settings").focus()
    page.keyboard.press("Shift+Tab")
    parts = []
    for _ in range(80):
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP)
        if stop["part"] < (1 if 4 in parts else 0):  # out of the page, or around to its beginning
            break
        assert stop["seen"], stop["html"]
        parts.append(stop["part"])
    assert [part for part, before in zip(parts, [None, *parts], strict=False) if part != before] == [0, 1, 2, 3, 4]
