"""Stopping code, by a cancelled call or a timeout: at once, and without loss where that is possible."""

from __future__ import annotations

import asyncio

import pytest

from agentui.sandbox.base import Sandbox
from tests.sandbox.conforming import CONFORMING, ClosablePool
from tests.sandbox.conftest import ready_pool
from tests.sandbox.helpers import (
    RecordingHost,
    stop_when_printing,
)

LOSES_ONE = """\
import signal, time
ours = signal.getsignal(signal.SIGINT)
signal.signal(signal.SIGINT, lambda *_: signal.signal(signal.SIGINT, ours))
print('on')
time.sleep(60)
"""
IMMUNE = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nprint('on')\nwhile True: pass"


@pytest.fixture(params=CONFORMING)
async def pool(request: pytest.FixtureRequest, pools: dict[str, ClosablePool]) -> ClosablePool:
    return await ready_pool(request.param, pools)


async def test_cancelling_stops_an_endless_loop_and_keeps_the_names(sandbox: Sandbox, host: RecordingHost) -> None:
    await sandbox.execute("x = 1", host)
    await stop_when_printing(sandbox, host, "print('on')\nwhile True: pass")
    result = await sandbox.execute("x", host)
    assert (result.value, result.state_lost) == (1, False)


@pytest.mark.parametrize(
    "code",
    [
        "import time\nprint('on')\ntime.sleep(60)",
        "import asyncio\nprint('on')\nawait asyncio.sleep(60)",
        "import threading\nprint('on')\nthreading.Event().wait()",
        "print('on')\nwait()",
        "class R:\n    def __repr__(self):\n        print('on')\n        while True: pass\nR()",
        "class E(Exception):\n    def __str__(self):\n        print('on')\n        while True: pass\nraise E",
        "while True: print('on')",
        LOSES_ONE,
    ],
)
async def test_cancelling_reaches_code_that_waits(sandbox: Sandbox, host: RecordingHost, code: str) -> None:
    await sandbox.execute("x = 1", host)
    await stop_when_printing(sandbox, host, code)
    result = await sandbox.execute("x", host)
    assert (result.value, result.state_lost) == (1, False)


async def test_what_cannot_be_interrupted_is_killed_and_the_loss_is_told(sandbox: Sandbox, host: RecordingHost) -> None:
    sandbox.grace_s = 0.05
    await sandbox.execute("x = 1", host)
    await stop_when_printing(sandbox, host, IMMUNE)
    result = await sandbox.execute("'x' in globals()", host)
    assert (result.value, result.state_lost) == (False, True)
    assert not (await sandbox.execute("1", host)).state_lost


async def test_a_timeout_is_a_result_and_keeps_the_names(sandbox: Sandbox, host: RecordingHost) -> None:
    result = await sandbox.execute("x = 1\nwhile True: pass", host, timeout_s=0.5)
    assert result.error is not None
    assert (result.error.kind, result.error.line, result.state_lost) == ("Timeout", 2, False)
    assert (await sandbox.execute("x", host)).value == 1


@pytest.mark.parametrize("code", [IMMUNE, "sum(range(10 ** 13))", "import os\nos.kill(os.getpid(), 19)"])
async def test_a_timeout_of_immune_code_loses_the_names(sandbox: Sandbox, host: RecordingHost, code: str) -> None:
    sandbox.grace_s = 0.05
    result = await sandbox.execute(code, host, timeout_s=0.2)
    assert result.error is not None
    assert (result.error.kind, result.state_lost) == ("Timeout", True)
    assert (await sandbox.execute("2", host)).value == 2


async def test_a_timeout_counts_tool_calls_and_cancels_them(sandbox: Sandbox, host: RecordingHost) -> None:
    result = await sandbox.execute("wait()", host, timeout_s=0.1)
    assert result.error is not None
    assert (result.error.kind, result.state_lost, host.cancelled_calls) == ("Timeout", False, 1)
    assert (await sandbox.execute("echo(3)", host)).value == 3


async def test_cancelling_before_the_code_has_started_is_safe(sandbox: Sandbox, host: RecordingHost) -> None:
    await sandbox.execute("x = 4", host)
    for turns in range(20):
        task = asyncio.create_task(sandbox.execute("while True: pass", host))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
    result = await sandbox.execute("x", host)
    assert (result.value, result.state_lost) == (4, False)
