"""Files that the code left in its folder are found below it too, whatever it made of the tree, at bounded cost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agentui.sandbox.artifacts import ArtifactRefused, checked_artifact, list_files, read_file
from agentui.sandbox.base import Sandbox
from tests.sandbox.helpers import RecordingHost, run


def write(path: Path, text: str = "x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_files_of_folders_are_listed_and_read_by_their_relative_path(tmp_path: Path) -> None:
    for name in ("top.txt", "a/one.txt", "a/b/two.txt", "a/b/c/d/e/f/six.txt", "a/b/c/d/e/f/g/seven.txt"):
        write(tmp_path / name, name)
    names = list(list_files(str(tmp_path)))
    assert names == ["top.txt", "a/one.txt", "a/b/two.txt", "a/b/c/d/e/f/six.txt"]
    assert [read_file(str(tmp_path), name).decode() for name in names] == names


def test_hidden_files_folders_and_compiled_modules_are_left_out(tmp_path: Path) -> None:
    for name in (".hidden", ".cache/x", "a/.git/x", "__pycache__/m.pyc", "a/seen"):
        write(tmp_path / name)
    assert list(list_files(str(tmp_path))) == ["a/seen"]


def test_links_pipes_and_sockets_are_no_files(tmp_path: Path) -> None:
    outside, top = tmp_path / "outside", tmp_path / "top"
    write(outside / "secret")
    top.mkdir()
    (top / "folder").symlink_to(outside)
    (top / "file").symlink_to(outside / "secret")
    (top / "around").symlink_to(top)
    os.mkfifo(top / "pipe")
    os.link(outside / "secret", top / "second-name")
    assert list(list_files(str(top))) == ["second-name"]
    for name in ("folder/secret", "file", "pipe", "second-name", "../outside/secret", "folder/../x", "/etc/passwd", ""):
        with pytest.raises(ArtifactRefused):
            read_file(str(top), name)


def test_a_folder_of_very_many_entries_costs_a_bounded_walk(tmp_path: Path) -> None:
    for number in range(4_000):
        (tmp_path / f"{number}.txt").touch()
    assert len(list_files(str(tmp_path))) == 1_000


def test_very_many_folders_cost_a_bounded_walk(tmp_path: Path) -> None:
    for number in range(500):
        write(tmp_path / f"{number}" / "x.txt")
    assert len(list_files(str(tmp_path))) == 200


def test_a_tree_deeper_than_a_path_and_a_folder_that_is_closed_are_passed_over(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(200):
        os.mkdir("d" * 50, dir_fd=here)
        inner = os.open("d" * 50, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    write(tmp_path / "closed" / "x")
    (tmp_path / "closed").chmod(0)
    write(tmp_path / "seen")
    assert set(list_files(str(tmp_path))) <= {"seen", "closed/x"}
    (tmp_path / "closed").chmod(0o700)
    assert list_files(str(tmp_path / "nothing")) == {}


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("a/b.txt", "a/b.txt"),
        ("a\\b.txt", "a/b.txt"),
        ("a/\x1b[1mb.txt", "a/[1mb.txt"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("a//b", "b"),
        ("a/..", "file"),
        ("\u202e/b", "b"),
        (f"{'f' * 300}/b", "b"),
        (f"a/{'b' * 300}.txt", f"a/{'b' * 96}.txt"),
        ("\ud800/\udfff.txt", "\ufffd/\ufffd.txt"),
    ],
)
def test_names_are_plain_relative_paths(name: str, clean: str) -> None:
    assert checked_artifact(name, "text/plain", b"x").name == clean


@pytest.mark.parametrize("pool", ["A", "B", "C", "U", "U-spawn"], indirect=True)
async def test_files_in_folders_are_offered_when_they_are_new_or_changed(sandbox: Sandbox, host: RecordingHost) -> None:
    await run(sandbox, host, "import os\nos.makedirs('out/x')\nopen('out/x/a.csv', 'w').write('1') and None")
    assert [(one.name, one.media_type, one.data) for one in host.artifacts] == [("out/x/a.csv", "text/csv", b"1")]
    await run(sandbox, host, "1")
    assert len(host.artifacts) == 1
    await run(sandbox, host, "open('out/x/a.csv', 'a').write('2')\nopen('out/b.txt', 'w').close()")
    assert [(one.name, one.data) for one in host.artifacts[1:]] == [("out/b.txt", b""), ("out/x/a.csv", b"12")]
