"""What a worker may reach through the host's file broker, and how it is reached without being led astray.

Written to: the session's own directories. From their descriptors the kernel resolves each path, refusing to leave
them, to cross a link or to enter another file system. Read only: libraries. They hold nothing that the worker made, so
links in them are followed, and where the opened file lies is looked at afterwards. Nothing but regular files and
directories is ever handed over, besides the three devices that scripts use.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from agentui.sandbox.confinement import NULL_DEVICE, SYSTEM_FILES, SYSTEM_LIBRARIES
from agentui.sandbox.worker.libc import syscall
from agentui.sandbox.worker.syscalls import this_machine

_READ_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_ANY_OPEN: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_PASSED_FLAGS: Final = os.O_ACCMODE | os.O_CREAT | os.O_EXCL | os.O_TRUNC | os.O_APPEND | os.O_DIRECTORY
_WRITING_FLAGS: Final = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_UNNAMED_FILE: Final = 0o20000000
_O_PATH: Final = 0o10000000
_RESOLVE_NO_XDEV, _RESOLVE_NO_MAGICLINKS, _RESOLVE_NO_SYMLINKS, _RESOLVE_BENEATH = 1, 2, 4, 8
_RESOLVE: Final = _RESOLVE_NO_XDEV | _RESOLVE_NO_MAGICLINKS | _RESOLVE_NO_SYMLINKS | _RESOLVE_BENEATH
_OWN_DIRECTORIES: Final = ("work", "tmp")


class _Place(NamedTuple):
    """Something in one of the session's directories."""

    root: int
    "Descriptor of the directory."
    inside: bytes
    "Path from there; `.` for itself."


class Libraries:
    """The trees and files that every session may read."""

    def __init__(self, python_paths: Sequence[str]) -> None:
        names = [os.fsencode(path) for path in (*python_paths, *SYSTEM_LIBRARIES) if os.path.isdir(path)]
        self._names = tuple(name.rstrip(b"/") for name in names)
        self._trees = tuple(dict.fromkeys(os.path.realpath(name) for name in self._names))
        self._files = {os.fsencode(path): os.fsencode(os.path.realpath(path)) for path in SYSTEM_FILES}

    def open(self, path: bytes) -> int:
        """Open a file or directory to read it.

        Raises:
            OSError: It does not exist, or is none of those that may be read.
        """
        if path in self._files:
            return os.open(self._files[path], _READ_FLAGS)
        self._check(path)
        descriptor = os.open(path, _READ_FLAGS)
        try:
            found = os.readlink(f"/proc/self/fd/{descriptor}".encode())
            if not any(_is_inside(found, tree) for tree in self._trees) or not _is_plain(descriptor):
                raise _refusal()
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def read_link(self, path: bytes) -> bytes:
        """Where a link leads.

        Raises:
            OSError: It is none, or none of those that may be read.
        """
        if path not in self._files:
            self._check(path)
        return os.readlink(path)

    def _check(self, path: bytes) -> None:
        if not any(_is_inside(path, name) for name in (*self._names, *self._trees)):
            raise _refusal()


class SessionFiles:
    """The files of one session. Paths are absolute and hold neither `.` nor `..`."""

    def __init__(self, session_dir: str, libraries: Libraries) -> None:
        self._libraries = libraries
        machine = this_machine()
        self._openat2 = machine.numbers["openat2"] if machine is not None else -1
        self._roots: dict[bytes, int] = {}
        self._descriptors: list[int] = []
        for name in _OWN_DIRECTORIES:
            path = os.fsencode(os.path.join(session_dir, name))
            descriptor = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            self._descriptors.append(descriptor)
            self._roots |= {path: descriptor, os.path.realpath(path): descriptor}

    def close(self) -> None:
        """Reach nothing any more."""
        self._roots.clear()
        while self._descriptors:
            with suppress(OSError):
                os.close(self._descriptors.pop())

    def open(self, path: bytes, flags: int, mode: int) -> int:
        """Open `path` as `open(2)` does; flags that are not for plain files have no effect.

        Raises:
            OSError: It is refused, or failed.
        """
        if flags & _UNNAMED_FILE & ~os.O_DIRECTORY:
            raise OSError(errno.EOPNOTSUPP, "files without a name are not counted")
        if flags & _O_PATH:
            raise _refusal()
        place = self._find(path)
        if place is not None:
            return self._open_own(place, flags & _PASSED_FLAGS | _ANY_OPEN, mode & 0o700)
        if path == NULL_DEVICE.encode():
            return os.open(path, flags & os.O_ACCMODE | os.O_CLOEXEC)
        if flags & _WRITING_FLAGS:
            raise _refusal()
        return self._libraries.open(path)

    def read_link(self, path: bytes) -> bytes:
        """Where a link of the libraries leads; in the session's own directories there are none.

        Raises:
            OSError: It is refused, or failed.
        """
        if self._find(path) is not None:
            raise OSError(errno.EINVAL, "not a link")
        return self._libraries.read_link(path)

    def make_directory(self, path: bytes) -> None:
        """Make a directory in one of the session's.

        Raises:
            OSError: It is refused, or failed.
        """
        with _Parent(self, path) as (parent, name):
            os.mkdir(name, 0o700, dir_fd=parent)

    def remove_file(self, path: bytes) -> None:
        """Remove a file of the session.

        Raises:
            OSError: It is refused, or failed.
        """
        with _Parent(self, path) as (parent, name):
            os.unlink(name, dir_fd=parent)

    def remove_directory(self, path: bytes) -> None:
        """Remove an empty directory of the session.

        Raises:
            OSError: It is refused, or failed.
        """
        with _Parent(self, path) as (parent, name):
            os.rmdir(name, dir_fd=parent)

    def rename(self, old: bytes, new: bytes) -> None:
        """Rename within the session's directories.

        Raises:
            OSError: It is refused, or failed.
        """
        with _Parent(self, old) as (source, old_name), _Parent(self, new) as (target, new_name):
            os.rename(old_name, new_name, src_dir_fd=source, dst_dir_fd=target)

    def open_parent(self, path: bytes) -> tuple[int, bytes]:
        """The directory that holds `path`, opened, and the last part of `path`.

        Raises:
            OSError: It is not below one of the session's directories.
        """
        place = self._find(path)
        if place is None or place.inside == b".":
            raise _refusal()
        directory, name = os.path.split(place.inside)
        return self._resolve(_Place(place.root, directory or b"."), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, 0), name

    def _open_own(self, place: _Place, flags: int, mode: int) -> int:
        descriptor = self._resolve(place, flags, mode if flags & os.O_CREAT else 0)
        if not _is_plain(descriptor):
            os.close(descriptor)
            raise _refusal()
        return descriptor

    def _find(self, path: bytes) -> _Place | None:
        for root, descriptor in self._roots.items():
            if _is_inside(path, root):
                return _Place(descriptor, path[len(root) + 1 :] or b".")
        return None

    def _resolve(self, place: _Place, flags: int, mode: int) -> int:
        how = struct.pack("=QQQ", flags, mode, _RESOLVE)
        return syscall(self._openat2, place.root, place.inside, ctypes.create_string_buffer(how, len(how)), len(how))


class _Parent:
    """Holds the directory of a path open for a while."""

    def __init__(self, files: SessionFiles, path: bytes) -> None:
        self._descriptor, self._name = files.open_parent(path)

    def __enter__(self) -> tuple[int, bytes]:
        return self._descriptor, self._name

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def _is_inside(path: bytes, tree: bytes) -> bool:
    return path == tree or path.startswith(tree + b"/")


def _is_plain(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _refusal() -> OSError:
    return OSError(errno.EACCES, "not a file of this session")
