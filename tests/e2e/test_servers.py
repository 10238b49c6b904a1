"""Model servers that misbehave, and the visitor's key: over real sockets, as a stranger would use the page."""

import json
import re

import pytest
from playwright.sync_api import expect

from agentui.testing import ChatRequest, Drop, Gate, Reply, serve_chat
from tests.e2e.conftest import send

pytestmark = pytest.mark.browser

KEY = "sk-planted-7d1f0c-9f2"


def connect(page, base_url, key="", model_id="test-model"):
    page.locator("#base-url input, #base-url textarea").fill(base_url)
    page.locator("#model-id input, #model-id textarea").fill(model_id)
    page.locator("#api-key input").fill(key)


def choose(page, preset):
    page.locator("#model-preset input").click()
    page.get_by_role("option", name=preset).click()


def authorization(request: ChatRequest) -> str:
    return request.headers.get("authorization", "")


def error_body(message):
    return json.dumps({"error": {"message": message}}).encode()


def test_a_program_fills_the_fields_and_sends_at_once(page):
    with serve_chat("<code>final_answer('from the server')</code>") as server:
        connect(page, server.base_url, KEY)
        send(page, "Go")
        expect(page.locator("#chat")).to_contain_text("from the server")
    assert authorization(server.requests[0]) == f"Bearer {KEY}"
    expect(page.locator("#usage-table tbody")).to_contain_text("test-model")


def test_the_key_is_nowhere_but_in_the_servers_memory(page, url, visitors):
    gate = Gate()
    with serve_chat(["Thinking", gate, ".\n<code>final_answer('done with it')</code>"]) as server:
        connect(page, server.base_url, KEY)
        field = page.locator("#api-key input")
        field.press("Enter")
        expect(field).to_have_value("")
        expect(page.locator("#key-note")).to_contain_text("sk-…9f2 ✓")
        send(page, "Go")
        expect(page.locator("#chat")).to_contain_text("Thinking")
        gate.open()
        expect(page.locator("#chat")).to_contain_text("done with it")
    storage = page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }])")
    urls = " ".join(visitors.urls)
    session_hash = urls.split("session_hash=")[1].split("&")[0].split()[0]
    link = page.request.get(f"{url}gradio_api/deep_link?session_hash={session_hash}").text().strip('"')
    places = {
        "page": page.content(),
        "storage": storage,
        "cookies": str(page.context.cookies()),
        "config": page.request.get(f"{url}config").text(),
        "deep link": page.request.get(f"{url}config?deep_link={link}").text(),
        "URLs": urls,
    }
    assert link
    assert [place for place, text in places.items() if "planted" in text] == []


def test_another_endpoint_does_not_get_the_key(page):
    with serve_chat("<code>final_answer('first done')</code>") as first:
        connect(page, first.base_url, KEY)
        send(page, "Go")
        expect(page.locator("#chat")).to_contain_text("first done")
    with serve_chat("<code>final_answer('second done')</code>") as second:
        page.locator("#base-url input, #base-url textarea").fill(second.base_url)
        send(page, "Go on")
        expect(page.locator("#chat")).to_contain_text("second done")
    assert KEY not in authorization(second.requests[0])
    expect(page.locator("#key-note")).not_to_contain_text("✓")


def test_moving_on_from_the_base_url_leaves_the_key_alone_that_is_being_typed(page):
    """The server's answer is held back until the next key stands in its field."""
    url, field = page.locator("#base-url input, #base-url textarea"), page.locator("#api-key input")
    url.fill("http://127.0.0.1:9/v1")
    field.fill("sk-for-the-first-one")
    field.press("Enter")
    expect(page.locator("#key-note")).to_contain_text("✓")
    with page.expect_response("**/run/predict"):
        page.locator("#task-input textarea").focus()
    held = []
    page.route("**/run/predict", lambda route: held.append(route))
    url.fill("http://127.0.0.1:10/v1")
    with page.expect_request("**/run/predict"):
        field.fill(KEY)
    held.pop(0).continue_()
    expect(page.locator("#key-note")).not_to_contain_text("✓")
    expect(field).to_have_value(KEY)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Reply(401, error_body("bad key")), "key"),
        (Reply(404, error_body("no such model")), "test-model"),
        (Reply(500, error_body("out of cheese")), "500"),
        (Reply(200, b"<html>login</html>", {"Content-Type": "text/html"}), "html"),
    ],
)
def test_a_server_that_refuses_is_one_clear_message_in_place(page, answer, said):
    with serve_chat(*[[answer]] * 4) as server:
        connect(page, server.base_url, KEY)
        send(page, "Go")
        expect(page.locator("#run-bar")).to_contain_text("Failed")
        error = page.locator("#chat .au-error")
        expect(error).to_have_count(1)
        expect(error).to_contain_text(said)
    assert "planted" not in page.content()


def test_a_stream_that_breaks_keeps_its_partial_text(page):
    broken = ["A first half", Drop()]
    with serve_chat(broken, broken, broken) as server:
        connect(page, server.base_url)
        send(page, "Go")
        expect(page.locator("#chat")).to_contain_text("A first half")
        expect(page.locator("#run-bar")).to_contain_text("Failed", timeout=15_000)
    expect(page.locator("#chat")).to_contain_text("A first half")
    expect(page.locator("#chat .au-error")).to_have_count(1)


@pytest.mark.parametrize(
    ("base_url", "task", "said"),
    [
        ("http://127.0.0.1:9/v1", "Go", "127.0.0.1:9"),
        ("not a url", "Go", "base URL"),
        ("https://user:secret@example.com/v1", "Go", "key into the key field"),
        ("", "   ", "empty"),
        ("", "x" * 1_000_000, "200,000"),
    ],
)
def test_bad_input_is_one_clear_message(page, stage, base_url, task, said):
    stage.plays("<code>final_answer('the page still works')</code>")
    connect(page, base_url)
    send(page, task)
    error = page.locator("#chat .au-error")
    expect(error).to_have_count(1, timeout=20_000)
    expect(error).to_contain_text(said, ignore_case=True)
    page.locator("#new-chat").click()
    choose(page, "Demo")
    send(page, "Go on")
    expect(page.locator("#chat")).to_contain_text("the page still works")


@pytest.mark.parametrize("limit", ["0", "-3", "many", "1.5"])
def test_a_bad_limit_is_one_clear_message(page, stage, limit):
    stage.plays()
    page.locator("#max-steps input, #max-steps textarea").fill(limit)
    send(page, "Go")
    expect(page.locator("#chat .au-error")).to_contain_text(f"The limit Steps is '{limit}'")


def test_preset_and_url_stay_in_step_and_are_there_after_a_reload(page, visitors):
    url, preset = page.locator("#base-url input"), page.locator("#model-preset input")
    choose(page, "DeepSeek")
    expect(url).to_have_value(re.compile("deepseek"))
    url.fill("http://127.0.0.1:9/v1")
    with page.expect_response("**/run/predict"):
        url.press("Enter")
    expect(preset).to_have_value("Another server")
    visitors.reload(page)
    expect(url).to_have_value("http://127.0.0.1:9/v1")
    expect(preset).to_have_value("Another server")
    choose(page, "Demo")
    expect(url).to_have_value("")
