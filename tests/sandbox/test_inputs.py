"""Files that the host gives are found by their names, at every tier, and by nobody else."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentui.errors import SandboxError
from agentui.sandbox.base import Snapshot
from agentui.sandbox.confinement import ResourceLimits
from agentui.sandbox.local import LocalSandboxPool
from agentui.sandbox.session import LocalSandbox
from tests.sandbox.helpers import RecordingHost, fail, pid_of, run, wait_for_state
from tests.sandbox.kinds import make_pool

WITH_FILES = pytest.mark.parametrize("pool", ["A", "B", "U", "U-spawn"], indirect=True)


def read(sandbox: LocalSandbox, name: str) -> str:
    """Code whose value is the content of an input."""
    return f"open({name!r}, 'rb').read()" if sandbox.info.opens_files else f"input_files[{name!r}]"


async def test_bytes_and_paths_are_found_by_their_names(
    sandbox: LocalSandbox, host: RecordingHost, tmp_path: Path
) -> None:
    large = os.urandom(9 << 20)
    (tmp_path / "there.bin").write_bytes(large)
    await sandbox.put_files({"a ü.csv": b"x,y\n1,2\n", "b.bin": tmp_path / "there.bin", "empty.txt": b""})
    assert await run(sandbox, host, read(sandbox, "a ü.csv")) == b"x,y\n1,2\n"
    assert await run(sandbox, host, read(sandbox, "b.bin")) == large
    assert await run(sandbox, host, read(sandbox, "empty.txt")) == b""


async def test_what_the_host_gave_is_not_given_back(sandbox: LocalSandbox, host: RecordingHost) -> None:
    await sandbox.put_files({"a.csv": b"x"})
    await run(sandbox, host, "1")
    assert host.artifacts == []


@WITH_FILES
async def test_an_input_that_the_code_changed_is_given_back(sandbox: LocalSandbox, host: RecordingHost) -> None:
    await sandbox.put_files({"a.csv": b"x"})
    await sandbox.execute("open('a.csv', 'a').write('y')\nNone", host)
    assert [(artifact.name, artifact.data) for artifact in host.artifacts] == [("a.csv", b"xy")]


@WITH_FILES
async def test_a_file_of_the_same_name_is_replaced_wherever_the_code_has_gone(
    sandbox: LocalSandbox, host: RecordingHost
) -> None:
    await sandbox.put_files({"a.csv": b"old and long"})
    await sandbox.execute("import os\nos.mkdir('sub')\nos.chdir('sub')", host)
    await sandbox.put_files({"a.csv": b"new"})
    assert await run(sandbox, host, "open('../a.csv', 'rb').read()") == b"new"


async def test_a_fresh_worker_gets_the_files_again(sandbox: LocalSandbox, host: RecordingHost) -> None:
    await sandbox.put_files({"a.csv": b"kept"})
    os.kill(pid_of(sandbox), signal.SIGKILL)
    await asyncio.to_thread(wait_for_state, pid_of(sandbox), "ZX")
    result = await sandbox.execute(read(sandbox, "a.csv"), host)
    assert (result.value, result.state_lost, host.artifacts) == (b"kept", True, [])


async def test_one_session_does_not_see_the_files_of_another(pool: LocalSandboxPool, host: RecordingHost) -> None:
    first, second = await pool.open(), await pool.open()
    await first.put_files({"a.csv": b"secret"})
    if pool._tier != "U":  # pyright: ignore[reportPrivateUsage]
        where = (await first.execute("import os\nos.getcwd()", host)).value
        error = await fail(second, host, f"open({where + '/a.csv'!r}).read()")
        assert error.kind in {"PermissionError", "FileNotFoundError"}
    error = await fail(second, host, read(second, "a.csv"))
    assert error.kind in {"FileNotFoundError", "NameError"}
    await first.close()
    await second.close()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/passwd", "../a", "a\0b", "a\nb"])
async def test_a_name_that_leads_elsewhere_is_refused(sandbox: LocalSandbox, host: RecordingHost, name: str) -> None:
    with pytest.raises(ValueError, match="no name of a file"):
        await sandbox.put_files({name: b"x"})
    assert await run(sandbox, host, "1") == 1


@pytest.fixture
def small_pool() -> Iterator[LocalSandboxPool]:
    pool = make_pool("B", limits=ResourceLimits(file_bytes=1 << 20, work_bytes=18 << 20))
    yield pool
    pool.shutdown()


async def test_files_that_a_session_cannot_hold_are_refused_by_name(
    small_pool: LocalSandboxPool, host: RecordingHost, tmp_path: Path
) -> None:
    sandbox = await small_pool.open()
    with pytest.raises(ValueError, match="'a' has 1,048,577 bytes"):
        await sandbox.put_files({"a": bytes((1 << 20) + 1)})
    with pytest.raises(SandboxError, match="not a plain file"):
        await sandbox.put_files({"e": tmp_path})
    await sandbox.put_files({"a": bytes(1 << 20), "b": bytes(1 << 20)})
    with pytest.raises(ValueError, match="2,097,153 bytes"):
        await sandbox.put_files({"c": b"x"})
    with pytest.raises(FileNotFoundError):
        await sandbox.put_files({"d": tmp_path / "missing"})
    assert sorted(await run(sandbox, host, "import os\nos.listdir()")) == ["a", "b"]
    await sandbox.close()


@WITH_FILES
async def test_what_stands_in_the_way_is_told_and_the_session_goes_on(
    sandbox: LocalSandbox, host: RecordingHost
) -> None:
    await sandbox.execute("import os\nos.mkdir('a.csv')\nx = 1", host)
    with pytest.raises(SandboxError, match="could not be stored in the sandbox: Is a directory"):
        await sandbox.put_files({"a.csv": b"x"})
    assert await run(sandbox, host, "x") == 1


async def test_a_link_in_the_place_of_an_input_is_replaced_not_followed(tmp_path: Path, host: RecordingHost) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    pool = make_pool("U")
    sandbox = await pool.open()
    await sandbox.execute(f"import os\nos.symlink({str(outside)!r}, 'a.csv')", host)
    await sandbox.put_files({"a.csv": b"x"})
    assert await run(sandbox, host, "open('a.csv', 'rb').read()") == b"x"
    assert outside.read_bytes() == b"mine"
    await pool.close()


async def test_a_worker_that_breaks_off_is_replaced(sandbox: LocalSandbox, host: RecordingHost) -> None:
    code = "sys.modules['agentui.sandbox.worker.inputs'].InputStore.take = lambda *a, **k: os._exit(0)"
    await sandbox.execute(f"import os, sys\n{code}", host)
    with pytest.raises(SandboxError, match="the files could not be stored"):
        await sandbox.put_files({"a.csv": b"x"})
    result = await sandbox.execute("1", host)
    assert (result.value, result.state_lost) == (1, True)


async def test_a_restored_session_gives_its_files_to_a_worker_that_replaces_another(
    pool: LocalSandboxPool, sandbox: LocalSandbox, host: RecordingHost
) -> None:
    await sandbox.put_files({"a.csv": b"kept"})
    await run(sandbox, host, "x = 1")
    kept = await sandbox.snapshot()
    assert isinstance(kept, Snapshot)
    other = await pool.open()
    assert await other.restore(kept) == {}
    assert await run(other, host, f"(x, {read(other, 'a.csv')})") == (1, b"kept")
    await other.put_files({"b.csv": b"more"})
    assert await run(other, host, f"({read(other, 'a.csv')}, {read(other, 'b.csv')})") == (b"kept", b"more")
    os.kill(pid_of(other), signal.SIGKILL)
    await asyncio.to_thread(wait_for_state, pid_of(other), "ZX")
    assert await run(other, host, f"({read(other, 'a.csv')}, {read(other, 'b.csv')})") == (b"kept", b"more")
    assert await run(sandbox, host, "x") == 1
    assert host.artifacts == []
    await other.close()


async def test_a_file_that_a_new_worker_needs_and_that_is_gone_is_named(
    sandbox: LocalSandbox, host: RecordingHost, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"x")
    await sandbox.put_files({"a.csv": path})
    path.unlink()
    os.kill(pid_of(sandbox), signal.SIGKILL)
    await asyncio.to_thread(wait_for_state, pid_of(sandbox), "ZX")
    with pytest.raises(SandboxError, match="needs again cannot be read: No such file"):
        await sandbox.execute("1", host)
