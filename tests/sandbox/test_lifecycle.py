"""How sandboxes start, stop, stay within their limits and leave nothing behind; each test attacks one property."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentui.errors import SandboxError, SandboxUnavailable
from agentui.sandbox.base import ExecResult
from agentui.sandbox.confinement import ResourceLimits
from agentui.sandbox.local import LocalSandboxPool, default_pool
from agentui.sandbox.session import LocalSandbox
from tests.sandbox.helpers import TOOLS, RecordingHost
from tests.sandbox.kinds import make_pool

IMMUNE = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nprint('on')\nwhile True: pass"


def state_of(pid: int) -> str:
    """The letter of a process's state, "" where there is none; a zombie whose threads still end is "z"."""
    try:
        ending = len(os.listdir(f"/proc/{pid}/task")) > 1
        letter = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return ""
    return "z" if ending and letter == "Z" else letter


def wait_for_state(pid: int, states: str) -> None:
    """Wait until a process is in one of `states`; a process that is gone is in all of them."""
    while (state := state_of(pid)) and state not in states:
        time.sleep(0.001)


def parent_of(sandbox: LocalSandbox) -> int:
    """Process id of the zygote."""
    return int(Path(f"/proc/{pid_of(sandbox)}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[1])


def exists(path: str | Path) -> bool:
    return Path(path).exists()


def pid_of(sandbox: LocalSandbox) -> int:
    assert sandbox.pid is not None
    return sandbox.pid


async def stop_when_printing(sandbox: LocalSandbox, host: RecordingHost, code: str) -> None:
    """Cancel a step as soon as it prints."""
    task = asyncio.create_task(sandbox.execute(code, host))
    await host.printed.wait()
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


@pytest.fixture
def small_pool() -> Iterator[LocalSandboxPool]:
    limits = ResourceLimits(memory_bytes=300 << 20, work_bytes=8 << 20, files=100, threads=40)
    pool = make_pool("B", limits=limits)
    yield pool
    pool.shutdown()


async def test_cancelling_stops_an_endless_loop_and_keeps_the_names(sandbox: LocalSandbox, host: RecordingHost) -> None:
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
    ],
)
async def test_cancelling_reaches_code_that_waits(sandbox: LocalSandbox, host: RecordingHost, code: str) -> None:
    await sandbox.execute("x = 1", host)
    await stop_when_printing(sandbox, host, code)
    result = await sandbox.execute("x", host)
    assert (result.value, result.state_lost) == (1, False)


async def test_what_cannot_be_interrupted_is_killed_and_the_loss_is_told(
    sandbox: LocalSandbox, host: RecordingHost
) -> None:
    sandbox.grace_s = 0.05
    await sandbox.execute("x = 1", host)
    await stop_when_printing(sandbox, host, IMMUNE)
    result = await sandbox.execute("'x' in globals()", host)
    assert (result.value, result.state_lost) == (False, True)
    assert not (await sandbox.execute("1", host)).state_lost


async def test_a_timeout_is_a_result_and_keeps_the_names(sandbox: LocalSandbox, host: RecordingHost) -> None:
    result = await sandbox.execute("x = 1\nwhile True: pass", host, timeout_s=0.1)
    assert result.error is not None
    assert (result.error.kind, result.error.line, result.state_lost) == ("Timeout", 2, False)
    assert (await sandbox.execute("x", host)).value == 1


@pytest.mark.parametrize("code", [IMMUNE, "sum(range(10 ** 13))", "import os\nos.kill(os.getpid(), 19)"])
async def test_a_timeout_of_immune_code_loses_the_names(sandbox: LocalSandbox, host: RecordingHost, code: str) -> None:
    sandbox.grace_s = 0.05
    result = await sandbox.execute(code, host, timeout_s=0.2)
    assert result.error is not None
    assert (result.error.kind, result.state_lost) == ("Timeout", True)
    assert (await sandbox.execute("2", host)).value == 2


async def test_a_timeout_counts_tool_calls_and_cancels_them(sandbox: LocalSandbox, host: RecordingHost) -> None:
    result = await sandbox.execute("wait()", host, timeout_s=0.1)
    assert result.error is not None
    assert (result.error.kind, result.state_lost, host.cancelled_calls) == ("Timeout", False, 1)
    assert (await sandbox.execute("echo(3)", host)).value == 3


async def test_cancelling_before_the_code_has_started_is_safe(sandbox: LocalSandbox, host: RecordingHost) -> None:
    await sandbox.execute("x = 4", host)
    for turns in range(20):
        task = asyncio.create_task(sandbox.execute("while True: pass", host))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
    result = await sandbox.execute("x", host)
    assert (result.value, result.state_lost) == (4, False)


async def test_a_worker_is_frozen_between_steps(sandbox: LocalSandbox, host: RecordingHost) -> None:
    await sandbox.execute("import threading\ndef spin():\n    while True: pass", host)
    await sandbox.execute("threading.Thread(target=spin, daemon=True).start()", host)
    await asyncio.to_thread(wait_for_state, pid_of(sandbox), "T")
    assert (await sandbox.execute("5", host)).value == 5


async def test_what_threads_print_between_steps_comes_with_the_next(sandbox: LocalSandbox, host: RecordingHost) -> None:
    code = "import threading\ngo, gone = threading.Event(), threading.Event()\n"
    code += "def late():\n    go.wait()\n    print('late')\n    gone.set()\nthreading.Thread(target=late).start()"
    await sandbox.execute(code, host)
    await sandbox.execute("go.set()\ngone.wait()", host)
    assert host.text() == "late\n"


async def test_a_worker_that_dies_while_idle_is_replaced_and_the_loss_is_told(
    sandbox: LocalSandbox, host: RecordingHost
) -> None:
    await sandbox.execute("x = 1", host)
    os.kill(pid_of(sandbox), signal.SIGKILL)
    await asyncio.to_thread(wait_for_state, pid_of(sandbox), "ZX")
    result = await sandbox.execute("'x' in globals()", host)
    assert (result.value, result.state_lost) == (False, True)


async def test_closing_ends_the_process_and_deletes_its_files(pool: LocalSandboxPool, host: RecordingHost) -> None:
    sandbox = await pool.open()
    result = await sandbox.execute("import os\nos.makedirs('a/b', exist_ok=True)\nos.getcwd()", host)
    pid = pid_of(sandbox)
    await sandbox.close()
    await sandbox.close()
    assert state_of(pid) == ""
    assert result.value is None or not exists(result.value)
    with pytest.raises(SandboxError, match="closed"):
        await sandbox.execute("1", host)


async def test_closing_while_code_runs_ends_it(pool: LocalSandboxPool, host: RecordingHost) -> None:
    sandbox = await pool.open()
    task = asyncio.create_task(sandbox.execute("print('on')\nwhile True: pass", host))
    await host.printed.wait()
    await sandbox.close()
    result = await task
    assert result.error is not None
    assert result.error.kind == "WorkerDied"


async def test_deep_directories_and_strange_modes_are_deleted(host: RecordingHost) -> None:
    pool = make_pool("U")
    sandbox = await pool.open()
    code = (
        "import os\ntop = os.getcwd()\nfor _ in range(1500):\n    os.mkdir('d' * 50, 0o700)\n    os.chdir('d' * 50)\n"
    )
    result = await sandbox.execute(code + "os.symlink('/etc', 'link')\nos.chmod('.', 0)", host)
    assert result.error is None
    where = await sandbox.execute("top", host)
    await sandbox.close()
    assert not exists(where.value)
    assert exists("/etc/passwd")
    await pool.close()


async def test_one_sandbox_serves_several_event_loops(pool: LocalSandboxPool, host: RecordingHost) -> None:
    sandbox = await pool.open()
    results: list[ExecResult] = []

    def elsewhere() -> None:
        results.append(asyncio.run(sandbox.execute("x = 6\nx", RecordingHost())))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    await asyncio.to_thread(thread.join)
    results.append(await sandbox.execute("x", host))
    await sandbox.close()
    assert [result.value for result in results] == [6, 6]


async def test_many_sessions_open_at_once(pool: LocalSandboxPool, host: RecordingHost) -> None:
    sandboxes = await asyncio.gather(*(pool.open() for _ in range(8)))
    results = await asyncio.gather(*(box.execute(f"{n}", RecordingHost()) for n, box in enumerate(sandboxes)))
    await asyncio.gather(*(box.close() for box in sandboxes))
    assert [result.value for result in results] == list(range(8))


async def test_a_cancelled_open_leaves_no_worker(pool: LocalSandboxPool) -> None:
    for turns in range(6):
        task = asyncio.create_task(pool.open())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            await task.result().close()


async def test_the_environment_holds_nothing_of_the_hosts(
    pool: LocalSandboxPool, host: RecordingHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTUI_CANARY", "secret")
    sandbox = await pool.open()
    result = await sandbox.execute("import os\nsorted(os.environ)", host)
    await sandbox.close()
    assert set(result.value) <= {
        *("PATH", "LANG", "HOME", "TMPDIR", "MPLCONFIGDIR", "MPLBACKEND", "LC_CTYPE"),
        *("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
    }


async def test_a_dead_zygote_is_replaced(host: RecordingHost) -> None:
    pool = make_pool("B")
    sandbox = await pool.open()
    os.kill(parent_of(sandbox), signal.SIGKILL)
    await asyncio.to_thread(wait_for_state, pid_of(sandbox), "ZX")
    result = await sandbox.execute("7", host)
    assert (result.value, result.state_lost) == (7, True)
    await pool.close()
    assert sandbox.pid is None


async def test_the_zygote_is_recycled_and_old_sessions_go_on(host: RecordingHost) -> None:
    pool = LocalSandboxPool(tier="B", recycle_after=3)
    sandboxes = [await pool.open()]
    await sandboxes[0].execute("x = 8", host)
    parents: set[int] = set()
    while len(parents) < 2:
        sandboxes.append(await pool.open())
        parents.add(parent_of(sandboxes[-1]))
    assert (await sandboxes[0].execute("x", host)).value == 8
    await asyncio.gather(*(sandbox.close() for sandbox in sandboxes))
    await pool.close()


async def test_closing_the_pool_ends_everything_and_opening_then_says_so(host: RecordingHost) -> None:
    pool = make_pool("B")
    sandbox = await pool.open()
    pid = pid_of(sandbox)
    result = await sandbox.execute("import os\nos.getcwd()", host)
    await pool.close()
    await pool.close()
    await sandbox.close()
    assert state_of(pid) == ""
    assert not exists(result.value)
    with pytest.raises(SandboxUnavailable, match="closed"):
        await pool.open()


async def test_a_python_that_does_not_start_is_told() -> None:
    pool = LocalSandboxPool(tier="B", python="/bin/false")
    with pytest.raises(SandboxUnavailable, match="did not start"):
        await pool.info()
    await pool.close()


def test_the_default_pool_is_one_for_the_process() -> None:
    assert default_pool() is default_pool()


async def test_memory_is_bounded(small_pool: LocalSandboxPool, host: RecordingHost) -> None:
    sandbox = await small_pool.open()
    result = await sandbox.execute("x = bytearray(400 << 20)", host)
    await sandbox.close()
    assert result.error is not None
    assert (result.error.kind, result.state_lost) == ("MemoryError", False)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("i = 0\nwhile True:\n    open(str(i), 'w').close()\n    i += 1", "100 files"),
        ("i = 0\nwhile True:\n    open(str(i % 50), 'wb').write(bytes(1 << 20))\n    i += 1", "8,388,608 bytes"),
        (
            "import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, args=[60]).start()",
            "40 threads",
        ),
    ],
)
async def test_a_step_that_takes_more_than_its_share_is_ended(
    small_pool: LocalSandboxPool, host: RecordingHost, code: str, reason: str
) -> None:
    sandbox = await small_pool.open(tools=TOOLS)
    result = await sandbox.execute(f"import threading\nthreading.stack_size(65536)\n{code}", host, timeout_s=15)
    await sandbox.close()
    assert result.error is not None
    assert (result.error.kind, result.state_lost) == ("WorkerDied", True)
    assert reason in result.error.message
