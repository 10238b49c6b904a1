"""What the server gives to browsers besides the page's events."""

import json
import urllib.error
import urllib.request

import httpx2
import pytest

from agentui.errors import ConfigError
from agentui.runner import Run
from agentui.sandbox.base import Artifact
from agentui.settings import Settings
from agentui.testing import FakePool


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


@pytest.fixture
def made(service):
    """An artifact of some visitor's run."""

    class Made(Run):
        def __init__(self):
            self.artifacts, self.records, self.run_id = {}, [], "r"

    from agentui.ui.transcript import RunTranscript
    from agentui.ui.visitors import ChatRun

    visitor = service.visitors.get(None)
    run = Made()
    visitor.runs.append(ChatRun(run, RunTranscript("t"), "t"))

    def add(name, media_type, data):
        artifact = Artifact(artifact_id=f"id-{len(run.artifacts)}", name=name, media_type=media_type, data=data)
        run.artifacts[artifact.artifact_id] = artifact
        return artifact.artifact_id

    yield add
    visitor.runs.clear()


def test_a_picture_is_shown(url, made):
    status, headers, body = get(f"{url}gradio_api/agentui/artifacts/{made('plot.png', 'image/png', b'png')}")
    assert (status, body, headers["content-type"]) == (200, b"png", "image/png")
    assert headers["content-disposition"] == "inline"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("sandbox")


@pytest.mark.parametrize(
    ("name", "media_type"), [("x.html", "text/html"), ("x.svg", "image/svg+xml"), ('a"\r\nb: c.csv', "text/csv")]
)
def test_anything_else_is_a_download_that_cannot_run(url, made, name, media_type):
    _, headers, _ = get(f"{url}gradio_api/agentui/artifacts/{made(name, media_type, b'<script>')}")
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
    assert "b" not in headers


def test_an_unknown_artifact_is_not_there(url):
    assert get(f"{url}gradio_api/agentui/artifacts/guess")[0] == 404


def test_the_page_may_load_from_this_server_only(url):
    status, headers, body = get(url)
    assert status == 200
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy
    config = json.loads(get(f"{url}config")[2])
    assert config["run_history"] is False
    assert config["analytics_enabled"] is False
    assert b"fonts.googleapis" not in body


def test_every_event_of_the_page_is_private(url):
    config = json.loads(get(f"{url}config")[2])
    public = [event["api_name"] for event in config["dependencies"] if event["api_visibility"] == "public"]
    assert public == ["run"]


def test_the_description_of_the_api_finds_no_statistics_and_no_error(url):
    status, _, body = get(f"{url}monitoring/summary")
    assert (status, json.loads(body)) == (200, {"functions": {}})


@pytest.mark.parametrize("path", ["gradio_api/upload", "gradio_api/upload/", "upload"])
def test_nobody_fills_the_disk_through_the_route_for_uploads(url, path):
    response = httpx2.post(f"{url}{path}", files={"files": ("big.bin", b"x" * 1000)})
    assert response.status_code in {403, 404, 405}


def test_strangers_are_not_let_in_where_code_is_not_isolated():
    from agentui.ui.app import build_app

    with pytest.raises(ConfigError, match="cannot isolate"):
        build_app(Settings(share=True), pool=FakePool())
