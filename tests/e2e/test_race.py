"""A race in Chromium: lanes on one clock, by time and by step, stopped alone, found again, compared."""

import pytest
from playwright.sync_api import expect

from agentui.errors import ModelError
from agentui.models.gate import Gate
from agentui.models.scripted import ScriptedModel
from agentui.usage import TokenUsage

pytestmark = pytest.mark.browser


def price(tokens):
    return TokenUsage(input_tokens=tokens, output_tokens=1, source="reported")


@pytest.fixture
def models(service, monkeypatch):
    """Each lane's model in turn; a test appends them."""
    models = []
    monkeypatch.setattr(service.connections, "_demo_model", lambda: models.pop(0))
    return models


def lane(page, name):
    return page.get_by_role("region", name=name, exact=True)


def start(page, task, lanes=3):
    page.locator("#task-input textarea").fill(task)
    page.get_by_role("button", name="Race", exact=True).click()
    dialog = page.get_by_role("dialog", name="Race")
    expect(dialog.get_by_label("Task", exact=True)).to_have_value(task)
    for _ in range(lanes - 2):
        dialog.get_by_role("button", name="Add a lane").click()
    dialog.get_by_role("button", name="Start race").click()
    expect(page.locator("#race")).to_be_visible()
    expect(dialog).to_be_hidden()


def test_a_fast_a_slow_and_a_failing_lane_race_and_are_compared(page, models, visitors):
    slow = Gate()
    models += [
        ScriptedModel(
            ["<code>x = 6\nprint(x)</code>", [price(10), "<code>final_answer('42')</code>"]], model_id="fast"
        ),
        ScriptedModel(
            ["<code>x = 7\nprint(x)</code>", ["I wait", slow, "<code>final_answer('42')</code>"]], model_id="slow"
        ),
        ScriptedModel(
            ["<code>print('one')</code>", ["Half an ans", ModelError("the cable is cut")]], model_id="broken"
        ),
    ]
    start(page, "Find it")
    expect(lane(page, "fast").locator(".au-lane-phase")).to_have_text("Completed")
    expect(lane(page, "broken").locator(".au-lane-phase")).to_have_text("Failed")
    expect(lane(page, "broken").locator(".au-lane-body")).to_contain_text("the cable is cut")
    expect(lane(page, "slow").locator(".au-lane-body")).to_contain_text("I wait")
    assert page.locator(".au-ribbon").count() == 0
    page.locator(".au-segment", has_text="By step").click()
    second = page.get_by_role("group", name="Step 2", exact=True)
    for text in ("final_answer('42')", "I wait", "Half an ans"):
        expect(second).to_contain_text(text)
    # Another tab and a reload find the race going on.
    other = visitors.open(page.context)
    visitors.reload(page)
    for tab in (page, other):
        expect(lane(tab, "slow").locator(".au-lane-body")).to_contain_text("I wait")
    slow.open()
    for tab in (page, other):
        expect(tab.get_by_role("region", name="Comparison")).to_contain_text("Same answer")
    row = page.get_by_role("row", name="Time")
    expect(row.locator("td").nth(0)).to_contain_text("fastest")
    expect(page.get_by_role("row", name="Ended").locator("td").nth(2)).to_have_text("Failed")
    code = page.get_by_role("row", name="Step 1").locator("td").nth(1)
    expect(code.locator(".au-diff-gone")).to_have_text("− x = 6")
    expect(code.locator(".au-diff-new")).to_have_text("+ x = 7")
    # What one lane did goes on as the conversation, in every tab.
    expect(page.get_by_role("button", name="Continue with broken in the chat")).to_have_count(0)
    models.append(ScriptedModel(["<code>final_answer(x * 2)</code>"]))
    page.locator(".au-compare").get_by_role("button", name="Continue with slow in the chat").click()
    for tab in (page, other):
        expect(tab.locator("#chat")).to_contain_text("Find it")
    page.locator("#task-input textarea").fill("And twice?")
    page.locator("#send").click()
    expect(page.locator("#chat")).to_contain_text("14")


def test_a_key_goes_with_its_endpoint_and_with_the_dialog(page):
    page.get_by_role("button", name="Race", exact=True).click()
    dialog = page.get_by_role("dialog", name="Race")
    first = dialog.get_by_role("group", name="Lane 1")
    preset = first.get_by_role("combobox", name="Model", exact=True)
    url, key = (first.get_by_role("textbox", name=name) for name in ("Base URL", "Key"))
    changes = [
        lambda: preset.select_option("openai"),
        lambda: preset.select_option("custom"),
        lambda: url.fill("http://127.0.0.1:9/v1"),
    ]
    preset.select_option("custom")
    for change in changes:
        key.fill("sk-secret")
        change()
        expect(key).to_have_value("")
    key.fill("sk-secret")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Race", exact=True).click()
    expect(key).to_have_value("")
    expect(url).to_have_value("http://127.0.0.1:9/v1")
    dialog.get_by_role("button", name="Start race").click()
    expect(dialog.get_by_role("alert")).to_contain_text("The task is empty")
    assert page.evaluate("JSON.stringify({ ...localStorage, ...sessionStorage })").count("sk-secret") == 0


def test_a_lane_is_stopped_alone_and_then_all(page, models):
    gates = [Gate(), Gate(), Gate()]
    models += [ScriptedModel([[f"part {name}", gate]], model_id=name) for name, gate in zip("abc", gates, strict=True)]
    start(page, "Go")
    for name in "abc":
        expect(lane(page, name).locator(".au-lane-body")).to_contain_text(f"part {name}")
    inspector, inspect = page.locator("#inspector"), page.get_by_role("button", name="Inspect b", exact=True)
    expect(inspector).to_be_hidden()
    inspect.click()
    expect(inspector.get_by_role("treeitem", name="Step 1")).to_be_visible()
    inspect.click()
    expect(inspector).to_be_hidden()
    page.get_by_role("button", name="Stop b", exact=True).click()
    expect(lane(page, "b").locator(".au-lane-phase")).to_have_text("Stopped")
    for name in "ac":
        expect(page.get_by_role("button", name=f"Stop {name}", exact=True)).to_be_visible()
    page.get_by_role("button", name="Stop all").click()
    expect(page.get_by_role("row", name="Ended").locator("td")).to_have_text(["Stopped"] * 3)
    page.get_by_role("button", name="← Chat").click()
    expect(page.locator("#send")).to_be_enabled()
    expect(page.locator("#welcome")).to_be_visible()
    expect(inspector.locator(".au-part-steps .au-empty")).to_be_visible()
    page.get_by_role("button", name="Race of 3").click()
    expect(page.get_by_role("region", name="Comparison")).to_be_visible()
