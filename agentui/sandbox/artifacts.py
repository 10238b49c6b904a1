"""Files that the code made, checked before the rest of the application sees them.

Covered: size, number of pixels (from the header, nothing is decoded), that a picture is what its type says, names that
are plain relative paths without control characters; files in the work directory are opened without following links,
and only if they are regular and have one name. HTML and SVG are handed over as plain bytes, so no page renders them.
Not covered: what a program that opens a file makes of it.
"""

from __future__ import annotations

import itertools
import os
import secrets
import stat
import struct
from collections import deque
from contextlib import suppress
from typing import Final, NamedTuple

from agentui.sandbox.base import Artifact
from agentui.sandbox.codec_base import CodecError
from agentui.sandbox.codec_data import png_size
from agentui.sandbox.frames import MAX_BLOB_BYTES, clean_text

MAX_ARTIFACT_BYTES: Final = MAX_BLOB_BYTES
MAX_ARTIFACT_PIXELS: Final = 40_000_000
_MAX_NAME_CHARS: Final = 100
_MAX_LISTED: Final = 1_000
_MAX_ENTRIES: Final = 3_000
_MAX_FOLDERS: Final = 200
_MAX_DEPTH: Final = 6
_COMPILED: Final = "__pycache__"
_PLAIN_BYTES: Final = "application/octet-stream"
_MEDIA_TYPES: Final = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".py": "text/x-python",
    ".pdf": "application/pdf",
    ".zip": "application/zip",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".parquet": "application/vnd.apache.parquet",
}
_TEXT_TYPES: Final = frozenset(
    media_type for media_type in _MEDIA_TYPES.values() if media_type.startswith("text/") or "json" in media_type
)


class ArtifactRefused(Exception):
    """A file that is not kept; the message says why."""


class FileMark(NamedTuple):
    """What tells one version of a file from the next."""

    inode: int
    modified_ns: int
    size: int


def checked_artifact(name: str, media_type: str, data: bytes) -> Artifact:
    """Make an artifact of untrusted parts.

    Raises:
        ArtifactRefused: It is too large, has too many pixels, or is not of its type.
    """
    if len(data) > MAX_ARTIFACT_BYTES:
        raise ArtifactRefused(f"{len(data):,} bytes are over the limit of {MAX_ARTIFACT_BYTES:,}")
    match media_type:
        case "image/png" | "image/jpeg":
            _check_pixels(*_picture_size(media_type, data))
        case _ if media_type in _TEXT_TYPES:
            data = data.decode("utf-8", "replace").encode()
        case _ if media_type not in _MEDIA_TYPES.values():
            media_type = _PLAIN_BYTES
        case _:
            pass
    return Artifact(artifact_id=secrets.token_urlsafe(16), name=safe_name(name), media_type=media_type, data=data)


def media_type_of(name: str) -> str:
    """Media type by the extension of a file's name."""
    return _MEDIA_TYPES.get(os.path.splitext(name)[1].lower(), _PLAIN_BYTES)


def list_files(directory: str) -> dict[str, FileMark]:
    """Regular files in `directory` and the folders in it, by relative path, those of the upper folders first.

    Hidden ones and what is in hidden folders is left out, links are not followed. At most 1,000 files are found, in
    200 folders, 6 deep, among 3,000 entries: what the code makes of its folder costs no more than that.
    """
    listing = _Listing(directory)
    while listing.pending and listing.entries_left:
        with suppress(OSError):
            listing.look_into(listing.pending.popleft())
    return listing.found


def read_file(directory: str, name: str) -> bytes:
    """Content of a plain file that `list_files` found; of one that is too large only as much as shows it.

    Raises:
        ArtifactRefused: It is not a regular file with one name that can be read.
    """
    prefix, _, base = name.rpartition("/")
    try:
        parent = _open_folder(directory, prefix)
        try:
            return _read_plain_file(base, parent)
        finally:
            os.close(parent)
    except OSError as error:
        raise ArtifactRefused(error.strerror or str(error)) from None


class _Listing:
    """A walk through a folder, level by level."""

    def __init__(self, directory: str) -> None:
        self.found: dict[str, FileMark] = {}
        self.pending = deque([""])
        "Folders to look into, as paths that end in a slash."
        self.entries_left = _MAX_ENTRIES
        self._directory = directory
        self._folders_left = _MAX_FOLDERS

    def look_into(self, prefix: str) -> None:
        folder = _open_folder(self._directory, prefix.rstrip("/"))
        try:
            with os.scandir(folder) as entries:
                for entry in itertools.islice(entries, self.entries_left):
                    self.entries_left -= 1
                    if not entry.name.startswith(".") and entry.name != _COMPILED:
                        self._take(entry, f"{prefix}{entry.name}")
        finally:
            os.close(folder)

    def _take(self, entry: os.DirEntry[str], path: str) -> None:
        with suppress(OSError):
            if entry.is_dir(follow_symlinks=False):
                if self._folders_left and path.count("/") < _MAX_DEPTH:
                    self._folders_left -= 1
                    self.pending.append(f"{path}/")
            elif entry.is_file(follow_symlinks=False) and len(self.found) < _MAX_LISTED:
                status = entry.stat(follow_symlinks=False)
                self.found[path] = FileMark(status.st_ino, status.st_mtime_ns, status.st_size)


def _open_folder(directory: str, path: str) -> int:
    """Open a folder below `directory`, each part of whose path is a folder and no link."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    folder = os.open(directory, flags)
    for part in path.split("/") if path else ():
        try:
            if part in {"", ".", ".."}:
                raise OSError("not a path within the folder")
            inner = os.open(part, flags, dir_fd=folder)
        finally:
            os.close(folder)
        folder = inner
    return folder


def _read_plain_file(name: str, parent: int) -> bytes:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=parent)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise OSError("not a plain file")
        return file.read(MAX_ARTIFACT_BYTES + 1)


def _picture_size(media_type: str, data: bytes) -> tuple[int, int]:
    if media_type == "image/jpeg":
        return _jpeg_size(data)
    try:
        return png_size(data)
    except CodecError:
        raise ArtifactRefused("it is not a PNG") from None


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height from the first frame header of a JPEG."""
    place = 2
    while data[:2] == b"\xff\xd8" and place + 9 <= len(data) and data[place] == 0xFF:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4])
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return width, height
        place += 2 + max(2, length)
    raise ArtifactRefused("it is not a JPEG")


def _check_pixels(width: int, height: int) -> None:
    if not 0 < width * height <= MAX_ARTIFACT_PIXELS:
        raise ArtifactRefused(f"{width:,} × {height:,} pixels are over the limit of {MAX_ARTIFACT_PIXELS:,}")


def safe_name(name: str) -> str:
    """A relative path of plain names; of what is no such path only the last part."""
    parts = [_plain(part) for part in clean_text(name).replace("\\", "/").split("/")]
    base = parts[-1][-_MAX_NAME_CHARS:] or "file"
    folders = "/".join(parts[:-1])
    return f"{folders}/{base}" if all(parts) and 0 < len(folders) <= _MAX_NAME_CHARS else base


def _plain(part: str) -> str:
    return "".join(character for character in part if character.isprintable()).strip(" .")
