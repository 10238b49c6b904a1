"""What every sandbox must do, whatever confines it; each test attacks one property."""

from __future__ import annotations

import asyncio

from agentui.sandbox.local import LocalSandboxPool
from agentui.sandbox.session import LocalSandbox
from tests.sandbox.helpers import RecordingHost


async def test_names_persist_between_steps(sandbox: LocalSandbox, host: RecordingHost) -> None:
    await sandbox.execute("x = 40\ndef add(y): return x + y", host)
    result = await sandbox.execute("add(2)", host)
    assert (result.value, result.value_repr, result.is_final, result.error) == (42, "42", False, None)


async def test_final_answer_ends_the_step_with_its_value(sandbox: LocalSandbox, host: RecordingHost) -> None:
    result = await sandbox.execute("try:\n    final_answer(7)\nexcept Exception:\n    pass\nprint('unreachable')", host)
    assert (result.value, result.is_final, host.text()) == (7, True, "")


async def test_a_line_is_seen_before_the_step_ends(sandbox: LocalSandbox, host: RecordingHost) -> None:
    task = asyncio.create_task(sandbox.execute("print('first')\nwait()", host))
    await host.called.wait()
    assert host.text() == "first\n"
    host.opened.set()
    assert (await task).value == "opened"


async def test_cancelling_stops_an_endless_loop_and_keeps_the_names(sandbox: LocalSandbox, host: RecordingHost) -> None:
    await sandbox.execute("x = 1", host)
    task = asyncio.create_task(sandbox.execute("print('on')\nwhile True: pass", host))
    await host.printed.wait()
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert (await sandbox.execute("x", host)).value == 1


async def test_a_timeout_is_a_result(sandbox: LocalSandbox, host: RecordingHost) -> None:
    result = await sandbox.execute("while True: pass", host, timeout_s=0.1)
    assert result.error is not None
    assert (result.error.kind, result.error.line, result.state_lost) == ("Timeout", 1, False)


async def test_a_second_session_does_not_see_the_first(pool: LocalSandboxPool, host: RecordingHost) -> None:
    first, second = await pool.open(), await pool.open()
    await first.execute("secret = 1", host)
    result = await second.execute("secret", host)
    await first.close()
    await second.close()
    assert result.error is not None
    assert result.error.kind == "NameError"
