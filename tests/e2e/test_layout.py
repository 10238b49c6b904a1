"""The page's parts beside each other, on a wide screen and on a phone."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

SHARE = """() => Math.round(100 * document.getElementById("inspector").getBoundingClientRect().width
    / document.getElementById("panes").getBoundingClientRect().width)"""


def test_the_border_to_the_inspector_is_moved_by_keys_and_by_hand_and_remembered(page, visitors):
    border = page.get_by_role("separator", name="Width of the inspector")
    assert page.evaluate(SHARE) == 45
    border.focus()
    for key, share in (
        ("ArrowLeft", 47),
        ("ArrowRight", 45),
        ("End", 70),
        ("ArrowLeft", 70),
        ("Home", 25),
        ("Enter", 45),
    ):
        page.keyboard.press(key)
        expect(border).to_have_attribute("aria-valuenow", str(share))
        assert abs(page.evaluate(SHARE) - share) <= 1
    box = border.bounding_box()
    page.mouse.move(box["x"] + 4, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(box["x"] - 150, box["y"] + 320)
    page.mouse.up()
    share = page.evaluate(SHARE)
    assert 50 <= share <= 65
    visitors.reload(page)
    assert page.evaluate(SHARE) == share
    page.evaluate("localStorage.setItem('agentui-inspector-share', 'NaN<>')")
    visitors.reload(page)
    assert page.evaluate(SHARE) == 45


TOP = "() => Math.round(100 * (1 - document.getElementById('inspector').getBoundingClientRect().top / innerHeight))"


def test_on_a_phone_the_inspector_is_a_sheet_and_the_composer_stays_above_the_keyboard(visitors):
    phone = visitors.open(viewport={"width": 390, "height": 844}, has_touch=True)
    handle = phone.get_by_role("button", name="Steps and usage")
    assert phone.evaluate(TOP) <= 6
    expect(phone.get_by_role("tab", name="Usage")).to_have_count(0)
    handle.click()
    phone.wait_for_function(f"() => ({TOP})() === 40")
    expect(phone.get_by_role("tab", name="Usage")).to_be_visible()
    phone.get_by_role("button", name="Make it taller").click()
    phone.wait_for_function(f"() => ({TOP})() === 90")
    phone.keyboard.press("Escape")
    phone.wait_for_function(f"() => ({TOP})() <= 6")
    for to, share in ((520, 40), (60, 90), (540, 40), (830, 5)):
        box = phone.locator(".au-sheet-handle").bounding_box()
        phone.mouse.move(100, box["y"] + 20)
        phone.mouse.down()
        phone.mouse.move(100, box["y"])
        phone.mouse.move(100, to)
        phone.mouse.up()
        phone.wait_for_function(f"() => ({TOP})() === {share}")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    phone.evaluate(
        """() => {
            Object.defineProperty(visualViewport, "height", { value: 500, configurable: true });
            visualViewport.dispatchEvent(new Event("resize"));
        }"""
    )
    composer = phone.locator("#composer").bounding_box()
    assert 400 <= composer["y"] + composer["height"] <= 500
