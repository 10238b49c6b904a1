"""`--mcp`: tools of MCP servers on the command line."""

import json
import shlex
import sys
from pathlib import Path

import pytest

from agentui.testing import serve_chat
from agentui.usage import TokenUsage

SERVERS = Path(__file__).parent.parent / "mcp_servers"
GOOD = shlex.join([sys.executable, str(SERVERS / "good_server.py")])
BAD = shlex.join([sys.executable, str(SERVERS / "bad_server.py"), "dies"])
pytestmark = pytest.mark.timeout(60)


def on(server):
    return ["--base-url", server.base_url, "--model", "m"]


def test_the_code_calls_tools_of_servers(agentui, monkeypatch):
    monkeypatch.setenv("SERVER_NAME", "named")
    code = "<code>\nfound = environment()\nfinal_answer([add(20, b=22), found.get('OTHER'), sorted(found)])\n</code>"
    monkeypatch.setenv("OTHER", "not for it")
    with serve_chat([code, TokenUsage(40, 9)]) as server:
        done = agentui("run", "Add", "--json", "--mcp", GOOD, "--mcp-env", "SERVER_NAME", *on(server))
    assert done.returncode == 0, done.stderr
    records = [json.loads(line)["event"] for line in done.stdout.splitlines()]
    assert records[-1]["output"][:2] == [42, None]
    assert set(records[-1]["output"][2]) - {"LC_CTYPE"} == {"PATH", "HOME", "SERVER_NAME"}
    assert "add" in records[0]["tools"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--mcp", BAD], "no database"),
        (["--mcp", "no-such-program-here"], "cannot be started"),
        (["--mcp", "http://127.0.0.1:1/mcp"], "cannot be used"),
        (["--mcp", GOOD, "--mcp-env", "NOT_SET_ANYWHERE"], "NOT_SET_ANYWHERE is not set"),
    ],
)
def test_a_server_that_cannot_be_used_is_one_line(agentui, words, said):
    with serve_chat() as server:
        done = agentui("run", "Add", *words, *on(server))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert said in done.stderr


def test_an_agent_of_ones_own_brings_its_tools_itself(agentui):
    done = agentui("serve", "my_agents:researcher", "--mcp", GOOD)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "mcp_tools" in done.stderr


def test_the_page_says_that_visitors_share_the_tools(agentui):
    assert "all visitors share" in " ".join(agentui("serve", "--help").stdout.split())
