"""Snapshots of remote sessions: files cross both ways, and a machine that lies about them is given up."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from agentui.errors import SandboxError
from agentui.sandbox.base import Snapshot, SnapshotRefused
from agentui.sandbox.blobs import Segment
from agentui.sandbox.confinement import ResourceLimits
from agentui.sandbox.remote import HuggingFaceSandboxPool
from agentui.sandbox.remote_client import MachineLost
from agentui.sandbox.remote_files import fetch_files
from tests.sandbox.conforming import bare_python, remote_pool
from tests.sandbox.helpers import RecordingHost, run
from tests.sandbox.stand_in import StandInSandbox

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def machines() -> type[StandInSandbox]:
    return type("Machines", (StandInSandbox,), {"made": []})


@pytest.fixture
async def pool(machines: type[StandInSandbox]) -> AsyncIterator[HuggingFaceSandboxPool]:

    python = Path(bare_python())
    [packages] = python.parents[1].glob("lib/python*/site-packages")
    source = Path(cloudpickle.__file__).parent
    shutil.copytree(source, packages / source.name, dirs_exist_ok=True)
    made = remote_pool(machines, python=str(python), patience_s=0.3)
    yield made
    await made.close()


MAKE = """
import os
x = [1]
os.makedirs('a/b/empty')
open('a/b/f.txt', 'w').write('one')
open('large', 'wb').write(bytes(range(256)) * 12_000)
open(b'\\xff', 'w').write('name')
"""
READ = """
import os
[x, open('a/b/f.txt').read(), open('large', 'rb').read() == bytes(range(256)) * 12_000, open(b'\\xff').read(),
 sorted(os.listdir('a/b'))]
"""


async def test_a_fork_has_the_variables_and_the_files_of_its_step(
    pool: HuggingFaceSandboxPool, host: RecordingHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path)
    parent, child = await pool.open(), await pool.open()
    await run(parent, host, MAKE)
    snapshot = await parent.snapshot()
    assert isinstance(snapshot, Snapshot), snapshot
    await run(parent, host, "x.append(2)\nos.remove('a/b/f.txt')\nopen('late', 'w').close()")
    again = await parent.snapshot()
    assert isinstance(again, Snapshot), again
    assert await child.restore(snapshot) == {}
    assert await run(child, host, READ) == [[1], "one", True, "name", ["empty", "f.txt"]]
    assert await run(parent, host, "x, os.path.exists('late'), os.path.exists('a/b/f.txt')") == ([1, 2], True, False)
    kept = [{file.path: file.content for file in one.files} for one in (snapshot, again)]
    assert kept[0]["large"] is kept[1]["large"]
    assert list((tmp_path / "work").iterdir()) == []


async def test_a_machine_that_is_lost_meanwhile_is_told(
    pool: HuggingFaceSandboxPool, machines: type[StandInSandbox], host: RecordingHost
) -> None:
    parent, child = await pool.open(), await pool.open()
    await run(parent, host, "x = 1\nopen('f', 'w').write('one')")
    snapshot = await parent.snapshot()
    assert isinstance(snapshot, Snapshot), snapshot
    await asyncio.to_thread(machines.made[1].die)
    with pytest.raises(SandboxError, match="could not be restored: its virtual machine was lost"):
        await child.restore(snapshot)
    await asyncio.to_thread(machines.made[0].die)
    refused = await parent.snapshot()
    assert isinstance(refused, SnapshotRefused)
    assert "lost" in refused.reason


class Lister:
    """A bridge that lists what the test wants."""

    def __init__(self, files: Any, missing: Any) -> None:
        self._listed = {"files": files, "missing": missing}

    async def list_saved(self, worker: str) -> Any:
        return self._listed

    async def read_saved(self, worker: str, index: int, size: int) -> bytes:
        return bytes(size)


def row(path: Any, size: Any = 1, *, mode: Any = 0o644, modified: Any = 5, mark: Any = (1, 2, 3, 4)) -> list[Any]:
    return [path, mode, modified, list(mark), size]


async def fetch(files: Any, missing: Any = None) -> Any:
    limits = ResourceLimits(files=3, work_bytes=100)
    return await fetch_files(Lister(files, {} if missing is None else missing), "1", Segment(), {}, limits)


@pytest.mark.parametrize(
    "files",
    [
        None,
        {},
        [None],
        [[]],
        [row("../x")],
        [row("/etc/x")],
        [row("/x")],
        [row("/etc", None), row("/etc/x")],
        [row("a\ud800")],
        [row("é" * 2_500)],
        [row("")],
        [row(".")],
        [row("..")],
        [row("a/../../x")],
        [row("a/b")],
        [row("a", None), row("a/..", None)],
        [row("a", None), row("a//b")],
        [row("a"), row("a/b")],
        [row("a"), row("a")],
        [row("a\0b")],
        [row("a" * 5_000)],
        [row(5)],
        [row("a", -1)],
        [row("a", 101)],
        [row("a", 60), row("b", 60)],
        [row("a", "1")],
        [row("a", True)],
        [row("a", 1.5)],
        [row("a", mode="x")],
        [row("a", modified=2**70)],
        [row("a", mark=(1, 2))],
        [row(str(n)) for n in range(4)],
    ],
    ids=lambda files: repr(files)[:40],
)
async def test_a_list_of_paths_outside_the_folder_or_beyond_its_limits_is_refused(files: Any) -> None:
    with pytest.raises(MachineLost):
        await fetch(files)


async def test_a_list_of_files_is_taken_with_plain_modes_and_printable_reasons() -> None:
    saved = await fetch([row("a", None, mode=0o4755), row("a/b", 2)], {"x\x1b[1m": "y\n" * 1_000})
    assert [(file.path, file.mode) for file in saved.files] == [("a", 0o755), ("a/b", 0o644)]
    assert all(text.isprintable() and len(text) <= 500 for pair in saved.missing.items() for text in pair)
