"""How sandboxes start, stop, stay within their limits and leave nothing behind; each test attacks one property."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator

import pytest

from agentui.errors import SandboxError, SandboxUnavailable
from agentui.sandbox.base import ExecResult
from agentui.sandbox.confinement import ResourceLimits
from agentui.sandbox.local import LocalSandboxPool, default_pool
from agentui.sandbox.session import LocalSandbox
from tests.sandbox.helpers import (
    TOOLS,
    RecordingHost,
    exists,
    parent_of,
    pid_of,
    state_of,
    wait_for_state,
)
from tests.sandbox.kinds import make_pool


@pytest.fixture
def small_pool() -> Iterator[LocalSandboxPool]:
    limits = ResourceLimits(memory_bytes=300 << 20, work_bytes=8 << 20, files=100, threads=40)
    pool = make_pool("B", limits=limits)
    yield pool
    pool.shutdown()


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
    where = await sandbox.execute("import os\nos.getcwd()", host)
    code = "os.symlink('/etc', 'link')\nfor _ in range(1500):\n    os.mkdir('d' * 50)\n    os.chdir('d' * 50)\n"
    # Whether it comes to the end or is ended for its depth: nothing may be left.
    await sandbox.execute(code + "os.chmod('.', 0)", host)
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
            # Fewer than it may open at once: on a busy machine it could run out of those first.
            "import os\nkept = []\nfor _ in range(90):\n    kept.append(open('a', 'wb'))\n    os.unlink('a')\n"
            "    kept[-1].write(bytes(1 << 20))\nwhile True: pass",
            "8,388,608 bytes",
        ),
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
