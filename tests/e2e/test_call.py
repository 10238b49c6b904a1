"""The Call panel: what was sent, what changed since the call before, and that the copied request is that request."""

import json
import os
import shutil
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import expect
from wire_server import delta, sse, usage_chunk

from agentui.call_events import SentMessage
from agentui.events import ModelRequested, ModelResponded, ModelRetried, StepStarted, SubagentEvent, ToolCallStarted
from agentui.models.openai_server import OpenAIServerModel
from agentui.models.retry import Retries
from agentui.ui.feed import as_json
from agentui.usage import TokenUsage
from tests.builders import records, started, step_finished
from tests.e2e.conftest import send

pytestmark = pytest.mark.browser

KEY = "sk-of-the-visitor-0123456789"
NASTY = "It's \"$HOME\" `id` $(id) \\ !! \u202e – naïve 😀\nEND_OF_BODY\n\tEOF '\\''\n\n%s\r\x1b[31m {}"
PROBE = """records => {
    const root = document.createElement("div"), status = document.createElement("div");
    document.body.append(root);
    window.probe = new agentui.Inspector({ root, status });
    probe.feed({ chat: "c", runs: [{ run_id: "r", from_seq: 0, next_seq: records.length, elapsed: 9, records }] });
    probe.tabs.show("call");
    probe.draw();
    window.shown = () => {
        probe.draw();
        const panel = root.querySelector(".au-part-call");
        return {
            title: panel.querySelector(".au-call-title").textContent,
            lines: [...panel.querySelectorAll(".au-call-lines p")].map((line) => line.textContent),
            rows: [...panel.querySelectorAll(".au-message")].map((row) =>
                [row.dataset.mark, ...["span", "b"].map((part) => row.querySelector(part).textContent)]),
            words: [...panel.querySelectorAll(".au-message .au-mark")].map((mark) => mark.textContent),
            parameters: [...panel.querySelectorAll(".au-parameters > div")].map((row) => row.textContent.trim()),
            status: panel.querySelector(".au-note:not(.au-parameters *)").textContent,
            empty: panel.querySelector(".au-empty").hidden ? null : panel.querySelector(".au-empty").textContent,
            requests: [...panel.querySelectorAll("select option")].map((option) => option.textContent),
        };
    };
    return shown();
}"""


class ModelServer(ThreadingHTTPServer):
    """Answers each request with the next of its bodies, and the last one again and again; a number is a failure."""

    def __init__(self, *bodies):
        super().__init__(("127.0.0.1", 0), Answering)
        self.bodies, self.sent, self.keys = list(bodies), [], []
        Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"


class Answering(BaseHTTPRequestHandler):
    def do_POST(self):
        server = self.server
        server.sent.append((self.path, json.loads(self.rfile.read(int(self.headers["content-length"])))))
        server.keys.append(self.headers["authorization"])
        body = server.bodies.pop(0) if len(server.bodies) > 1 else server.bodies[0]
        self.send_response(body if isinstance(body, int) else 200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b'{"error": {"message": "busy"}}' if isinstance(body, int) else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def model_server():
    servers = []

    def serve(*bodies):
        servers.append(ModelServer(*bodies))
        return servers[-1]

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


STUB = """#!{python}
import sys, urllib.request
url = next(arg for arg in sys.argv[1:] if arg.startswith("http"))
given = [arg.partition(": ") for before, arg in zip(sys.argv, sys.argv[1:]) if before == "-H"]
request = urllib.request.Request(url, sys.stdin.buffer.read(), {{name: value for name, _, value in given}})
sys.stdout.buffer.write(urllib.request.urlopen(request).read())
"""


@pytest.fixture
def run_code(tmp_path):
    """Runs what was copied, as somebody would who has only a key in the environment."""
    if shutil.which("curl") is None:
        stub = tmp_path / "curl"
        stub.write_text(STUB.format(python=sys.executable))
        stub.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "OPENAI_API_KEY": "sk-own",
        "LANG": "C.UTF-8",
        "NO_PROXY": "*",
    }

    def run(shell, code):
        script = tmp_path / "copied"
        script.write_text(code, encoding="utf-8", newline="")
        done = subprocess.run(
            [{"python": sys.executable}.get(shell, shell), script], env=environment, capture_output=True, timeout=15
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    return run


@pytest.mark.parametrize("shell", ["bash", "python"])
def test_any_body_comes_through(page, model_server, run_code, shell):
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": json.dumps({"a": NASTY})}}
    body = {
        "model": "it's",
        "messages": [
            {"role": "user", "content": ""},
            {"role": "user", "content": "\n"},
            {"role": "user", "content": [{"type": "text", "text": NASTY}]},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "user", "content": "".join(map(chr, range(0x20))) + "\x7f\x85\u2028\ufeff" + "x\n" * 90_000},
        ],
        "stream": True,
        "stop": ["'\nEND_OF_BODY\n", "$x"],
        "temperature": 1e-7,
        "seed": 12,
        "logit_bias": {"5": -1.5, "a'b\n": [True, None, {}]},
    }
    server = model_server(sse(delta("ok"), delta(finish="stop")))
    make = {"bash": "curl", "python": "python"}[shell]
    code = page.evaluate(f"([body, url]) => agentui.requestCode.{make}(body, url)", [body, f"{server.url}/"])
    assert "ok" in run_code(shell, code)
    assert server.sent == [("/v1/chat/completions", body)]
    assert not set(code) & set("\x1b\x7f\x85\u2028\u202e\ufeff")


@pytest.mark.parametrize(
    "server",
    [None, "-o/tmp/x", "https://x/v1\n", "file:///etc/x", "http://a b", "http://\u202ea", "http://$(id)\"`/v1'"],
)
def test_an_address_is_quoted_and_what_is_none_has_to_be_named(page, server):
    made = page.evaluate(
        "(server) => [agentui.requestCode.curl({}, server), agentui.requestCode.python({}, server)]", server
    )
    if server is not None and "$(id)" in server:
        assert made[0].startswith("curl -sS -N -g 'http://$(id)\"`/v1'\\''/chat/completions' ")
        assert 'OpenAI(base_url="http://$(id)\\"`/v1\'",' in made[1]
    else:
        assert made[0].startswith('curl -sS -N -g "$OPENAI_BASE_URL/chat/completions" ')
        assert 'OpenAI(base_url=os.environ["OPENAI_BASE_URL"],' in made[1]


def message(role, text, tokens=10, **fields):
    return SentMessage(role=role, text=text, tokens=tokens, **fields)


def requested(step, kept, *messages, **settings):
    return ModelRequested(step=step, kept=kept, messages=messages, settings={"model": "m", **settings})


def responded(step, cached):
    usage = TokenUsage(100, 5, cached_input_tokens=cached)
    return [ModelResponded(step=step, raw="data: {}\n\n", status=200), step_finished(step, usage=usage)]


def test_what_changed_since_the_call_before_is_marked_and_said(page):
    opening = [message("system", "Rules", 300), message("user", "Task")]
    turns = [message("assistant", "one"), message("user", "saw\n1"), message("assistant", "two"), message("user", "2")]
    rewritten = [message("user", "saw\n(left out)", 4), *turns[2:], message("assistant", "three")]
    seen = page.evaluate(PROBE, [as_json(record) for record in records(
        *(started(), StepStarted(step=1), requested(1, 0, *opening, stop=["x"]), *responded(1, None)),
        *(StepStarted(step=2), requested(2, 2, *turns, stop=["x"]), *responded(2, 60)),
        *(StepStarted(step=3), requested(3, 3, *rewritten, stop=["y"], seed=1), *responded(3, 0)),
        *(StepStarted(step=4), requested(4, 1)),
    )])  # fmt: skip
    assert seen["title"] == "Step 4"
    assert seen["lines"][0].startswith(
        "Kept 1 message (≈300 tokens) since the last call; the prefix broke at message 2: "
    )
    assert [row[0] for row in seen["rows"]] == ["kept", *["removed"] * 6]
    assert seen["status"] == "Waiting for the answer …"
    at = "index => { probe.select(index); return shown(); }"
    first, second, third = (page.evaluate(at, index) for index in range(3))
    assert first["lines"] == [
        "The first call of this run: 2 messages, ≈310 tokens.",
        "The server does not say how much of it was in its cache.",
    ]
    assert [row[0] for row in first["rows"]] == ["", ""]
    assert second["lines"] == [
        "Kept 2 messages (≈310 tokens) since the last call, added 4 (≈40).",
        "The server read 60 of 100 input tokens from its cache (60 %).",
    ]
    assert [row[0] for row in second["rows"]] == ["kept", "kept", *["added"] * 4]
    assert third["lines"] == [
        "Kept 3 messages (≈320 tokens) since the last call; the prefix broke at message 4: "
        "added 1 (≈10), changed 1 (≈4).",
        "The server read 0 of 100 input tokens from its cache (0 %).",
    ]
    assert [row[:2] for row in third["rows"][2:]] == [
        *(["kept", "3"], ["changed", "4"], ["same", "5"], ["same", "6"], ["added", "7"])
    ]
    assert third["words"][3:5] == ["~changed", "=unchanged, after the break"]
    assert third["parameters"] == ["modelm", 'stop["y"] ~changed was ["x"]', "seed1 +added"]
    assert third["status"] == "HTTP 200 · 1 chunk"
    page.evaluate("probe.select(2); probe.draw()")
    text = page.locator(".au-message[data-mark=changed] pre").last.text_content()
    assert text == "  saw\n− 1\n+ (left out)\n"


def test_requests_of_called_agents_and_parts_of_recordings_are_shown_as_far_as_they_are_known(page):
    def inner(event):
        return SubagentEvent(call_id="a/1", agent="helper", event=event)

    long, picture = message("user", "x" * 5000, left_out=7), message("user", "Look", pictures=1, parts=(4, -1))
    seen = page.evaluate(PROBE, [as_json(record) for record in records(
        *(started(model="outer"), StepStarted(step=1), requested(1, 3, long, picture)),
        ModelRetried(attempt=1, wait_s=2, reason="it broke", partial="Half"),
        *(requested(1, 5), ToolCallStarted(call_id="a/1", name="helper")),
        *(inner(started(model="inner")), inner(StepStarted(step=1))),
        inner(ModelRequested(step=1, messages=(message("user", "Help"),), settings={})),
    )])  # fmt: skip
    assert seen["requests"] == ["Request 1 of 2 · tried again", "Request 2 of 2"]
    assert [row[1] for row in seen["rows"]] == ["4", "5"]
    assert seen["lines"][-1] == (
        "Not in the records, and so not in what is copied: "
        "3 earlier messages, 1 picture, 7 characters of long messages."
    )
    lengths = page.evaluate("""() => {
        const select = probe.root.querySelector(".au-part-call select");
        Object.assign(select, { value: "0" }).dispatchEvent(new Event("change"));
        probe.draw();
        const text = probe.root.querySelector(".au-message pre"), before = text.textContent.length;
        probe.root.querySelector(".au-message button").click();
        return [before, text.textContent.length];
    }""")
    assert lengths == [1502, 5000]
    seen = page.evaluate("probe.select(0, { path: '0/a/1/0' }); shown()")
    assert (seen["title"], seen["rows"]) == ("Step 1 › helper › Step 1", [["", "1", "user"]])
    assert seen["status"] == "The model answers without a server."
    assert page.evaluate("""agentui.requests.bodyOf(
        probe.shown.view.steps[0].calls.get("a/1").subagent.steps[0].requests[0], "inner")""") == {
        "model": "inner", "messages": [{"role": "user", "content": "Help"}], "stream": True,
    }  # fmt: skip
    assert page.evaluate("probe.select(null); agentui.calls.stepAt(probe.shown.view, '0/a/1').title") == "Step 1"


@pytest.mark.timeout(60)  # it runs two programs, one of which takes its time to start
def test_what_is_copied_sends_the_same_request_and_a_late_page_gets_the_raw_chunks(
    visitors, stage, model_server, run_code
):
    words = [delta(f"word {i} ") for i in range(150)]
    answer = sse(*words, delta("<code>\nfinal_answer(1)\n</code>"), delta(finish="stop"), usage_chunk(50, 9))
    server = model_server(503, answer)
    stage.model = OpenAIServerModel(
        "m",
        server.url,
        KEY,
        temperature=0.25,
        extra_body={"guided": {"of": NASTY, "n": None}},
        retries=Retries(attempts=2, base_s=0.0),
    )
    page = visitors.open(viewport={"width": 1440, "height": 900}, permissions=["clipboard-read", "clipboard-write"])
    send(page, NASTY)
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    visitors.reload(page)
    page.get_by_role("tab", name="Call").click()
    panel = page.locator("#au-panel-call")
    expect(panel.locator(".au-raw")).to_contain_text('"word 149 "')
    expect(panel).to_contain_text("HTTP 200 · 154 chunks")
    request = panel.get_by_label("Request of this step")
    expect(request.locator("option")).to_have_text(["Request 1 of 2 · tried again", "Request 2 of 2"])
    expect(panel.locator(".au-call-lines")).to_contain_text("the same was sent again")
    request.select_option(index=0)
    expect(panel.locator(".au-raw")).to_contain_text("busy")
    expect(panel).to_contain_text("It failed and was tried again")
    for shell, name in (("bash", "Copy the request as curl"), ("python", "Copy the request as Python")):
        panel.get_by_role("button", name=name).click()
        expect(panel.get_by_role("button", name=name)).to_have_text("Copied")
        code = page.evaluate("navigator.clipboard.readText()")
        assert KEY not in code
        assert "word 149" in run_code(shell, code)
    assert server.sent[1:] == server.sent[:1] * 3
    assert server.keys == [f"Bearer {KEY}"] * 2 + ["Bearer sk-own"] * 2
    assert json.dumps(NASTY)[:20] in json.dumps(server.sent[0])
