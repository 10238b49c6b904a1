"""The copy of a work folder: what it may name, and where it can be written."""

from __future__ import annotations

import os
import resource
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agentui.sandbox.base import Snapshot, SnapshotRefused
from agentui.sandbox.blobs import NoRoom, Segment, reserve
from agentui.sandbox.confinement import ResourceLimits
from agentui.sandbox.session import LocalSandbox
from agentui.sandbox.snapshot_files import Mark, SavedFile, restore_files, save_files
from tests.sandbox.helpers import RecordingHost, run

MB = 1 << 20


@contextmanager
def full_disk(size: int) -> Generator[None]:
    """Files of this process cannot grow beyond `size`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def saved_file(path: str, *, directory: bool = False) -> SavedFile:
    content = None if directory else Segment().append(b"x")
    return SavedFile(path=path, mode=0o644, modified_ns=1, mark=Mark(0, 0, 0, 0), content=content)


@pytest.mark.parametrize("path", ["/{}/x", "../x", "a/../../x", "", "a//b", "./a", "a\0b", "a\ud800"])
def test_nothing_is_restored_beside_the_folder(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    files = (saved_file("first"), saved_file("a", directory=True), saved_file(path.format(str(tmp_path).strip("/"))))
    with pytest.raises(OSError, match="leaves the folder"):
        restore_files(str(folder), files)
    assert not os.listdir(folder)
    assert os.listdir(tmp_path) == ["folder"]


def test_a_path_that_cannot_be_opened_at_once_is_named_and_the_rest_comes_back(tmp_path: Path) -> None:
    folder, other = tmp_path / "folder", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    (folder / "kept").write_text("kept", encoding="utf-8")
    at = os.open(folder, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=at)
        inner = os.open("d" * 250, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(at)
    saved = save_files(str(folder), Segment(), {}, ResourceLimits())
    assert list(saved.missing.values()) == ["its path is too long"]
    restore_files(str(other), tuple(saved.files))
    assert (other / "kept").read_text(encoding="utf-8") == "kept"


def test_what_follows_a_failed_write_is_what_was_written() -> None:
    segment = Segment()
    first = segment.append(b"a" * MB)
    with full_disk(2 * MB), pytest.raises(NoRoom, match="the host cannot store it"):
        segment.append(b"b" * (2 * MB))
    second = segment.append(b"c" * MB)
    assert [b"".join(blob.chunks(MB)) for blob in (first, second)] == [b"a" * MB, b"c" * MB]


def test_a_disk_is_never_filled() -> None:
    assert reserve(1 << 20) == (1 << 20) // 10
    assert reserve(1 << 50) == 1 << 30


@pytest.mark.parametrize("code", ["a = os.urandom(9_000_000)", "open('f', 'wb').write(os.urandom(9_000_000))"])
@pytest.mark.parametrize("pool", ["B"], indirect=True)
async def test_a_full_disk_costs_the_snapshot_and_not_the_session(
    sandbox: LocalSandbox, host: RecordingHost, code: str
) -> None:
    await run(sandbox, host, f"import os\nx = 1\n{code}")
    with full_disk(6 * MB):
        refused = await sandbox.snapshot()
    assert isinstance(refused, SnapshotRefused)
    assert refused.reason.startswith("the host cannot store it")
    assert await run(sandbox, host, "x") == 1
    assert isinstance(await sandbox.snapshot(), Snapshot)
