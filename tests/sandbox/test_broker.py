"""Files that the host opens for a worker: each test tries to lead it somewhere else, or to make it wait."""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentui.errors import SandboxUnavailable
from agentui.sandbox.broker_files import Libraries, SessionFiles
from agentui.sandbox.local import LocalSandboxPool
from tests.sandbox.helpers import RecordingHost, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="openat2 is a call of Linux")


@pytest.fixture
def session(tmp_path: Path) -> Path:
    for name in ("session/work", "session/tmp", "library", "outside"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "outside/secret").write_text("secret", encoding="utf-8")
    (tmp_path / "library/module.py").write_text("x = 1", encoding="utf-8")
    (tmp_path / "library/same.py").symlink_to("module.py")
    (tmp_path / "library/out.py").symlink_to(tmp_path / "outside/secret")
    return tmp_path


@pytest.fixture
def files(session: Path) -> Iterator[SessionFiles]:
    made = SessionFiles(str(session / "session"), Libraries([str(session / "library")]))
    yield made
    made.close()


def content(files: SessionFiles, path: Path, flags: int = os.O_RDONLY) -> bytes:
    descriptor = files.open(os.fsencode(path), flags, 0o600)
    try:
        return os.read(descriptor, 100)
    finally:
        os.close(descriptor)


def refused(action: Callable[[], object]) -> int:
    """The error number with which `action` fails."""
    try:
        action()
    except OSError as error:
        return error.errno or 0
    pytest.fail("it was not refused")


def test_a_session_writes_its_own_files_and_reads_libraries(files: SessionFiles, session: Path) -> None:
    own = session / "session/work/a"
    os.close(files.open(os.fsencode(own), os.O_CREAT | os.O_WRONLY, 0o6777))
    assert own.stat().st_mode & 0o7077 == 0
    assert content(files, session / "library/module.py") == b"x = 1"
    assert content(files, session / "library/same.py") == b"x = 1"


@pytest.mark.parametrize("flags", [os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_TRUNC, os.O_APPEND, os.O_PATH])
def test_libraries_are_read_and_nothing_else(files: SessionFiles, session: Path, flags: int) -> None:
    assert refused(lambda: content(files, session / "library/module.py", flags)) == errno.EACCES


@pytest.mark.parametrize("path", ["outside/secret", "library/out.py", "session", "session/other", "library-2/x", "/"])
def test_everything_else_is_refused(files: SessionFiles, session: Path, path: str) -> None:
    for flags in (os.O_RDONLY, os.O_WRONLY | os.O_CREAT, os.O_RDONLY | os.O_DIRECTORY):
        assert refused(lambda flags=flags: content(files, session / path, flags)) in {errno.EACCES, errno.ENOTDIR}


def test_no_link_is_followed_in_the_sessions_directories(files: SessionFiles, session: Path) -> None:
    work = session / "session/work"
    (work / "link").symlink_to(session / "outside/secret")
    (work / "directory").symlink_to(session / "outside")
    (work / "up").symlink_to("..")
    for path in ("link", "directory/secret", "up/work/x"):
        assert refused(lambda path=path: content(files, work / path)) == errno.ELOOP
        assert refused(lambda path=path: content(files, work / path, os.O_CREAT | os.O_WRONLY)) == errno.ELOOP
    inside = os.fsencode(work / "directory/new")
    actions = (files.make_directory, files.remove_file, files.remove_directory, lambda path: files.rename(path, path))
    assert {refused(lambda action=action: action(inside)) for action in actions} <= {errno.ELOOP, errno.ENOTDIR}
    assert os.listdir(session / "outside") == ["secret"]


def test_pipes_and_nameless_files_are_refused_at_once(files: SessionFiles, session: Path) -> None:
    pipe = session / "session/work/pipe"
    os.mkfifo(pipe)
    assert refused(lambda: content(files, pipe)) == errno.EACCES
    nameless = os.O_TMPFILE | os.O_RDWR
    assert refused(lambda: content(files, session / "session/work", nameless)) == errno.EOPNOTSUPP


def test_the_roots_themselves_stay(files: SessionFiles, session: Path) -> None:
    work = os.fsencode(session / "session/work")
    for action in (files.remove_directory, files.remove_file, files.make_directory):
        assert refused(lambda action=action: action(work)) == errno.EACCES
    assert refused(lambda: files.rename(work, work + b"2")) == errno.EACCES


@given(
    parts=st.lists(st.sampled_from(["..", ".", "work", "tmp", "outside", "secret", "session", "library", "\n", "ä"])),
    base=st.sampled_from(["session/work", "session", "library", ""]),
)
def test_no_path_leads_to_the_secret(tmp_path_factory: pytest.TempPathFactory, parts: list[str], base: str) -> None:
    root = tmp_path_factory.getbasetemp() / "paths"
    for name in ("session/work", "session/tmp", "library", "outside"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "outside/secret").write_text("secret", encoding="utf-8")
    reachable = SessionFiles(str(root / "session"), Libraries([str(root / "library")]))
    try:
        path = b"/" + os.path.normpath(os.fsencode(root / base) + b"/" + "/".join(parts).encode()).lstrip(b"/")
        descriptor = reachable.open(path, os.O_RDONLY, 0)
    except OSError:
        return
    finally:
        reachable.close()
    found = os.readlink(f"/proc/self/fd/{descriptor}")
    os.close(descriptor)
    assert found.startswith((f"{root}/session/work", f"{root}/session/tmp", f"{root}/library")) or (
        not found.startswith(str(root))
    )


@pytest.fixture
async def broker_pool() -> LocalSandboxPool:
    pool = LocalSandboxPool(tier="C")
    try:
        await pool.info()
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    return pool


async def test_a_worker_gets_no_more_descriptors_than_its_limit(broker_pool: LocalSandboxPool) -> None:
    sandbox = await broker_pool.open()
    code = "import os\nn = 0\ntry:\n    while True: os.open('f', os.O_CREAT | os.O_RDWR); n += 1\n"
    code += "except OSError as error: failure = error.errno\nn < 200, failure"
    assert await run(sandbox, RecordingHost(), code) == (True, errno.EMFILE)
    await broker_pool.close()


async def test_nothing_is_left_in_the_host_when_workers_end(broker_pool: LocalSandboxPool) -> None:
    before = len(os.listdir("/proc/self/fd"))
    flood = "import os, threading\ndef flood():\n    while True: os.close(os.open('f', os.O_CREAT | os.O_RDWR))\n"
    flood += "for _ in range(3): threading.Thread(target=flood, daemon=True).start()\nos.kill(os.getpid(), 9)"
    for _ in range(3):
        sandbox = await broker_pool.open()
        result = await sandbox.execute(flood, RecordingHost())
        assert result.error is not None
        await sandbox.close()
    brokers = [thread for thread in threading.enumerate() if thread.name == "agentui-sandbox-files"]
    for thread in brokers:
        thread.join(10)
    assert not any(thread.is_alive() for thread in brokers)
    assert len(os.listdir("/proc/self/fd")) <= before
    await broker_pool.close()


INTERRUPTED = """
import os, signal
signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 1e-4, 1e-4)
def retried(call):
    # A call that the host has not yet taken up fails with EINTR; one that it has is not made twice.
    while True:
        try:
            return call('d')
        except InterruptedError:
            pass
try:
    for _ in range(1000):
        retried(os.mkdir)
        retried(os.rmdir)
finally:
    signal.setitimer(signal.ITIMER_REAL, 0)
os.listdir('.')
"""


async def test_a_call_that_a_signal_interrupts_is_made_once(broker_pool: LocalSandboxPool) -> None:
    sandbox = await broker_pool.open()
    assert await run(sandbox, RecordingHost(), INTERRUPTED) == []
    await broker_pool.close()
