"""Tools of MCP servers that are child processes: real ones, good and bad."""

import asyncio
import os
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from agentui import CodeAgent, McpServer, ScriptedModel, mcp_tools
from agentui.errors import ConfigError, ToolError
from agentui.testing import FakePool
from tests.serving import eventually

HERE = Path(__file__).parent
GOOD = [sys.executable, str(HERE / "good_server.py")]
SECRET = "sk-planted-secret-value"


def bad(how, **options):
    return McpServer([sys.executable, str(HERE / "bad_server.py"), how], **{"timeout_s": 5, **options})


def named(tools):
    return {tool.name: tool for tool in tools}


def gone(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


@pytest.fixture(scope="module")
def good():
    with McpServer(GOOD) as server:
        yield named(server.tools)


def test_tools_are_functions_with_types_and_words(good):
    assert good["add"].as_prompt() == (
        'def add(a: int, b: int = 1) -> Any:\n    """Add two numbers.\n\n    Args:\n        a: a\n        b: b\n    """'
    )
    shape = good["shape"].as_prompt()
    assert "points: list[dict], kind: Literal['line', 'area'] = 'line', label: str | None = None" in shape
    assert good["shape"].as_schema()["function"]["parameters"]["$defs"]["Point"]["type"] == "object"


def test_names_that_python_does_not_take_are_changed(good):
    assert {"read_file_v2", "list_"} <= set(good)
    assert good["read_file_v2"]() == "read"
    assert good["list_"]("b") == ["a", "b"]


def test_values_come_back_as_they_are(good):
    assert good["add"](2) == 3
    assert good["add"](a=np.int64(2), b=np.array(5)) == 7
    points = [{"x": 1}]
    assert good["shape"](points, label=None) == {
        "count": 1,
        "kind": "line",
        "label": None,
        "first": {"x": 1, "y": 0},
    }
    image = good["picture"](3)
    assert (image.size, image.getpixel((0, 0))) == ((3, 2), (255, 0, 0))
    assert len(good["large"](5_000_000)) == 5_000_000


@pytest.mark.parametrize(
    ("args", "kwargs", "said"),
    [
        ((), {}, "needs argument 'a'"),
        ((1, 2, 3), {}, "takes 2 arguments"),
        ((1,), {"a": 1}, "twice"),
        ((1,), {"c": 1}, "no argument 'c'"),
        (({1},), {}, "no JSON value"),
        ((float("nan"),), {}, "no JSON value"),
        (("many",), {}, "valid integer"),
    ],
)
def test_wrong_arguments_are_one_line(good, args, kwargs, said):
    with pytest.raises(ToolError, match=said) as caught:
        good["add"](*args, **kwargs)
    assert "\n" not in str(caught.value)


def test_an_error_of_the_tool_is_its_text(good):
    with pytest.raises(ToolError, match="no such thing"):
        good["fail"]("no such thing")


def test_nothing_of_our_environment_reaches_the_server(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    with McpServer(GOOD, env={"GIVEN": "yes"}) as server:
        found = named(server.tools)["environment"]()
    assert set(found) - {"LC_CTYPE"} == {"PATH", "HOME", "GIVEN"}


def test_secrets_are_shown_nowhere():
    with McpServer(GOOD, env={"TOKEN": SECRET}) as server:
        tools = named(server.tools)
        assert SECRET not in repr(server) + repr(server.tools) + str(vars(server)["_where"])
        assert SECRET not in str(tools["environment"]())
        for name in ("fail", "die"):
            with pytest.raises(ToolError) as caught:
                tools[name](f"with {SECRET} in it")
            assert SECRET not in str(caught.value)
            assert "with [redacted] in it" in str(caught.value)


def test_a_server_that_dies_fails_one_call_and_comes_back():
    with McpServer(GOOD) as server:
        tools = named(server.tools)
        first = tools["process"]()
        with pytest.raises(ToolError, match="'good' is gone .*exit status 7; out of paper"):
            tools["die"]("out of paper")
        second = tools["process"]()
        os.kill(second, 9)
        assert eventually(lambda: gone(second))
    assert first != second


def test_the_process_ends_with_the_block():
    with McpServer(GOOD) as server:
        tools = named(server.tools)
        pid = tools["process"]()
        assert not gone(pid)
    assert gone(pid)
    with pytest.raises(ToolError, match="is closed"):
        tools["process"]()


@pytest.mark.parametrize("how", ["stays", "child"])
def test_a_server_that_does_not_want_to_end_is_ended_with_its_children(how):
    def ours():
        found = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = status.read_text(encoding="utf-8").rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if fields[0] != "Z":
                found.append((int(status.parent.name), int(fields[2])))
        return found

    before = {pid for pid, _ in ours()}
    with bad(how) as server:
        assert named(server.tools)["fine"]() == "{}"
        words = str(HERE / "bad_server.py")
        leaders = [
            pid
            for pid, group in ours()
            if pid not in before
            and pid == group
            and words in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").split("\0")
        ]
        assert len(leaders) == 1
    assert eventually(lambda: not [pid for pid, group in ours() if group == leaders[0]])


async def test_a_cancelled_call_is_cancelled_there(tmp_path):
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    async with McpServer(GOOD) as server:
        tools = named(server.tools)
        call = asyncio.create_task(tools["hang"].call([str(begun), str(ended)], {}))
        assert await asyncio.to_thread(eventually, begun.exists)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await asyncio.to_thread(eventually, ended.exists)
        assert await tools["add"].call([1], {}) == 2


def test_a_call_that_takes_too_long_ends_and_is_cancelled_there(tmp_path):
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    with McpServer(GOOD, timeout_s=1.0) as server:
        tools = named(server.tools)
        with pytest.raises(ToolError, match=r"did not answer hang\(\) in 1 s"):
            tools["hang"](str(begun), str(ended))
        assert eventually(ended.exists)
        assert tools["add"](1) == 2


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("dies", "cannot be used: exit status 1; .*not a message.*; no database"),
        ("hangs", r"did not answer in 3 s \(it printed 'not a message"),
        ("garbage", "protocol does not allow|ValidationError"),
    ],
)
def test_a_server_that_cannot_be_used_is_one_clear_line(how, said):
    with pytest.raises(ConfigError, match=said) as caught, bad(how, start_timeout_s=3.0 if how == "hangs" else 10.0):
        pass
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("command", ["no-such-program-here --x", "", "'unclosed"])
def test_what_is_no_command_is_one_clear_line(command):
    with pytest.raises(ConfigError, match=r"no-such-program-here|empty|split"), McpServer(command):
        pass


def test_tools_that_are_none_are_left_out_and_named(caplog):
    with bad("fine") as server:
        tools = named(server.tools)
        assert set(tools) == {"fine", "odd", "fine_2"}
        assert set(server.left_out) == {"text", "array", "without a name"}
        assert "is no object" in server.left_out["text"]
        assert tools["fine"](a_b=1, a_b_2="x") == '{"a b": 1, "a-b": "x"}'
        assert tools["fine"](**{"a b": 2}) == '{"a b": 2}'
        assert tools["odd"](y=[1]) == '{"y": [1]}'
        assert "x: Any = None, y: Any = None" in tools["odd"].as_prompt()
    assert caplog.messages


def test_an_endless_list_of_tools_ends():
    with bad("endless") as server:
        assert 100 < len(server.tools) <= 1_000


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("huge", "32,000,000 bytes at once"),
        ("wrong", "protocol does not allow"),
        ("picture", "picture that cannot be read"),
    ],
)
def test_answers_that_are_none_fail_the_call_only(how, said):
    with bad(how) as server:
        tool = named(server.tools)["fine"]
        for _ in range(2):
            with pytest.raises(ToolError, match=said):
                tool()


def test_a_nested_answer_is_skipped():
    with bad("deep") as server:
        assert named(server.tools)["fine"]() == "after"


def test_tools_of_two_servers_are_told_apart():
    one, two = (McpServer(GOOD, env={"SERVER_NAME": name}) for name in ("files", "web-1"))
    with mcp_tools(one, two, bad("fine"), taken={"fine"}) as tools:
        found = named(tools)
        assert {"files_add", "web_1_add", "bad_fine", "odd", "fine_2"} <= set(found)
        assert "add" not in found
        assert found["files_process"]() != found["web_1_process"]()


def test_one_server_that_fails_ends_the_others():
    server = McpServer(GOOD)
    with pytest.raises(ConfigError), mcp_tools(server, "no-such-program-here"):
        pass
    assert server.tools == ()


def test_an_agent_calls_them_from_its_code():
    model = ScriptedModel(["<code>final_answer(add(20, b=22))</code>"])
    with mcp_tools(shlex.join(GOOD)) as tools:
        result = CodeAgent(tools=tools, model=model, sandbox_pool=FakePool()).run("Add", return_full_result=True)
    assert result.output == 42
    (finished,) = [record.event for record in result.records if record.event.type == "tool_call_finished"]
    assert (finished.result, finished.error) == (42, None)
