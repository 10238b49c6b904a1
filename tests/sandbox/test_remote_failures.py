"""Remote sandboxes when something fails: one clear line, no machine left behind, and no step that hangs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from huggingface_hub.errors import HfHubHTTPError, SandboxError

from agentui.errors import SandboxError as OurSandboxError
from agentui.errors import SandboxUnavailable
from agentui.sandbox.remote import HuggingFaceSandboxPool
from tests.sandbox.conforming import remote_pool
from tests.sandbox.helpers import TOOLS, RecordingHost, run
from tests.sandbox.stand_in import TOKEN, Mode, StandInSandbox

FOREVER = "print('on')\nimport time\ntime.sleep(60)"

pytestmark = pytest.mark.timeout(60)
"Starting machines takes its time where other work is running."


@pytest.fixture
async def pool(machines: type[StandInSandbox]) -> AsyncIterator[HuggingFaceSandboxPool]:
    made = remote_pool(machines, patience_s=0.3)
    yield made
    await made.close()
    assert all(machine.killed.is_set() for machine in machines.made)


def program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="ascii")
    path.chmod(0o755)
    return str(path)


def refusal(status: int) -> HfHubHTTPError:
    request = httpx2.Request("POST", "https://huggingface.co/api/jobs")
    return HfHubHTTPError(f"{status} for {TOKEN}\nmore", response=httpx2.Response(status, request=request))


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (refusal(401), "set HF_TOKEN"),
        (refusal(402), "no credit"),
        (refusal(403), "right to run jobs"),
        (refusal(429), "too many"),
        (httpx2.ConnectError(f"no route, {TOKEN}"), "ConnectError: no route"),
        (SandboxError(f"Sandbox job did not become ready within 120s. {TOKEN}"), "did not become ready"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
async def test_a_service_that_refuses_is_told_in_a_line_without_the_token(
    pool: HuggingFaceSandboxPool, machines: type[StandInSandbox], error: Exception, hint: str
) -> None:
    machines.create_error = error
    with pytest.raises(SandboxUnavailable, match="no virtual machine was started") as caught:
        await pool.open()
    text = str(caught.value)
    assert hint in text
    assert TOKEN not in text
    assert "\n" not in text
    assert caught.value.__cause__ is None


async def test_a_program_that_does_not_start_says_why(machines: type[StandInSandbox], tmp_path: Path) -> None:
    pool = remote_pool(
        machines, python=program(tmp_path / "python", "echo first\necho 'no module named venus' >&2\nexit 1")
    )
    with pytest.raises(SandboxUnavailable, match="ended: no module named venus"):
        await pool.open()
    assert machines.made[0].killed.is_set()
    await pool.close()


async def test_a_program_that_is_too_slow_is_given_up(machines: type[StandInSandbox], tmp_path: Path) -> None:
    pool = remote_pool(
        machines, python=program(tmp_path / "python", "echo installing\nexec sleep 60"), start_timeout_s=0.5
    )
    with pytest.raises(SandboxUnavailable, match=r"not ready within 0.5 s: installing"):
        await pool.open()
    assert machines.made[0].killed.is_set()
    await pool.close()


async def test_a_slow_service_is_waited_for(pool: HuggingFaceSandboxPool, machines: type[StandInSandbox]) -> None:
    gate = threading.Event()
    machines.creating = staticmethod(gate.wait)
    opening = asyncio.create_task(pool.open())
    await asyncio.sleep(0)
    gate.set()
    assert (await opening).info.tier == "R"


@pytest.mark.parametrize("how", ["close the pool", "cancel the call"])
async def test_a_machine_that_comes_when_nobody_wants_it_any_more_is_ended(
    pool: HuggingFaceSandboxPool, machines: type[StandInSandbox], how: str
) -> None:
    creating, gate = threading.Event(), threading.Event()

    def create() -> None:
        creating.set()
        gate.wait()

    machines.creating = staticmethod(create)
    opening = asyncio.create_task(pool.open())
    assert await asyncio.to_thread(creating.wait, 15)
    closing = asyncio.create_task(pool.close()) if how == "close the pool" else None
    if closing is None:
        opening.cancel()
    await asyncio.sleep(0)
    gate.set()
    await asyncio.wait({opening})
    assert opening.cancelled() or isinstance(opening.exception(), SandboxUnavailable)
    await (closing or pool.close())
    assert machines.made[0].killed.is_set()
    with pytest.raises(SandboxUnavailable, match="closed"):
        await pool.open()


async def test_closing_while_the_program_starts_does_not_wait_for_it(
    machines: type[StandInSandbox], tmp_path: Path
) -> None:
    pool = remote_pool(machines, python=program(tmp_path / "python", "exec sleep 60"))
    made = threading.Event()
    machines.creating = staticmethod(made.set)
    opening = asyncio.create_task(pool.open())
    assert await asyncio.to_thread(made.wait, 15)
    await pool.close()
    with pytest.raises(SandboxUnavailable):
        await opening
    assert machines.made[0].killed.is_set()


async def test_a_machine_that_dies_in_a_step_is_told_and_replaced(
    pool: HuggingFaceSandboxPool, machines: type[StandInSandbox], host: RecordingHost
) -> None:
    sandbox = await pool.open()
    step = asyncio.create_task(sandbox.execute(FOREVER, host))
    await host.printed.wait()
    await asyncio.to_thread(machines.made[0].die)
    result = await step
    assert result.error is not None
    assert (result.error.kind, result.state_lost) == ("WorkerDied", True)
    assert "its virtual machine was lost: " in result.error.message
    assert await run(sandbox, host, "2") == 2
    assert len(machines.made) == 2


async def test_a_machine_that_died_between_steps_is_told_and_replaced(
    pool: HuggingFaceSandboxPool, machines: type[StandInSandbox], host: RecordingHost
) -> None:
    sandbox = await pool.open()
    await run(sandbox, host, "x = 1")
    await asyncio.to_thread(machines.made[0].die)
    result = await sandbox.execute("x", host)
    assert result.state_lost
    assert await run(sandbox, host, "2") == 2


@pytest.mark.parametrize("mode", ["garbage", "cut", "unreachable", "flood"])
async def test_a_connection_that_breaks_for_good_ends_the_step(
    pool: HuggingFaceSandboxPool, machines: type[StandInSandbox], host: RecordingHost, mode: Mode
) -> None:
    sandbox = await pool.open(tools=TOOLS)
    step = asyncio.create_task(sandbox.execute("wait()", host))
    await host.called.wait()
    machines.made[0].mode = mode
    host.opened.set()
    result = await step
    assert result.error is not None
    assert (result.error.kind, result.state_lost) == ("WorkerDied", True)
    assert "its virtual machine was lost" in result.error.message
    assert TOKEN not in repr(result)
    assert await run(sandbox, host, "2") == 2


@pytest.mark.parametrize("mode", ["garbage", "cut", "unreachable"])
async def test_a_connection_that_comes_back_costs_nothing(
    machines: type[StandInSandbox], host: RecordingHost, mode: Mode
) -> None:
    pool = remote_pool(machines)
    sandbox = await pool.open(tools=TOOLS)
    [machine] = machines.made
    step = asyncio.create_task(sandbox.execute("x = wait()\nfor i in range(300): print(i)\n[echo(x), echo(2)]", host))
    await host.called.wait()
    machine.mode, before = mode, machine.requests
    host.opened.set()
    await asyncio.to_thread(machine.wait_for_requests, before + 3)
    machine.mode = "pass"
    result = await step
    assert (result.value, result.state_lost, result.error) == (["opened", 2], False, None)
    assert host.text() == "".join(f"{i}\n" for i in range(300))
    assert [name for name, _, _ in host.calls] == ["wait", "echo", "echo"]
    await pool.close()


async def test_a_stalled_connection_does_not_outlast_the_time_limit(
    pool: HuggingFaceSandboxPool, machines: type[StandInSandbox], host: RecordingHost
) -> None:
    sandbox = await pool.open(tools=TOOLS)
    sandbox.grace_s = 0.1
    step = asyncio.create_task(sandbox.execute("wait()", host, timeout_s=1.0))
    await host.called.wait()
    machines.made[0].mode = "stall"
    result = await step
    assert result.error is not None
    assert (result.error.kind, result.state_lost) == ("Timeout", True)


async def test_a_step_can_be_stopped_while_the_connection_stalls(
    pool: HuggingFaceSandboxPool, machines: type[StandInSandbox], host: RecordingHost
) -> None:
    sandbox = await pool.open()
    sandbox.grace_s = 0.1
    step = asyncio.create_task(sandbox.execute(FOREVER, host))
    await host.printed.wait()
    machines.made[0].mode = "stall"
    step.cancel()
    await asyncio.wait({step})
    assert step.cancelled()


async def test_closing_while_the_connection_stalls_ends_the_machine(
    pool: HuggingFaceSandboxPool, machines: type[StandInSandbox], host: RecordingHost
) -> None:
    sandbox = await pool.open()
    step = asyncio.create_task(sandbox.execute(FOREVER, host))
    await host.printed.wait()
    machines.made[0].mode = "stall"
    await sandbox.close()
    assert machines.made[0].killed.is_set()
    result = await step
    assert result.error is not None
    assert result.error.kind == "WorkerDied"


async def test_files_of_a_machine_that_stalls_do_not_hold_up_the_session(
    pool: HuggingFaceSandboxPool, machines: type[StandInSandbox], host: RecordingHost
) -> None:
    sandbox = await pool.open(tools=TOOLS)
    step = asyncio.create_task(sandbox.execute("for n in range(3): open(f'{n}.txt', 'w').close()\nwait()", host))
    await host.called.wait()
    machines.made[0].mode = "unreachable"
    host.opened.set()
    result = await step
    assert (result.state_lost, host.artifacts) == (True, [])
    assert await run(sandbox, host, "2") == 2


async def test_files_of_any_name_are_kept(pool: HuggingFaceSandboxPool, host: RecordingHost) -> None:
    sandbox = await pool.open()
    await run(sandbox, host, "for name in [b'\\xff.txt', b'a b\\n.txt']: open(name, 'w').write('x')")
    assert [artifact.data for artifact in host.artifacts] == [b"x", b"x"]


async def test_a_machine_that_does_not_want_to_end_is_asked_again(machines: type[StandInSandbox]) -> None:
    machines.kill_failures = 2
    pool = remote_pool(machines)
    sandbox = await pool.open()
    await sandbox.close()
    assert machines.made[0].killed.is_set()
    with pytest.raises(OurSandboxError, match="closed"):
        await sandbox.put({"x": 1})
    await pool.close()
