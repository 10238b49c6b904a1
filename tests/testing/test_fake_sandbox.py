"""FakeSandbox keeps the promises of `Sandbox` that unit tests build on."""

from __future__ import annotations

import asyncio

import pytest

from agentui.errors import SandboxError, SandboxUnavailable, ToolError
from agentui.sandbox.base import Artifact, ExecResult, Sandbox, SandboxPool
from agentui.testing import FakePool, FakeSandbox, Gate


class Host:
    """Keeps what the code did."""

    def __init__(self):
        self.printed = []
        self.artifacts = []
        self.changes = []
        self.calls = []
        self.gate = Gate()
        self.has_printed = asyncio.Event()

    def output(self, stream, text):
        self.printed.append((stream, text))
        self.has_printed.set()

    def overflow(self, text):
        self.printed.append(("overflow", text))

    def artifact(self, artifact):
        self.artifacts.append(artifact)

    def changed(self, change):
        self.changes.append(change)

    async def call_tool(self, name, args, kwargs):
        self.calls.append((name, args, kwargs))
        match name:
            case "double":
                return 2 * args[0]
            case "wait":
                await self.gate.wait()
        raise ToolError("no such luck")


@pytest.fixture
def host():
    return Host()


@pytest.fixture
def sandbox():
    fake: Sandbox = FakeSandbox(tools=["double", "fail", "wait"])
    return fake


async def test_names_persist_between_calls_and_the_last_expression_is_the_value(sandbox, host):
    assert await sandbox.execute("x = 17\ndef f(y):\n    return x * y", host) == ExecResult(
        duration_s=pytest.approx(0, abs=9)
    )
    result = await sandbox.execute("f(23)", host)
    assert (result.value, result.value_repr, result.is_final) == (391, "391", False)


async def test_final_answer_ends_the_code(sandbox, host):
    result = await sandbox.execute("try:\n    final_answer(1)\nexcept Exception:\n    pass\nprint('never')", host)
    assert (result.value, result.is_final, result.error) == (1, True, None)
    assert host.printed == []
    assert (await sandbox.execute("final_answer(answer=None)", host)).is_final
    result = await sandbox.execute("final_answer(1, 2)", host)
    assert (result.is_final, result.error.kind) == (False, "TypeError")


async def test_print_arrives_live_and_in_order(sandbox, host):
    await sandbox.execute("import sys\nprint('a', 1, sep='-')\nprint('b', end='', file=sys.stderr)", host)
    await sandbox.execute("double(1)\nprint(); print('c', flush=True)", host)
    assert host.printed == [("stdout", "a-1\n"), ("stderr", "b"), ("stdout", "\n"), ("stdout", "c\n")]


async def test_output_beyond_the_limit_is_cut_once_and_says_so(sandbox, host):
    await sandbox.execute("for _ in range(5):\n    print('äää', end='')", host, max_output_bytes=9)
    assert [text for _, text in host.printed] == ["äää", "ä\n[output cut at 9 bytes]\n"]


async def test_an_exception_is_a_result_with_the_traceback_of_the_code_alone(sandbox, host):
    await sandbox.execute("def half(x):\n    return x / 0", host)
    error = (await sandbox.execute("y = 1\nhalf(y)", host)).error
    assert (error.kind, error.message, error.line) == ("ZeroDivisionError", "division by zero", 2)
    assert error.traceback.splitlines()[:5] == [
        "Traceback (most recent call last):",
        '  File "<step-2>", line 2, in <module>',
        "    half(y)",
        '  File "<step-1>", line 2, in half',
        "    return x / 0",
    ]
    assert "agentui" not in error.traceback


@pytest.mark.parametrize(
    ("code", "kind"), [("x = (", "SyntaxError"), ("raise SystemExit(3)", "SystemExit"), ("1/0", "ZeroDivisionError")]
)
async def test_every_way_to_fail_is_a_result(sandbox, host, code, kind):
    result = await sandbox.execute(code, host)
    assert result.error.kind == kind
    assert (await sandbox.execute("1 + 1", host)).value == 2


async def test_tools_run_in_the_host_and_their_errors_reach_the_code(sandbox, host):
    result = await sandbox.execute("double(21)", host)
    assert result.value == 42
    result = await sandbox.execute("fail(why='x')", host)
    assert (result.error.kind, result.error.message) == ("RuntimeError", "no such luck")
    assert host.calls == [("double", (21,), {}), ("fail", (), {"why": "x"})]


@pytest.mark.parametrize("code", ["while True: pass", "wait()"])
async def test_cancelling_ends_code_and_tool_calls_and_keeps_the_names(sandbox, host, code):
    running = asyncio.create_task(sandbox.execute(f"x = 5\nprint('running')\n{code}", host))
    await host.has_printed.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await sandbox.execute("x", host)).value == 5


async def test_a_timeout_is_a_result(sandbox, host):
    result = await sandbox.execute("while True: pass", host, timeout_s=0.01)
    assert result.error.kind == "Timeout"
    assert (await sandbox.execute("1", host)).value == 1


async def test_put_sets_names(sandbox, host):
    await sandbox.put({"n": 17})
    assert (await sandbox.execute("n * 23", host)).value == 391


async def test_a_closed_sandbox_runs_nothing_and_closing_ends_the_code(sandbox, host):
    running = asyncio.create_task(sandbox.execute("print('running')\nwhile True: pass", host))
    await host.has_printed.wait()
    await sandbox.close()
    await sandbox.close()
    assert (await running).error.kind == "KeyboardInterrupt"
    with pytest.raises(SandboxUnavailable):
        await sandbox.execute("1", host)


async def test_scripted_results_take_the_place_of_running(host):
    gate = Gate()
    picture = Artifact(artifact_id="a", name="plot.png", media_type="image/png", data=b"x")
    sandbox = FakeSandbox(results=[["one\n", picture, gate, "two\n", ExecResult(value=3)], [SandboxError("gone")], []])
    running = asyncio.create_task(sandbox.execute("plot()", host))
    await gate.reached
    assert (host.printed, host.artifacts) == ([("stdout", "one\n")], [picture])
    gate.open()
    assert (await running).value == 3
    with pytest.raises(SandboxError, match="gone"):
        await sandbox.execute("two()", host)
    assert await sandbox.execute("three()", host) == ExecResult()
    assert (await sandbox.execute("2 + 2", host)).value == 4
    assert sandbox.executed == ["plot()", "two()", "three()", "2 + 2"]


async def test_a_pool_opens_sandboxes_that_share_nothing(host):
    pool = FakePool(results=[[["scripted\n"]]])
    as_pool: SandboxPool = pool
    first, second = await as_pool.open(), await as_pool.open(tools=["double"])
    await first.execute("x = 1", host)
    assert host.printed == [("stdout", "scripted\n")]
    await first.execute("x = 1", host)
    assert (await second.execute("x", host)).error.kind == "NameError"
    assert (await second.execute("double(2)", host)).value == 4
    assert not (await as_pool.info()).isolated
    await as_pool.close()
    assert [sandbox.closed for sandbox in pool.opened] == [True, True]
    with pytest.raises(SandboxUnavailable):
        await as_pool.open()


async def test_a_pool_that_offers_nothing_says_why():
    with pytest.raises(SandboxUnavailable, match="no Landlock"):
        await FakePool(error=SandboxUnavailable("no Landlock")).open()


async def test_several_sandboxes_run_at_once_without_mixing():
    hosts, sandboxes = [Host() for _ in range(4)], [FakeSandbox() for _ in range(4)]
    codes = [f"for i in range(50): print({number})" for number in range(4)]
    await asyncio.gather(*(s.execute(c, h) for s, c, h in zip(sandboxes, codes, hosts, strict=True)))
    for number, host in enumerate(hosts):
        assert host.printed == [("stdout", f"{number}\n")] * 50
