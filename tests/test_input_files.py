"""Files of a task get plain names, are measured, and are refused with a reason before a run starts."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentui.errors import ConfigError
from agentui.input_files import MAX_NAME_BYTES, MAX_NAME_CHARS, as_files, plain_name
from agentui.limits import Limits

LIMITS = Limits(max_files=3, max_file_bytes=100)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("data.csv", "data.csv"),
        ("my data (1).csv", "my data (1).csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.txt", "a.txt"),
        (".bashrc", "bashrc"),
        ("...", "file"),
        ("", "file"),
        ("a/", "file"),
        ("a\0b\n.txt", "ab.txt"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("zero\u200bwidth\ufeff.csv", "zerowidth.csv"),
        ("u\u0308ber.csv", "über.csv"),
        ("lone\ud800.csv", "lone.csv"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("a:b*c?.txt", "a_b_c_.txt"),
        ("trailing. ", "trailing"),
        ("a\u00a0b.csv", "a b.csv"),
        ("x" * 300 + ".csv", "x" * 96 + ".csv"),
        ("x." + "y" * 300, "x." + "y" * 98),
    ],
)
def test_a_name_is_made_plain(name: str, plain: str) -> None:
    assert plain_name(name) == plain


@given(st.text())
def test_any_name_becomes_one_that_is_safe_in_a_directory(name: str) -> None:
    plain = plain_name(name)
    assert 0 < len(plain) <= MAX_NAME_CHARS
    assert len(plain.encode()) <= MAX_NAME_BYTES
    assert plain.isprintable()
    assert plain[0] != "."
    assert not {"/", "\\"} & set(plain)
    assert os.path.basename(plain) == plain == plain.strip()
    assert plain_name(plain) == plain


@given(st.lists(st.sampled_from(["a.csv", "A.CSV", "a-2.csv", "../a.csv", "b", "ｂ"]), max_size=12))
def test_files_of_one_name_are_numbered(names: list[str]) -> None:
    contents = {f"{'./' * place}{name}": b"" for place, name in enumerate(names)}
    found = [file.name for file in as_files(contents, Limits(max_files=20))]
    assert len({unicodedata.normalize("NFKC", name).casefold() for name in found}) == len(contents)


def test_paths_keep_their_names_and_content_is_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"12345")
    (tmp_path / "link.csv").symlink_to(path)
    assert [(file.name, file.size_bytes) for file in as_files([path, str(tmp_path / "link.csv")], LIMITS)] == [
        ("a.csv", 5),
        ("link.csv", 5),
    ]
    named = as_files({"b.csv": b"xy", "c.csv": str(path)}, LIMITS)
    assert [(file.name, file.size_bytes, file.content) for file in named] == [("b.csv", 2, b"xy"), ("c.csv", 5, path)]
    assert "12345" not in repr(as_files({"a": b"12345"}, LIMITS))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["/nowhere/a.csv"], "cannot read '/nowhere/a.csv': No such file"),
        (["/dev"], "'/dev' is no plain file"),
        (["/dev/zero"], "'/dev/zero' is no plain file"),
        (["a\0b"], "cannot read 'a\\\\x00b'"),
        ("data.csv", "is no list"),
        ({str(place): b"" for place in range(4)}, "4 are more than 3"),
        ({"a": bytes(60), "b": bytes(60)}, "more than 100 bytes"),
        ({"a": 5}, "'a' is a int"),
        ([5], "'5' is a int"),
    ],
)
def test_files_that_cannot_be_used_are_refused_with_a_reason(files: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        as_files(files, LIMITS)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").touch(mode=0)
    with pytest.raises(ConfigError, match="Permission denied"):
        as_files([tmp_path / "a"], LIMITS)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="no plain file"):
        as_files([tmp_path / "pipe"], LIMITS)
