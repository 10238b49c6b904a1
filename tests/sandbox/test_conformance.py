"""What every sandbox must do, whatever confines it; each test attacks one property of running code."""

from __future__ import annotations

import asyncio

import pytest

from agentui.errors import SandboxError
from agentui.sandbox.base import Sandbox, SandboxPool
from tests.sandbox.conforming import CONFORMING, WITH_PACKAGES, ClosablePool
from tests.sandbox.conftest import ready_pool
from tests.sandbox.helpers import RecordingHost, fail, run


@pytest.fixture(params=CONFORMING)
async def pool(request: pytest.FixtureRequest, pools: dict[str, ClosablePool]) -> ClosablePool:
    return await ready_pool(request.param, pools)


async def test_names_persist_between_steps(sandbox: Sandbox, host: RecordingHost) -> None:
    await run(sandbox, host, "x = 40\ndef add(y): return x + y")
    result = await sandbox.execute("add(2)", host)
    assert (result.value, result.value_repr, result.is_final, result.error) == (42, "42", False, None)


async def test_only_a_last_bare_expression_has_a_value(sandbox: Sandbox, host: RecordingHost) -> None:
    result = await sandbox.execute("1 + 1\nx = 5", host)
    assert (result.value, result.value_repr) == (None, None)


async def test_the_module_is_main(sandbox: Sandbox, host: RecordingHost) -> None:
    code = "import sys\nclass C: pass\n__name__ == '__main__' and sys.modules[C.__module__].C is C"
    assert await run(sandbox, host, code) is True


async def test_await_works_at_the_top_level(sandbox: Sandbox, host: RecordingHost) -> None:
    assert await run(sandbox, host, "import asyncio\nasync def f(): return 3\nx = await f()\nawait f() + x") == 6


async def test_a_failure_inside_a_library_is_told_in_a_few_lines(sandbox: Sandbox, host: RecordingHost) -> None:
    result = await sandbox.execute("import json\njson.loads('{')", host)
    error = result.error
    assert error is not None
    assert error.traceback.count("\n") <= 8
    assert 'File "<step-1>", line 2' in error.traceback
    assert 'File "json/decoder.py"' in error.traceback
    assert "site-packages" not in error.traceback


async def test_a_mistake_in_the_syntax_names_its_line_and_no_file_of_the_host(
    sandbox: Sandbox, host: RecordingHost
) -> None:
    result = await sandbox.execute("x = 1\nsum(1 to 10)", host)
    assert result.error is not None
    assert 'File "<step-1>", line 2' in result.error.traceback
    assert "ast.py" not in result.error.traceback


async def test_a_traceback_names_the_lines_of_the_code_and_no_other(sandbox: Sandbox, host: RecordingHost) -> None:
    await run(sandbox, host, "def divide(a):\n    return a / 0")
    error = await fail(sandbox, host, "\n\ntry:\n    divide(1)\nexcept ZeroDivisionError:\n    raise KeyError('k')")
    assert (error.kind, error.message, error.line) == ("KeyError", "'k'", 6)
    assert 'File "<step-1>", line 2, in divide\n    return a / 0' in error.traceback
    assert "agentui" not in error.traceback


async def test_a_syntax_error_names_its_line(sandbox: Sandbox, host: RecordingHost) -> None:
    error = await fail(sandbox, host, "x = 1\ny = = 2")
    assert (error.kind, error.line) == ("SyntaxError", 2)
    assert "y = = 2" in error.traceback


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("raise SystemExit(3)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("def f(): f()\nf()", "RecursionError"),
        ("class E(Exception):\n    def __str__(self): raise ValueError\nraise E", "E"),
        ("class R:\n    def __repr__(self): raise ValueError\nR()", "ValueError"),
        ("eval('(' * 100_000 + ')' * 100_000)", "MemoryError"),
        ("raise ExceptionGroup('g', [ValueError(1), TypeError(2)])", "ExceptionGroup"),
        ("input('name? ')", "RuntimeError"),
        ("final_answer()", "TypeError"),
    ],
)
async def test_an_exception_of_any_kind_is_a_result_and_keeps_the_names(
    sandbox: Sandbox, host: RecordingHost, code: str, kind: str
) -> None:
    await run(sandbox, host, "x = 1")
    result = await sandbox.execute(code, host)
    assert result.error is not None
    assert result.error.kind in {kind, "SyntaxError"}
    assert not result.state_lost
    assert await run(sandbox, host, "x") == 1


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import os; os._exit(3)", "exit status 3"),
        ("import os; os.abort()", "SIGABRT"),
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        ("import os; os.closerange(3, 64)", "died"),
    ],
)
async def test_the_end_of_the_process_is_a_result_and_the_next_step_starts_afresh(
    sandbox: Sandbox, host: RecordingHost, code: str, message: str
) -> None:
    await run(sandbox, host, "x = 1")
    result = await sandbox.execute(code, host)
    assert result.error is not None
    assert (result.error.kind, result.state_lost) == ("WorkerDied", True)
    assert message in result.error.message or message == "died"
    after = await sandbox.execute("'x' in globals()", host)
    assert (after.value, after.state_lost) == (False, False)


@pytest.mark.parametrize(
    "call",
    [
        "final_answer(7)",
        "final_answer(answer=7)",
        "try:\n    final_answer(7)\nexcept Exception:\n    pass",
        "try:\n    final_answer(7)\nexcept:\n    pass\nfinal_answer(8)",
        "try:\n    final_answer(7)\nexcept BaseException:\n    raise ValueError",
        "def deep(n):\n    deep(n - 1) if n else final_answer(7)\ndeep(50)",
        "import asyncio\nasync def f(): final_answer(7)\nasyncio.create_task(f())\nawait asyncio.sleep(60)",
        "import threading, time\nthreading.Thread(target=lambda: final_answer(7)).start()\ntime.sleep(60)",
    ],
)
async def test_final_answer_ends_the_step_with_its_value(sandbox: Sandbox, host: RecordingHost, call: str) -> None:
    result = await sandbox.execute(call, host, timeout_s=10)
    assert (result.value, result.is_final, result.error, host.text()) == (7, True, None, "")


async def test_nothing_runs_after_final_answer(sandbox: Sandbox, host: RecordingHost) -> None:
    result = await sandbox.execute("for _ in range(2):\n    final_answer(_)\n    print('no')\nprint('no')", host)
    assert (result.value, result.value_repr, host.text()) == (0, "0", "")


async def test_a_name_that_hides_final_answer_is_gone_in_the_next_step(sandbox: Sandbox, host: RecordingHost) -> None:
    await run(sandbox, host, "final_answer = 'hidden'")
    result = await sandbox.execute("final_answer(1)", host)
    assert (result.value, result.is_final) == (1, True)


async def test_a_tool_named_final_answer_does_not_replace_it(pool: SandboxPool, host: RecordingHost) -> None:
    sandbox = await pool.open(tools=["final_answer"])
    result = await sandbox.execute("final_answer(1)", host)
    await sandbox.close()
    assert (result.is_final, host.calls) == (True, [])


async def test_a_line_is_seen_before_the_step_ends(sandbox: Sandbox, host: RecordingHost) -> None:
    task = asyncio.create_task(sandbox.execute("print('first')\nwait()", host))
    await host.called.wait()
    assert host.text() == "first\n"
    host.opened.set()
    assert (await task).value == "opened"


@pytest.mark.parametrize("code", ["print('.', end='')", "print('.', end='', flush=True)", "sys.stderr.write('.')"])
async def test_a_part_of_a_line_is_seen_while_the_code_goes_on(
    sandbox: Sandbox, host: RecordingHost, code: str
) -> None:
    task = asyncio.create_task(sandbox.execute(f"import sys, time\n{code}\ntime.sleep(60)", host))
    await host.printed.wait()
    task.cancel()
    await asyncio.wait({task})
    assert host.text() == "."


async def test_streams_keep_their_order_and_their_names(sandbox: Sandbox, host: RecordingHost) -> None:
    await run(sandbox, host, "import sys\nfor i in range(3):\n    print(i)\n    print(-i, file=sys.stderr)")
    assert (host.text(), host.text("stderr")) == ("0\n0\n1\n-1\n2\n-2\n", "0\n-1\n-2\n")


async def test_many_lines_arrive_whole(sandbox: Sandbox, host: RecordingHost) -> None:
    await run(sandbox, host, "for i in range(20_000): print(i)")
    assert host.text() == "".join(f"{i}\n" for i in range(20_000))


async def test_bytes_and_surrogates_are_shown(sandbox: Sandbox, host: RecordingHost) -> None:
    await run(sandbox, host, "import sys\nsys.stdout.buffer.write(b'a\\xff\\0')\nprint('\\ud800')\nNone")
    assert host.text() == "a\ufffd\u2400?\n"


@pytest.mark.parametrize("spoiled", ["o.close()", "o.write = lambda text: 0", "del o.buffer, o._output", "o.detach()"])
async def test_what_was_printed_to_is_printed_to_again_in_the_next_step(
    sandbox: Sandbox, host: RecordingHost, spoiled: str
) -> None:
    await sandbox.execute(f"import sys\no = sys.stdout\n{spoiled}", host)
    assert await run(sandbox, host, "print('a', file=o)\nsys.stdout.buffer.write(b'b')\no is sys.stdout") is True
    assert "".join(text for _, text in host.output_parts) == "a\nb"


async def test_output_is_cut_and_marked_and_the_code_goes_on(sandbox: Sandbox, host: RecordingHost) -> None:
    code = "for _ in range(3): print('ä' * 600)\nopened = 1\nopened"
    result = await sandbox.execute(code, host, max_output_bytes=1_000)
    assert result.value == 1
    assert host.text("stdout") == "ä" * 500
    assert host.text("stderr") == "\n… output cut after 1,000 bytes\n"


async def test_a_flood_of_output_is_cut_too(sandbox: Sandbox, host: RecordingHost) -> None:
    result = await sandbox.execute("for _ in range(300): print('x' * 1_000_000)\n1", host, max_output_bytes=1_000)
    assert (result.value, len(host.text("stdout"))) == (1, 1_000)


async def test_an_error_in_the_host_reaches_the_caller(sandbox: Sandbox, host: RecordingHost) -> None:
    with pytest.raises(LookupError, match="a bug in the host"):
        await sandbox.execute("crash()", host)
    assert (await sandbox.execute("1", host)).state_lost


async def test_calls_must_not_overlap(sandbox: Sandbox, host: RecordingHost) -> None:
    task = asyncio.create_task(sandbox.execute("wait()", host))
    await host.called.wait()
    with pytest.raises(SandboxError, match="overlap"):
        await sandbox.execute("1", host)
    with pytest.raises(SandboxError, match="overlap"):
        await sandbox.put({"x": 1})
    host.opened.set()
    assert (await task).value == "opened"


async def test_a_second_session_does_not_see_the_first(pool: SandboxPool, host: RecordingHost) -> None:
    first, second = await pool.open(), await pool.open()
    await first.execute("import json\nsecret = json.secret = 1", host)
    error = await fail(second, host, "import json\nhasattr(json, 'secret') or secret")
    await first.close()
    await second.close()
    assert error.kind == "NameError"


@WITH_PACKAGES
async def test_sessions_draw_different_random_numbers(pool: SandboxPool, host: RecordingHost) -> None:
    code = "import random, numpy\n(random.random(), numpy.random.random(), numpy.random.default_rng().random())"
    drawn: list[tuple[float, ...]] = []
    for _ in range(2):
        sandbox = await pool.open()
        drawn.append(await run(sandbox, host, code))
        await sandbox.close()
    assert len(set(drawn[0]) | set(drawn[1])) == 6


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("", None),
        ("\n  \n# nothing\n", None),
        ("x = 2\r\nx\r\n", None),
        ("x = '\ud800'", None),
        ("x = 1\0", "SyntaxError"),
        ("  x = 1", "IndentationError"),
        ("x = '" + "ä" * 1_000_000 + "'", None),
    ],
    ids=["empty", "blank", "CRLF", "surrogate", "NUL", "indented", "2 MB"],
)
async def test_code_of_any_kind_is_run_or_refused_and_keeps_the_names(
    sandbox: Sandbox, host: RecordingHost, code: str, kind: str | None
) -> None:
    await run(sandbox, host, "kept = 1")
    result = await sandbox.execute(code, host)
    assert (result.error.kind if result.error else None) in {kind, "ValueError" if kind else None}
    assert not result.state_lost
    assert await run(sandbox, host, "kept") == 1


async def test_closing_while_code_runs_ends_it(pool: ClosablePool, host: RecordingHost) -> None:
    sandbox = await pool.open()
    step = asyncio.create_task(sandbox.execute("print('on')\nwhile True: pass", host))
    await host.printed.wait()
    await sandbox.close()
    await sandbox.close()
    result = await step
    assert result.error is not None
    assert result.error.kind == "WorkerDied"
    with pytest.raises(SandboxError, match="closed"):
        await sandbox.execute("1", host)
    with pytest.raises(SandboxError, match="closed"):
        await sandbox.put({"x": 1})


async def test_the_promise_is_told_by_the_pool_and_by_its_sandboxes(sandbox: Sandbox, pool: ClosablePool) -> None:
    info = await pool.info()
    assert sandbox.info == info
    assert info.promise
    assert info.isolated == (info.tier != "U")
