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
