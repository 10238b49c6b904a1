"""The copy of a work folder: what it may name, and where it can be written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agentui.sandbox.blobs import Segment
from agentui.sandbox.confinement import ResourceLimits
from agentui.sandbox.snapshot_files import Mark, SavedFile, restore_files, save_files


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
