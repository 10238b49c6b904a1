"""A page whose connection is lost finds the run again, and no record is missing or there twice."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from agentui.models.gate import Gate
from agentui.settings import Settings
from agentui.ui.feed import as_json
from agentui.ui.service import Service
from agentui.view import fold
from tests.e2e.conftest import Visitors, send
from tests.proxy import Proxy
from tests.serving import eventually, served

pytestmark = pytest.mark.browser

LOST = "Connection lost, trying again"
CODE = "<code>final_answer('It is 42')</code>"
BROWSERS_OWN = ("Failed to load resource", "net::ERR", "TypeError: network error", "Dependency function failed")
"What a browser says by itself about requests that failed."
HAVE = """async () => {
    const { inspector } = agentui;
    await inspector.whole();
    const { records, view } = inspector.own.at(-1);
    return [records, view.steps.map((step) => [`${step.thought}`, `${step.code}`, `${step.output}`])];
}"""
LISTEN = """() => {
    window.heard = [];
    const region = document.querySelector("#inspector [aria-live=polite]");
    const said = new MutationObserver(() => heard.push(region.textContent));
    said.observe(region, { childList: true, subtree: true, characterData: true });
}"""


@pytest.fixture
def proxy(url) -> Iterator[Proxy]:
    proxy = Proxy(urlsplit(url).port)
    yield proxy
    proxy.close()


@pytest.fixture
def page(browser, proxy) -> Iterator[Page]:
    visitors = Visitors(browser, proxy.url)
    page = visitors.open(viewport={"width": 1440, "height": 900})
    page.evaluate(LISTEN)
    yield page
    for context in visitors.contexts:
        context.close()
    assert [said for said in visitors.problems if not any(own in said for own in BROWSERS_OWN)] == []


def run_of(service: Service, task: str):
    (run,) = [run for visitor in service.visitors for run in visitor.all_runs if run.records[0].event.task == task]
    return run


def has_everything(page: Page, service: Service, task: str) -> None:
    """Every record once, in their order, and the same fold as the server's."""
    run = run_of(service, task)
    records, steps = page.evaluate(HAVE)
    assert [record["seq"] for record in records] == list(range(len(run.records)))
    assert records == [as_json(record) for record in run.records]
    assert steps == [[str(step.thought), str(step.code), str(step.output)] for step in fold(run.records).steps]


def test_a_lost_connection_is_said_and_found_again_behind_the_last_record(page, proxy, stage, service):
    first, second = Gate(), Gate()
    stage.plays(["Before. ", first, "Meanwhile. ", second, "After.\n", CODE])
    send(page, "Cut off and found again")
    expect(page.locator("#chat")).to_contain_text("Before.")
    field = page.locator("#task-input textarea")
    field.fill("typed before")
    proxy.go_down()
    expect(page.locator("#run-bar")).to_contain_text(LOST)
    first.open()
    field.press("Enter")
    notice = page.locator(".au-notice")
    expect(notice).to_contain_text("The connection is lost, so this was not done.")
    page.locator("#stop").click()
    expect(notice).to_have_count(1)
    expect(field).to_have_value("typed before")
    refused = page.evaluate("agentui.ask('say', { text: 'hello' }).catch((error) => error.message)")
    assert refused.startswith("The connection is lost")
    proxy.come_back()
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator("#chat")).to_contain_text("Meanwhile.")
    expect(page.locator("#run-bar")).not_to_contain_text(LOST)
    expect(notice).to_have_count(0)
    second.open()
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    expect(page.locator("#chat")).to_contain_text("Before. Meanwhile. After.")
    expect(field).to_have_value("typed before")
    expect(page.locator(".toast-wrap")).not_to_contain_text(re.compile("."))
    has_everything(page, service, "Cut off and found again")
    heard = page.evaluate("window.heard")
    assert any(LOST in said for said in heard)
    assert any("Connected again" in said for said in heard)


def test_connections_that_break_in_the_middle_of_a_stream_cost_no_record(page, proxy, stage, service):
    gates = [Gate() for _ in range(4)]
    parts = [part for index, gate in enumerate(gates) for part in (f"Part {index}. ", gate)]
    stage.plays([*parts, CODE])
    send(page, "Broken often")
    for index, gate in enumerate(gates):
        expect(page.locator("#chat")).to_contain_text(f"Part {index}.")
        proxy.cut()
        gate.open()
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    expect(page.locator("#chat")).to_contain_text("Part 0. Part 1. Part 2. Part 3.")
    has_everything(page, service, "Broken often")


def test_a_connection_that_is_dead_without_a_word_is_left_and_its_end_ends_nothing(page, proxy, stage, service):
    first, second = Gate(), Gate()
    stage.plays(["Heard. ", first, "Not through the dead one. ", second, CODE])
    send(page, "Fall silent")
    expect(page.locator("#chat")).to_contain_text("Heard.")
    proxy.fall_silent()
    first.open()
    page.evaluate("agentui.connection.silenceMs = 0")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange')); agentui.connection.silenceMs = 30_000")
    expect(page.locator("#chat")).to_contain_text("Not through the dead one.")
    session = page.evaluate("agentui.connection.stream.session")
    proxy.lose_silent()
    (mine,) = [visitor for visitor in service.visitors if visitor.run is not None]
    assert eventually(lambda: len(mine.watches) == 2)
    second.open()
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    assert page.evaluate("agentui.connection.stream.session") == session
    has_everything(page, service, "Fall silent")


def test_a_request_without_an_answer_is_said_in_a_line_and_what_was_typed_stays(page, stage):
    stage.plays("<code>final_answer('sent again')</code>")
    for path in ("run/predict", "component_server"):
        page.route(f"**/{path}*/**" if path == "component_server" else f"**/{path}", lambda route: route.abort())
    send(page, "Nobody answers")
    expect(page.locator(".au-notice")).to_contain_text("The connection was lost before the server answered")
    refused = page.evaluate("agentui.ask('models', {}).catch((error) => error.message)")
    assert refused.startswith("The connection was lost before the server answered")
    field = page.locator("#task-input textarea")
    expect(field).to_have_value("Nobody answers")
    expect(page.locator(".toast-wrap")).not_to_contain_text(re.compile("."))
    page.unroute_all()
    field.press("Enter")
    expect(page.locator("#chat")).to_contain_text("sent again")
    expect(field).to_have_value("")


def test_a_server_that_was_started_anew_is_said_to_have_lost_the_chat(page, proxy, stage, tmp_path):
    stage.plays("<code>final_answer('still to be read')</code>")
    send(page, "Kept on the page")
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    proxy.go_down()
    with served(Settings(), tmp_path) as other:
        proxy.come_back(urlsplit(other.local_url).port)
        page.evaluate("window.dispatchEvent(new Event('online'))")
        expect(page.locator("#run-bar")).to_contain_text("The server no longer has this chat: reload the page")
        send(page, "For nobody")
        expect(page.locator(".au-notice")).to_contain_text("The server no longer has this chat: reload the page.")
        expect(page.locator("#task-input textarea")).to_have_value("For nobody")
        expect(page.locator("#chat")).to_contain_text("still to be read")
        page.reload()
        expect(page.locator("#welcome")).to_be_visible()
