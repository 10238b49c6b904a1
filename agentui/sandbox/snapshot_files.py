"""The work folder's files, copied to the host after a step and written into a new session's folder.

Hostile code filled the folder: nothing is opened through a link, only plain files with one name are read, and depth,
number and bytes are bounded. What is left out is named. The worker is frozen while its folder is read, and a folder
that is written to belongs to a worker that has run no code yet.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from agentui.sandbox.blobs import Blob, BlobInTheMaking, Segment
from agentui.sandbox.confinement import ResourceLimits

_MAX_DEPTH: Final = 40
_MAX_NAMED: Final = 100
"Files that are left out and named; the rest of them is counted."
_CHUNK_BYTES: Final = 1 << 20
_MAX_PATH_BYTES: Final = 4_000
"The kernel opens no path that is longer, so one that is could be kept and not be restored."
_READ_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class Mark(NamedTuple):
    """What changes when a file does; the code can set the second, but not the third."""

    inode: int
    modified_ns: int
    changed_ns: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFile:
    """A file or directory of the work folder."""

    path: str
    "Relative to the folder."
    mode: int
    modified_ns: int
    mark: Mark
    content: Blob | None
    "None for a directory."


@dataclass(slots=True)
class SavedFiles:
    """All of a work folder, directories before what is in them."""

    files: list[SavedFile] = field(default_factory=list[SavedFile])
    missing: dict[str, str] = field(default_factory=dict[str, str])
    "What is not kept, and why."
    left_out: int = 0

    def leave_out(self, path: str, reason: str) -> None:
        """Name `path` as not kept."""
        self.left_out += 1
        if self.left_out <= _MAX_NAMED:
            self.missing[f"file {path[:200]!r}"] = reason


def save_files(
    directory: str, segment: Segment, earlier: Mapping[str, SavedFile], limits: ResourceLimits
) -> SavedFiles:
    """Copy what is in `directory` into `segment`, except what `earlier` has already. Blocks; to be called in a thread.

    Args:
        directory: The work folder; nothing may write to it meanwhile.
        segment: Takes the bytes.
        earlier: Files of the last snapshot by path.
        limits: Number of files and bytes that are kept.

    Raises:
        NoRoom: The host cannot store them.
        OSError: The folder cannot be read.
    """
    saver = _Saver(segment, earlier, limits)
    with _opened(directory, None) as top:
        saver.walk(top, "", 0)
    saved = saver.saved
    if saved.left_out > _MAX_NAMED:
        saved.missing["other files"] = f"{saved.left_out - _MAX_NAMED:,} more are not kept"
    return saved


class _Saver:
    """One walk through a work folder."""

    def __init__(self, segment: Segment, earlier: Mapping[str, SavedFile], limits: ResourceLimits) -> None:
        self.saved = SavedFiles()
        self._segment = segment
        self._earlier = earlier
        self._max_files = limits.files
        self._bytes_left = limits.work_bytes

    def walk(self, parent: int, prefix: str, depth: int) -> None:
        for name in sorted(os.listdir(parent)):
            path = f"{prefix}{name}"
            if len(self.saved.files) >= self._max_files:
                self.saved.leave_out(path, f"there are more than {self._max_files:,} files")
                continue
            if not is_path_below(path):
                self.saved.leave_out(path, "its path is too long")
                continue
            try:
                self._keep(parent, name, path, depth)
            except OSError as error:
                self.saved.leave_out(path, error.strerror or str(error))

    def _keep(self, parent: int, name: str, path: str, depth: int) -> None:
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode):
            self._keep_directory(parent, name, path, depth)
        elif not stat.S_ISREG(found.st_mode):
            self.saved.leave_out(path, "it is neither a file nor a directory")
        elif found.st_nlink != 1:
            self.saved.leave_out(path, "it has more than one name")
        else:
            content = self._unchanged(path, found) or self._copy(parent, name)
            self._add(path, found, content)

    def _keep_directory(self, parent: int, name: str, path: str, depth: int) -> None:
        if depth >= _MAX_DEPTH:
            self.saved.leave_out(path, f"it is nested deeper than {_MAX_DEPTH} directories")
            return
        with _opened(name, parent) as inner:
            self._add(path, os.fstat(inner), None)
            self.walk(inner, f"{path}/", depth + 1)

    def _unchanged(self, path: str, found: os.stat_result) -> Blob | None:
        known = self._earlier.get(path)
        if known is None or known.content is None or known.mark != _mark(found):
            return None
        self._spend(known.content.size)
        return known.content

    def _copy(self, parent: int, name: str) -> Blob:
        descriptor = os.open(name, _READ_FLAGS | os.O_NONBLOCK, dir_fd=parent)
        with os.fdopen(descriptor, "rb") as file:
            left = os.fstat(descriptor).st_size
            self._spend(left)
            content = BlobInTheMaking(self._segment)
            while part := file.read(min(left, _CHUNK_BYTES)):
                content.write(part)
                left -= len(part)
            return content.whole()

    def _spend(self, size: int) -> None:
        if size > self._bytes_left:
            raise OSError("the files take more than a snapshot keeps")
        self._bytes_left -= size

    def _add(self, path: str, found: os.stat_result, content: Blob | None) -> None:
        mode = stat.S_IMODE(found.st_mode) & 0o777
        mark = _mark(found)
        self.saved.files.append(
            SavedFile(path=path, mode=mode, modified_ns=found.st_mtime_ns, mark=mark, content=content)
        )


def is_path_below(path: str) -> bool:
    """Whether `path` is plain names below a folder, which the system can open from the folder's descriptor."""
    try:
        size = len(os.fsencode(path))
    except UnicodeEncodeError:
        return False
    # An absolute path begins with an empty name, and would not be looked for in the folder at all.
    return size <= _MAX_PATH_BYTES and "\0" not in path and not {"", ".", ".."} & set(path.split("/"))


def restore_files(directory: str, files: tuple[SavedFile, ...]) -> None:
    """Write `files` into an empty work folder, owned by whoever owns the folder. Blocks; to be called in a thread.

    Raises:
        OSError: They cannot be written, or one is not of this folder: with such a path, nothing is written.
    """
    if not all(is_path_below(file.path) for file in files):
        raise OSError(errno.EINVAL, "a path that leaves the folder")
    with _opened(directory, None) as top:
        owner = os.fstat(top)
        for file in files:
            _restore(top, file, owner)
        for file in reversed(files):
            # Last: a directory whose mode forbids it could not be filled, and filling it changes its date.
            os.utime(file.path, ns=(file.modified_ns, file.modified_ns), dir_fd=top, follow_symlinks=False)
            if file.content is None:
                os.chmod(file.path, file.mode, dir_fd=top)


def _restore(top: int, file: SavedFile, owner: os.stat_result) -> None:
    if file.content is None:
        os.mkdir(file.path, 0o700, dir_fd=top)
    else:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(file.path, flags, 0o600, dir_fd=top)
        with os.fdopen(descriptor, "wb") as written:
            for chunk in file.content.chunks(_CHUNK_BYTES):
                written.write(chunk)
            os.fchmod(descriptor, file.mode)
    if owner.st_uid != os.geteuid():
        os.chown(file.path, owner.st_uid, owner.st_gid, dir_fd=top, follow_symlinks=False)


@contextmanager
def _opened(path: str, parent: int | None) -> Generator[int]:
    descriptor = os.open(path, os.O_DIRECTORY | _READ_FLAGS, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _mark(found: os.stat_result) -> Mark:
    return Mark(found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)
