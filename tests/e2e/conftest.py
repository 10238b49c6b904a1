"""One server and one Chromium for all browser tests; a page that shows an error or leaves this machine fails.

Browser tests run as a process of their own (`pytest tests/e2e`): Playwright's sync API keeps an event loop running
in the main thread, which tests that are async cannot share.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from agentui.models.base import Model
from agentui.models.scripted import ScriptedModel
from agentui.settings import Settings
from agentui.ui.connections import Connections
from agentui.ui.service import Service
from tests.serving import served

HERE = Path(__file__).parent
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
expect.set_options(timeout=20_000)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Only collected when asked for by name."""
    asked = [Path(str(arg).partition("::")[0]).resolve() for arg in config.args]
    return None if any(path.is_relative_to(HERE) for path in asked) else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a browser, which has to start and to draw, more time than the other tests have."""
    for item in items:
        if item.path.is_relative_to(HERE) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(90))


class Stage:
    """What the model of the next run says."""

    def __init__(self) -> None:
        self.model: Model = ScriptedModel([])

    def plays(self, *answers, **options) -> ScriptedModel:
        self.model = ScriptedModel(answers, **options)
        return self.model


@pytest.fixture(scope="session")
def _server(tmp_path_factory) -> Iterator[tuple[str, Stage, Service]]:
    stage, settings = Stage(), Settings()
    connections = Connections(settings, demo_model=lambda: stage.model)
    with served(settings, tmp_path_factory.mktemp("gradio"), connections=connections) as demo:
        yield demo.local_url, stage, demo.service


@pytest.fixture
def stage(_server) -> Stage:
    return _server[1]


@pytest.fixture
def service(_server) -> Service:
    return _server[2]


@pytest.fixture
def url(_server) -> str:
    return _server[0]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or "/usr/bin/chromium", args=CHROMIUM_ARGS
        )
        yield browser
        browser.close()


class Visitors:
    """Opens pages; remembers what went wrong in them."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.problems: list[str] = []
        self.urls: list[str] = []
        self.contexts: list[BrowserContext] = []
        self._browser = browser
        self._url = url

    def visitor(self, **options) -> BrowserContext:
        """A browser of somebody's own."""
        context = self._browser.new_context(reduced_motion="reduce", locale="en-US", timezone_id="UTC", **options)
        self.contexts.append(context)
        return context

    def open(self, context: BrowserContext | None = None, query: str = "", **options) -> Page:
        """The playground in a new tab, ready for a task; `query` as in `?run=1`."""
        page = (context or self.visitor(**options)).new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: self.problems.append(f"pageerror: {error}"))
        page.on("console", lambda said: said.type == "error" and self.problems.append(f"console: {said.text}"))
        page.on("request", self._check_request)
        page.goto(self._url + query)
        ready(page)
        return page

    def reload(self, page: Page) -> None:
        """Load the page anew; Gradio's old page complains about the streams that end with it."""
        before = len(self.problems)
        page.reload()
        ready(page)
        cut = ("AbortError", "Connection errored out")
        self.problems[before:] = [said for said in self.problems[before:] if not any(word in said for word in cut)]

    def _check_request(self, request) -> None:
        self.urls.append(request.url)
        if not request.url.startswith((self._url, "data:", "blob:")):
            self.problems.append(f"request off the machine: {request.url}")


def ready(page: Page) -> None:
    """Wait until the page has found its visitor."""
    expect(page.locator("#task-input textarea")).to_be_editable()
    expect(page.locator("body[data-run]")).to_be_attached()


@pytest.fixture
def visitors(browser, url) -> Iterator[Visitors]:
    visitors = Visitors(browser, url)
    yield visitors
    for context in visitors.contexts:
        context.close()
    assert visitors.problems == []


@pytest.fixture
def page(visitors) -> Page:
    return visitors.open(viewport={"width": 1440, "height": 900})


def send(page: Page, task: str) -> None:
    page.locator("#task-input textarea").fill(task)
    page.locator("#send").click()
