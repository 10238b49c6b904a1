"""What a visitor sees before the first task, and how what they type and read looks."""

from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from agentui import CodeAgent
from agentui.models.gate import Gate
from agentui.models.scripted import ScriptedModel
from agentui.settings import Settings
from tests.e2e.conftest import Visitors, send
from tests.e2e.test_servers import choose
from tests.serving import served

pytestmark = pytest.mark.browser

DESKTOP = {"width": 1440, "height": 900}


@pytest.fixture
def opened(browser, tmp_path, monkeypatch):
    """Opens the page of another server than the tests' own."""

    @contextmanager
    def open_page(settings, **parts):
        monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
        with served(settings, tmp_path, **parts) as demo:
            visitors = Visitors(browser, demo.local_url)
            try:
                yield visitors.open(viewport=DESKTOP)
            finally:
                for context in visitors.contexts:
                    context.close()
        assert visitors.problems == []

    return open_page


@pytest.mark.parametrize(
    ("name", "description", "title"),
    [("ledger_clerk", "Balances <books>.", "ledger_clerk"), (None, None, "Watch an agent work")],
)
def test_an_agent_of_ones_own_is_welcomed_by_its_name_and_without_the_demos_tasks(opened, name, description, title):
    agent = CodeAgent([], ScriptedModel([]), name=name, description=description)
    with opened(Settings(), agent=agent) as page:
        welcome = page.locator("#welcome")
        expect(welcome.get_by_role("heading")).to_have_text(title)
        expect(welcome).to_contain_text(description or "It thinks, writes Python")
        expect(page.locator(".au-chip")).to_have_count(0)
        expect(page.locator(".au-demo-note")).to_have_count(0)


def test_only_the_demo_is_called_scripted(opened):
    with opened(Settings(openai_base_url="http://127.0.0.1:9/v1", openai_model="some-model")) as page:
        note = page.locator(".au-demo-note")
        expect(page.locator(".au-chip").first).to_be_visible()
        expect(note).to_be_hidden()
        choose(page, "Demo (scripted, no key)")
        expect(note).to_be_visible()
        choose(page, "This server's default")
        expect(note).to_be_hidden()


def test_the_note_follows_the_connection_that_a_visitor_left(page, visitors):
    note = page.locator(".au-demo-note")
    expect(note).to_be_visible()
    address = page.locator("#base-url input, #base-url textarea")
    address.fill("http://127.0.0.1:9/v1")
    address.press("Tab")
    expect(note).to_be_hidden()
    expect(page.locator("#model-preset input")).to_have_value("Another server")
    visitors.reload(page)
    expect(page.locator("#model-preset input")).to_have_value("Another server")
    expect(note).to_be_hidden()


@pytest.mark.parametrize("width", [390, 1024, 1440, 1920])
def test_a_long_task_stays_inside_the_transcript(visitors, stage, width):
    page = visitors.open(viewport={"width": width, "height": 900})
    stage.plays([Gate()])
    send(page, "Show the solar system with its planets and their moons, and say of each how far away it is. " * 3)
    bubble, column = page.locator("#chat .user-row .user").first, page.locator("#chat")
    expect(bubble).to_be_visible()
    inner, outer = bubble.bounding_box(), column.bounding_box()
    assert outer["x"] + 10 <= inner["x"]
    assert inner["x"] + inner["width"] <= outer["x"] + outer["width"] - 10
    assert inner["width"] > 300
    page.locator("#stop").click()
    expect(page.locator("#run-bar")).to_contain_text("Stopped")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_way_back_to_the_latest_covers_what_is_under_it(visitors, scheme):
    page = visitors.open(viewport=DESKTOP, color_scheme=scheme)
    look = page.locator(".au-jump").evaluate(
        """button => {
            button.dataset.shown = "true";
            const style = getComputedStyle(button);
            const surface = getComputedStyle(document.getElementById("run-bar")).backgroundColor;
            return [style.backgroundColor === surface, style.borderTopStyle, style.borderTopWidth, style.boxShadow];
        }"""
    )
    assert look[:3] == [True, "solid", "1px"]
    assert look[3] != "none"


def test_a_phone_shows_the_welcome_from_its_beginning(visitors, stage):
    phone = visitors.open(viewport={"width": 390, "height": 844}, has_touch=True)
    title = phone.locator("#welcome h2")
    expect(title).to_be_in_viewport(ratio=1)
    assert phone.locator("#chat").evaluate("chat => chat.scrollHeight > chat.clientHeight && chat.scrollTop === 0")
    phone.locator("#send").tap()
    expect(phone.locator("#chat .au-error")).to_be_in_viewport(ratio=1)
    stage.plays("<code>final_answer('fine')</code>")
    send(phone, "Go")
    expect(phone.locator("#run-bar")).to_contain_text("Completed")
    phone.locator("#new-chat").tap()
    expect(title).to_be_in_viewport(ratio=1)
