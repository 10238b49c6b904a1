"""Whom the server talks to: its own page and programs, under its own names."""

import http.client
from urllib.parse import urlsplit

import pytest

from agentui.settings import Settings
from agentui.ui.boundary import own_names
from agentui.ui.web_routes import middleware

JOIN = "/gradio_api/queue/join"
STREAM = "/gradio_api/queue/data?session_hash=guessed"


@pytest.fixture
def ask(url):
    def ask(path="/", method="GET", **headers):
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=b"{}" if method == "POST" else None, headers=named)
        response = connection.getresponse()
        text = response.read(2_000)
        connection.close()
        return response.status, response.headers, text

    return ask


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:7860", "[::1]:80", "LOCALHOST:1"])
def test_its_own_names_are_answered(ask, host):
    assert ask(host=host)[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:7860", "", "[::1", "x@"]
)
@pytest.mark.parametrize("path", ["/", "/config", JOIN])
def test_a_name_that_somebody_pointed_here_is_refused_with_one_line(ask, host, path):
    status, _, text = ask(path, host=host)
    assert (status, text.count(b"\n")) == (421, 1)
    assert b"127.0.0.1" in text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "http://["},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site", "origin": "http://localhost:3000"},
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", JOIN), ("GET", STREAM), ("POST", "/gradio_api/upload")])
def test_another_site_s_page_can_neither_act_nor_read(ask, headers, method, path):
    status, answered, text = ask(path, method, **headers)
    assert (status, text.count(b"\n")) == (403, 1)
    assert headers.get("origin") != "https://evil.example" or "access-control-allow-origin" not in answered


def test_a_foreign_page_is_not_told_that_it_may(ask):
    ask_first = {"origin": "https://evil.example", "access_control_request_method": "POST"}
    assert "access-control-allow-origin" not in ask(JOIN, "OPTIONS", **ask_first)[1]


def test_its_own_page_and_programs_may_act(ask, url):
    origin = url.rstrip("/")
    for headers in ({}, {"origin": origin}, {"origin": origin, "sec_fetch_site": "same-origin"}):
        assert ask(JOIN, "POST", content_type="application/json", **headers)[0] == 422


def test_links_from_elsewhere_are_followed(ask):
    linked = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}
    assert ask("/", **linked)[0] == 200
    assert ask("/gradio_api/agentui/artifacts/guess", **linked)[0] == 404


@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/agentui/artifacts/guess", "/no/such/page"])
def test_every_response_says_what_it_is_and_keeps_its_address(ask, path):
    headers = ask(path)[1]
    assert headers.get_all("x-content-type-options") == ["nosniff"]
    assert headers.get_all("referrer-policy") == ["no-referrer"]


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=../../../../etc/passwd",
        "/gradio_api/file=%2Fetc%2Fpasswd",
        "/gradio_api/file=agentui/../../../../etc/passwd",
        "/gradio_api/file=pyproject.toml",
        "/gradio_api/file=http://127.0.0.1:1/x",
        "/static/../../../../../../etc/passwd",
        "/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/assets/..%2f..%2f..%2f..%2fetc/passwd",
        "/gradio_api/proxy=http://127.0.0.1:1/",
    ],
)
def test_no_file_of_this_machine_is_served(ask, path):
    status, _, text = ask(path)
    assert status in {400, 403, 404}, text
    assert b"root:" not in text


def test_pages_may_be_framed_only_where_spaces_are_shown(ask):
    assert "frame-ancestors 'self'" in ask()[1]["content-security-policy"].split("; ")
    policy = middleware(Settings(space=True, host="0.0.0.0"))[0].kwargs["policy"]
    assert "frame-ancestors 'self' https://huggingface.co https://*.hf.space" in policy


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        (Settings(), {"localhost", "127.0.0.1", "::1"}),
        (Settings(host="127.0.0.2"), {"localhost", "127.0.0.1", "::1", "127.0.0.2"}),
        (Settings(host="[::1]", share=True), {"localhost", "127.0.0.1", "::1", ".gradio.live"}),
        (Settings(host="0.0.0.0"), None),
        (Settings(space=True), None),
    ],
)
def test_names_are_known_on_loopback_only(settings, names):
    assert own_names(settings) == names
