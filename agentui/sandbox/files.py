"""Directories that hostile code filled: measured and deleted without recursion, links or trust in their shape."""

from __future__ import annotations

import itertools
import os
import stat
from contextlib import suppress
from typing import NamedTuple


class Usage(NamedTuple):
    """What a directory holds."""

    files: int
    bytes: int


def disk_usage(path: str, *, max_files: int) -> Usage:
    """Count the entries below `path` and their bytes on disk; stops soon after `max_files` entries.

    What cannot be measured, because it is nested too deep or closed to its owner, counts as more than `max_files`.
    """
    files = size = 0
    pending = [path]
    while pending and files <= max_files:
        try:
            inner = _measure(pending.pop(), max_files)
        except FileNotFoundError:
            continue
        except OSError:
            return Usage(max_files + 1, size)
        files, size = files + inner.files, size + inner.bytes
        pending += inner.directories
    return Usage(files, size)


def unlinked_bytes(pid: int) -> int:
    """Bytes on disk of files that a process holds open and that no directory names; 0 where that cannot be seen."""
    sizes: dict[tuple[int, int], int] = {}
    with suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in entries:
            with suppress(OSError):
                found = entry.stat()
                if stat.S_ISREG(found.st_mode) and not found.st_nlink:
                    sizes[found.st_dev, found.st_ino] = found.st_blocks * 512
    return sum(sizes.values())


class _Measured(NamedTuple):
    files: int
    bytes: int
    directories: list[str]


def _measure(path: str, max_files: int) -> _Measured:
    files = size = 0
    directories: list[str] = []
    with os.scandir(path) as entries:
        for entry in itertools.islice(entries, max_files + 1):
            files += 1
            with suppress(FileNotFoundError):
                found = entry.stat(follow_symlinks=False)
                size += found.st_blocks * 512
                if stat.S_ISDIR(found.st_mode):
                    directories.append(entry.path)
    return _Measured(files, size, directories)


def delete_tree(path: str) -> None:
    """Delete `path` and all below it, however deep; does nothing if it does not exist.

    Nested directories are moved up to the top before they are emptied, so the depth costs neither stack nor path
    length. Links are removed, never followed. Nothing else may write below `path` meanwhile.
    """
    try:
        top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    moved = 0
    try:
        while names := os.listdir(top):
            for name in names:
                if not _unlink(name, top):
                    moved = _flatten(name, top, moved)
    finally:
        os.close(top)
    os.rmdir(path)


def _unlink(name: str, parent: int) -> bool:
    try:
        os.unlink(name, dir_fd=parent)
    except (IsADirectoryError, PermissionError):
        return False
    return True


def _flatten(name: str, top: int, moved: int) -> int:
    """Empty the directory `name` of `top`: files are deleted, directories are moved into `top`."""
    with suppress(OSError):
        os.chmod(name, 0o700, dir_fd=top, follow_symlinks=True)
    inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=top)
    try:
        for child in os.listdir(inner):
            if not _unlink(child, inner):
                moved += 1
                os.rename(child, f".moved-{moved}-{os.getpid()}", src_dir_fd=inner, dst_dir_fd=top)
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=top)
    return moved
