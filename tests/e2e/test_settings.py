"""The settings panel with a model server behind it."""

import pytest
from playwright.sync_api import expect

from agentui.testing import serve_chat

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
