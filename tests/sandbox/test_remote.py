"""Remote sandboxes when all goes well: what the machine is given, what it is not, and when it is ended."""

from __future__ import annotations

import asyncio
import inspect
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub._sandbox import SandboxFiles

from agentui.agent import CodeAgent
from agentui.errors import SandboxUnavailable
from agentui.models.scripted import ScriptedModel
from agentui.sandbox.remote import HuggingFaceSandboxPool
from agentui.sandbox.remote_bundle import bundle
from agentui.sandbox.remote_machine import MachineOptions, start_machine
from tests.sandbox.conforming import remote_pool
from tests.sandbox.helpers import RecordingHost, run, state_of
from tests.sandbox.stand_in import TOKEN, StandInFiles, StandInSandbox

pytestmark = pytest.mark.timeout(60)
"Starting machines takes its time where other work is running."


@pytest.fixture
async def pool(machines: type[StandInSandbox]) -> AsyncIterator[HuggingFaceSandboxPool]:
    made = remote_pool(machines)
    yield made
    await made.close()
    assert all(machine.killed.is_set() for machine in machines.made)


@pytest.mark.parametrize("name", ["create", "run", "processes", "proxy_url_for", "kill", "files.read", "files.write"])
def test_the_stand_in_has_the_signatures_of_the_real_one(name: str) -> None:
    real, ours = (SandboxFiles, StandInFiles) if "." in name else (huggingface_hub.Sandbox, StandInSandbox)
    attribute = name.rpartition(".")[2]
    real_method = huggingface_hub.Sandbox._kill if name == "kill" else getattr(real, attribute)
    described = [
        [(item.name, item.kind, item.default) for item in inspect.signature(method).parameters.values()]
        for method in (real_method, getattr(ours, attribute))
    ]
    assert described[0] == described[1]
    assert isinstance(inspect.getattr_static(huggingface_hub.Sandbox, "proxy_headers"), property)


def test_nothing_of_it_is_imported_before_it_is_chosen() -> None:
    code = "import sys, agentui; sys.exit('huggingface_hub' in sys.modules or 'agentui.sandbox.remote' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=15)


async def test_the_machine_is_given_no_secret(
    pool: HuggingFaceSandboxPool, machines: type[StandInSandbox], monkeypatch: pytest.MonkeyPatch, host: RecordingHost
) -> None:
    monkeypatch.setenv("AGENTUI_CANARY", "canary")
    sandbox = await pool.open()
    [machine] = machines.made
    assert machine.arguments["forward_hf_token"] is False
    assert (machine.arguments["env"], machine.arguments["secrets"]) == (None, None)
    assert machine.arguments["idle_timeout"] == 600.0
    held = b"".join(path.read_bytes() for root in machine.files.made for path in root.rglob("*") if path.is_file())
    for secret in (TOKEN, "canary"):
        assert secret.encode() not in held + bundle()
        assert secret not in str(await run(sandbox, host, "import os\ndict(os.environ)"))
        assert secret not in repr(machine.processes())
    info = await pool.info()
    assert (info.tier, info.isolated, TOKEN in repr(info)) == ("R", True, False)


async def test_a_session_keeps_its_machine_and_shares_it_with_none(
    pool: HuggingFaceSandboxPool, machines: type[StandInSandbox], host: RecordingHost
) -> None:
    first, second = await pool.open(), await pool.open()
    died = await first.execute("import os\nos._exit(3)", host)
    assert died.state_lost
    assert await run(first, host, "1") == 1
    assert len(machines.made) == 2
    await first.close()
    assert [machine.killed.is_set() for machine in machines.made] == [True, False]
    assert await run(second, host, "2") == 2


async def test_an_agent_uses_it(pool: HuggingFaceSandboxPool, machines: type[StandInSandbox]) -> None:
    model = ScriptedModel(["```python\nfinal_answer(6 * 7)\n```"])
    agent = CodeAgent(tools=[], model=model, sandbox_pool=pool)
    result = await agent.start("What is 6 * 7?").wait()
    assert result.output == 42
    assert len(machines.made) == 1


async def test_nothing_is_asked_for_while_no_step_runs(
    pool: HuggingFaceSandboxPool, machines: type[StandInSandbox], host: RecordingHost
) -> None:
    sandbox = await pool.open()
    await run(sandbox, host, "import threading, sys\nthreading.Thread(target=print, daemon=True).start()")
    [machine] = machines.made
    # The next step asks again; what the host had asked for before it was answered by then.
    await run(sandbox, host, "1")
    assert machine.requests < 40


async def test_an_idle_machine_is_ended_and_the_loss_is_told(
    machines: type[StandInSandbox], host: RecordingHost
) -> None:
    pool = remote_pool(machines, idle_timeout_s=0.5)
    sandbox = await pool.open()
    await run(sandbox, host, "x = 1")
    assert await asyncio.to_thread(machines.made[0].killed.wait, 15)
    result = await sandbox.execute("'x' in globals()", host)
    assert (result.value, result.state_lost) == (False, True)
    assert len(machines.made) == 2
    await pool.close()


async def test_a_step_that_takes_longer_than_the_idle_time_is_not_ended(
    machines: type[StandInSandbox], host: RecordingHost
) -> None:
    pool = remote_pool(machines, idle_timeout_s=0.5)
    sandbox = await pool.open()
    assert await run(sandbox, host, "import time\ntime.sleep(1.5)\n5") == 5
    await pool.close()


def test_the_program_in_the_machine_ends_when_the_host_is_silent(machines: type[StandInSandbox]) -> None:
    pool = remote_pool(machines, idle_timeout_s=0.5)
    started = start_machine(machines.create, pool._options(), threading.Event())
    [process] = machines.made[0].processes()
    assert process._popen.wait(15) == 0
    started.machine.kill()
    pool.shutdown()


def test_options_do_not_show_the_token(pool: HuggingFaceSandboxPool) -> None:
    options = pool._options()
    assert isinstance(options, MachineOptions)
    assert TOKEN not in repr(options)


async def test_without_a_token_nothing_is_started(
    machines: type[StandInSandbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentui.sandbox.remote.get_token", lambda: None)
    pool = HuggingFaceSandboxPool(create=machines.create)
    for attempt in (pool.info, pool.open):
        with pytest.raises(SandboxUnavailable, match="no Hugging Face token.*set HF_TOKEN"):
            await attempt()
    await pool.close()
    assert machines.made == []


EXITING = """
import asyncio
from tests.sandbox.conforming import remote_pool
from tests.sandbox.stand_in import StandInSandbox
pool = remote_pool(StandInSandbox)
asyncio.run(pool.open())
print(StandInSandbox.made[0].processes()[0].pid)
print(*StandInSandbox.made[0].files.made)
"""


def test_the_end_of_the_process_ends_its_machines() -> None:
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", EXITING], capture_output=True, text=True, cwd=root, timeout=18, env=dict(os.environ)
    )
    assert done.stderr == ""
    pid, directory = done.stdout.split()
    assert state_of(int(pid)) == ""
    assert not Path(directory).exists()
