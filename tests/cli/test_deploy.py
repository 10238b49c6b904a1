"""`agentui deploy` against a stand-in that speaks the part of the Hub's interface that is used."""

import base64
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from agentui.cli import main
from agentui.deploy import DeployError, deploy, make_plan

ROOT = Path(__file__).parent.parent.parent
TOKEN = "hf_secret_of_a_test"


class Hub(ThreadingHTTPServer):
    """Remembers what it is told."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.created, self.files, self.settings, self.refuse = [], {}, [], None
        self.tokens = set()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        hub = self.server
        hub.tokens.add(self.headers.get("authorization"))
        if hub.refuse and self.path != "/api/repos/create":
            return self.answer(hub.refuse, {"error": f"no, {TOKEN} may not do that"})
        if self.path == "/api/repos/create":
            hub.created.append(json.loads(body))
            return self.answer(200, {"url": "https://huggingface.co/spaces/me/demo"})
        if match := re.fullmatch(r"/api/spaces/me/demo/(secrets|variables)", self.path):
            hub.settings.append((match[1], json.loads(body)))
            return self.answer(200, {})
        if self.path == "/api/validate-yaml":
            return self.answer(200, {"errors": [], "warnings": []})
        if "/preupload/" in self.path:
            files = [
                {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in json.loads(body)["files"]
            ]
            return self.answer(200, {"files": files})
        if "/commit/" in self.path:
            for line in body.splitlines():
                item = json.loads(line)
                if item["key"] == "file":
                    hub.files[item["value"]["path"]] = base64.b64decode(item["value"]["content"])
            url = "https://huggingface.co/spaces/me/demo/commit/1"
            return self.answer(200, {"commitOid": "1", "commitUrl": url, "hookOutput": "", "success": True})
        return self.answer(404, {"error": self.path})

    def do_GET(self):
        self.answer(200, {"id": "me/demo", "sha": "0", "siblings": []})

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        return


@pytest.fixture
def hub():
    with Hub() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def plan(**options):
    return make_plan("me/demo", ROOT, **{"private": False, "secrets": {}, "variables": {}, **options})


def test_the_files_and_settings_of_a_space_arrive(hub):
    secrets, variables = {"OPENAI_API_KEY": "sk-visitors"}, {"AGENTUI_MODEL": "m"}
    deploy(plan(private=True, secrets=secrets, variables=variables), TOKEN, endpoint=hub.url)
    assert (hub.created[0]["sdk"], hub.created[0]["type"]) == ("gradio", "space")
    assert {"app.py", "requirements.txt", "Spacefile", "README.md", "agentui/agent.py"} <= set(hub.files)
    assert hub.files["app.py"] == (ROOT / "app.py").read_bytes()
    assert not any("__pycache__" in name or name.startswith("tests/") for name in hub.files)
    assert [(kind, item["key"], item["value"]) for kind, item in hub.settings] == [
        ("variables", "AGENTUI_MODEL", "m"),
        ("secrets", "OPENAI_API_KEY", "sk-visitors"),
    ]
    assert not any(TOKEN.encode() in content or b"sk-visitors" in content for content in hub.files.values())


def test_a_refusal_is_one_line_without_the_token(hub):
    hub.refuse = 403
    with pytest.raises(DeployError, match="cannot deploy to me/demo") as caught:
        deploy(plan(), TOKEN, endpoint=hub.url)
    assert TOKEN not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_dry_run_lists_the_files_and_asks_nobody(capsys, monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    assert main(["deploy", "me/demo", "--source", str(ROOT), "--dry-run"]) == 0
    assert "app.py\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["demo"], "not of the form owner/name"),
        (["me/demo", "--source", "/nowhere"], "no Spacefile in /nowhere"),
        (["me/demo"], "HF_TOKEN is not set"),
        (["me/demo", "--secret", "NO_SUCH"], "NO_SUCH is not set"),
        (["me/demo", "--variable", "COLOUR=red", "--dry-run"], "the Spacefile has no variable 'COLOUR'"),
        (["me/demo", "--variable", "COLOUR"], "not of the form NAME=VALUE"),
    ],
)
def test_bad_input_is_one_line_and_status_2(words, said, capsys, monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.chdir(ROOT)
    assert main(["deploy", *words]) == 2
    assert said in capsys.readouterr().err
