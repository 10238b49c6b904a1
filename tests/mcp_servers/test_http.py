"""Tools of MCP servers at an address on loopback: a real one, and servers that answer anything else."""

import contextlib
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from agentui import McpServer
from agentui.errors import ConfigError, ToolError
from tests.serving import eventually

GOOD = Path(__file__).parent / "good_server.py"
SECRET = "sk-planted-secret-value"


def named(tools):
    return {tool.name: tool for tool in tools}


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextlib.contextmanager
def good_server(port):
    environment = {**os.environ, "PORT": str(port)}
    with subprocess.Popen(
        [sys.executable, str(GOOD), "streamable-http"], env=environment, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert eventually(lambda: answers(port))
            yield process
        finally:
            process.kill()


def test_tools_at_an_address_are_called_and_come_back_after_a_death():
    port = free_port()
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(good_server(port))
        server = stack.enter_context(McpServer(url=f"http://127.0.0.1:{port}/mcp", timeout_s=5))
        tools = named(server.tools)
        assert tools["add"](20, b=22) == 42
        with pytest.raises(ToolError, match="no such thing"):
            tools["fail"]("no such thing")
        with pytest.raises(ToolError, match="'good' is gone"):
            tools["die"]("now")
        process.wait(10)
        with pytest.raises(ToolError, match="'good' is gone"):
            tools["add"](1)
        stack.enter_context(good_server(port))
        assert tools["add"](1) == 2


async def test_an_open_session_does_not_keep_the_block_open():
    port = free_port()
    with good_server(port) as process:
        async with McpServer(url=f"http://127.0.0.1:{port}/mcp", timeout_s=5) as server:
            assert await named(server.tools)["add"].call([1], {}) == 2
            process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGCONT)


def test_nobody_there_is_one_clear_line():
    with (
        pytest.raises(ConfigError, match="cannot be used") as caught,
        McpServer(url=f"http://127.0.0.1:{free_port()}/"),
    ):
        pass
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["ftp://x/", "http://", "no address", "http://[::1"])
def test_what_is_no_address_is_one_clear_line(url):
    with pytest.raises(ConfigError, match="no http"):
        McpServer(url=url)


def test_one_of_command_and_address_is_needed():
    for given in ({}, {"command": "x", "url": "http://x/"}):
        with pytest.raises(ConfigError, match="give one of the two"):
            McpServer(**given)


@contextlib.contextmanager
def answering(answer):
    """A server that answers every POST with what `answer(request)` gives: status, content type, body."""
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            seen.append(dict(self.headers))
            status, kind, data, *more = answer(body)
            self.send_response(status)
            for name, value in (("content-type", kind), ("content-length", str(len(data))), *more):
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(data)

        def do_DELETE(self):
            self.send_error(405)

        do_GET = do_DELETE

        def log_message(self, format, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/mcp", seen
        server.shutdown()


def ready(body, result):
    return 200, "application/json", json.dumps({"jsonrpc": "2.0", "id": body.get("id"), "result": result}).encode()


def usual(body, call):
    match body["method"]:
        case "initialize":
            info = {"name": "bad", "version": "0"}
            return ready(body, {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info})
        case "tools/list":
            return ready(body, {"tools": [{"name": "fine", "inputSchema": {}}]})
        case "tools/call":
            return call(body)
        case _:
            return 202, "text/plain", b""


@pytest.mark.parametrize(
    "answer",
    [
        lambda body: (200, "text/html", b"<html>"),
        lambda body: (200, "application/json", b"}{"),
        lambda body: (200, "text/event-stream", b"data: }{\n\n"),
        lambda body: (401, "application/json", f'{{"error": "{SECRET}"}}'.encode()),
        lambda body: (500, "text/plain", b"broken"),
        lambda body: (404, "text/plain", b"nothing"),
        lambda body: (307, "text/plain", b"", ("location", f"http://elsewhere.example/?{SECRET}")),
        lambda body: ready(body, {"tools": 1}),
    ],
    ids=["html", "no-json", "no-event", "401", "500", "404", "redirect", "wrong"],
)
def test_an_answer_that_is_none_is_one_clear_line(answer, caplog):
    with answering(answer) as (url, seen):
        headers = {"Authorization": f"Bearer {SECRET}"}
        server = McpServer(url=f"{url}?api_key={SECRET}", headers=headers, start_timeout_s=5)
        with pytest.raises(ConfigError, match="cannot be used") as caught:
            server.__enter__()
    assert SECRET not in caplog.text
    assert "did not answer" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value) + repr(caught.value.__cause__)
    assert seen[0]["Authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda body: (200, "application/json", b"x" * 33_000_000), "more than 32,000,000 bytes"),
        (lambda body: (200, "application/json", b"{}", ("content-encoding", "gzip")), "no message"),
        (lambda body: (200, "text/event-stream", b"data: {}", ("content-length", "1000")), "."),
        (lambda body: (503, "text/plain", b""), "503"),
    ],
    ids=["huge", "packed", "cut", "503"],
)
def test_a_bad_answer_fails_the_call_only(call, said):
    with answering(lambda body: usual(body, call)) as (url, _), McpServer(url=url, timeout_s=5) as server:
        for _ in range(2):
            with pytest.raises(ToolError, match=f"is gone .*{said}"):
                server.tools[0]()
