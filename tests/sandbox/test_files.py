"""Directories that hostile code filled are measured and deleted whatever their shape; dead owners' ones too."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from agentui.sandbox.claims import claim_directory
from agentui.sandbox.files import delete_tree, disk_usage


def nest(path: Path, depth: int) -> None:
    """Make directories deeper than a path can name."""
    here = os.open(path, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d" * 50, dir_fd=here)
        inner = os.open("d" * 50, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)


def test_a_tree_deeper_than_a_path_is_deleted(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    nest(top, 3_000)
    delete_tree(str(top))
    assert not top.exists()


def test_links_are_deleted_and_not_followed(tmp_path: Path) -> None:
    top, outside = tmp_path / "top", tmp_path / "outside"
    top.mkdir()
    outside.mkdir()
    (outside / "kept").write_text("x", encoding="utf-8")
    (top / "inner").mkdir()
    for place in (top, top / "inner"):
        (place / "link").symlink_to(outside)
    delete_tree(str(top))
    delete_tree(str(top))
    assert (outside / "kept").exists()


def test_a_link_in_the_place_of_the_tree_is_left_alone(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "top").symlink_to(outside)
    delete_tree(str(tmp_path / "top"))
    assert outside.exists()


def test_usage_counts_entries_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b").write_bytes(bytes(10_000))
    (tmp_path / "c").symlink_to("/")
    usage = disk_usage(str(tmp_path), max_files=10)
    assert usage.files == 3
    assert 10_000 <= usage.bytes < 100_000


def test_usage_stops_at_the_limit_and_takes_what_it_cannot_measure_for_too_much(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / str(number)).touch()
    assert disk_usage(str(tmp_path), max_files=10).files == 11
    nest(tmp_path, 200)
    assert disk_usage(str(tmp_path), max_files=10_000).files == 10_001


def test_a_directory_is_deleted_when_its_owner_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    alive, dead = claim_directory(), claim_directory()
    os.close(dead.lock)
    for claim in (alive, dead):
        os.utime(claim.path, (0, 0))
    young = claim_directory()
    assert [Path(claim.path).exists() for claim in (alive, dead, young)] == [True, False, True]
    alive.release()
    young.release()
    assert list(tmp_path.iterdir()) == []
