"""The settings panel with a model server behind it."""

import re

import pytest
from playwright.sync_api import expect

from agentui.testing import serve_chat
from tests.e2e.conftest import send

pytestmark = pytest.mark.browser

KEY = "sk-planted-7d1f0c-9f2"


def test_a_model_is_chosen_from_the_servers_list_and_tested(page):
    model, result = page.locator("#model-id input"), page.locator(".au-test-result")
    with serve_chat("hello there", model_id="qwen3-coder") as server:
        page.locator("#base-url input").fill(server.base_url)
        page.locator("#api-key input").fill(KEY)
        model.focus()
        model.press("ArrowDown")
        expect(page.get_by_role("option")).to_have_text(["qwen3-coder"])
        model.press("ArrowDown")
        model.press("Enter")
        expect(model).to_have_value("qwen3-coder")
        expect(page.get_by_role("listbox")).to_have_count(0)
        page.get_by_role("button", name="Test the connection").click()
        expect(result).to_contain_text("✓ 'qwen3-coder' answers")
        expect(result).to_contain_text("The key is accepted.")
    assert "planted" not in page.content()
    # What was found out of one server says nothing about another.
    page.locator("#base-url input").fill("http://127.0.0.1:9/v1")
    page.locator("#base-url input").press("Tab")
    expect(result).to_be_empty()
    page.get_by_role("button", name="Test the connection").click()
    expect(result).to_contain_text("✗")
    expect(result).to_contain_text("127.0.0.1:9")


def test_settings_say_what_is_wrong_at_the_field_and_survive_a_reload(page, visitors, stage):
    model = stage.plays("<code>final_answer('done')</code>")
    page.locator("#max-steps input").fill("many")
    page.locator("#max-steps input").press("Tab")
    expect(page.locator("#limits")).to_contain_text("The limit Steps is 'many'")
    expect(page.locator("#max-steps input")).to_have_attribute("aria-invalid", "true")
    page.locator("#instructions textarea").fill("Be brief.")
    page.get_by_role("button", name="System prompt").click()
    page.locator("#system-prompt textarea").fill("Do as you are told.")
    page.get_by_role("button", name="Tools").click()
    page.get_by_label("look_up_planet").uncheck()
    expect(page.get_by_role("button", name="Tools 1 of 2 on")).to_be_visible()
    expect(page.get_by_role("button", name="System prompt changed")).to_be_visible()
    page.locator("#task-input textarea").focus()
    visitors.reload(page)
    expect(page.locator("#limits")).to_contain_text("The limit Steps is 'many'")
    expect(page.locator("#instructions textarea")).to_have_value("Be brief.")
    expect(page.get_by_role("button", name="Tools 1 of 2 on")).to_be_visible()
    page.locator("#max-steps input").fill("3")
    send(page, "Go")
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    assert model.requests[0][0].text.startswith("Do as you are told.")
    page.get_by_role("button", name="System prompt changed").click()
    page.get_by_role("button", name="Restore the default").click()
    expect(page.locator("#system-prompt textarea")).to_have_value(re.compile("^You solve tasks by writing Python"))
    expect(page.get_by_role("button", name="Restore the default")).to_be_hidden()
