"""Bytes that snapshots keep on the host, outside of what any worker can read.

A `Segment` holds what one snapshot added: in memory while that is little, else in a file of a private directory. A
`Blob` is a stretch of a segment. Nothing is freed by hand: a segment's file goes with the last blob that needs it,
so snapshots share what has not changed by holding the same blobs. A disk is never filled to its end: others need it.
"""

from __future__ import annotations

import atexit
import errno
import hashlib
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from agentui.sandbox.claims import Claim, claim_directory

MAX_IN_MEMORY: Final = 256 << 10
"Bytes of a segment that are kept in memory."
_MAX_RESERVE_BYTES: Final = 1 << 30


class NoRoom(Exception):
    """Nothing more can be kept; the message says why."""


def reserve(disk_bytes: int) -> int:
    """Bytes of a disk that snapshots leave free."""
    return min(_MAX_RESERVE_BYTES, disk_bytes // 10)


class Segment:
    """What one snapshot added; written by one thread at a time, read by any."""

    def __init__(self) -> None:
        self.size = 0
        self._memory: bytearray | None = bytearray()
        self.path = ""
        "Its file, once it has one."

    def append(self, data: bytes | bytearray) -> Blob:
        """Keep `data`; blocks for the time of a write.

        Raises:
            NoRoom: The disk is full, or nearly.
        """
        blob = BlobInTheMaking(self)
        blob.write(data)
        return blob.whole()

    def extend(self, data: bytes | bytearray) -> None:
        """Write `data` at the end, as a part of a blob; after a failure as if it had not been tried."""
        try:
            if self._memory is not None and self.size + len(data) > MAX_IN_MEMORY:
                self._move_to_file()
            if self._memory is not None:
                self._memory += data
            else:
                self._write(data)
        except OSError as error:
            raise NoRoom(f"the host cannot store it: {error.strerror or error}") from None
        self.size += len(data)

    def read(self, start: int, size: int) -> bytes:
        """A stretch of what was appended."""
        if self._memory is not None:
            return bytes(self._memory[start : start + size])
        with open(self.path, "rb") as file:
            file.seek(start)
            return file.read(size)

    def _write(self, data: bytes | bytearray) -> None:
        disk = shutil.disk_usage(os.path.dirname(self.path))
        if disk.free - len(data) < reserve(disk.total):
            raise OSError(errno.ENOSPC, "its disk is nearly full")
        # What a write that failed has left behind its end is overwritten.
        with open(self.path, "r+b") as file:
            file.seek(self.size)
            file.write(data)

    def _move_to_file(self) -> None:
        descriptor, self.path = tempfile.mkstemp(dir=_private_directory())
        weakref.finalize(self, _delete, self.path, os.getpid())
        with os.fdopen(descriptor, "wb") as file:
            file.write(self._memory or b"")
        self._memory = None


@dataclass(frozen=True, slots=True, eq=False)
class Blob:
    """Some bytes of a segment."""

    segment: Segment
    start: int
    size: int
    digest: str
    "SHA-256, as computed here: what a worker says about its bytes is not believed."

    def chunks(self, size: int) -> Iterator[bytes]:
        """The bytes, at most `size` at a time."""
        for start in range(0, self.size, size):
            yield self.segment.read(self.start + start, min(size, self.size - start))


class BlobInTheMaking:
    """Takes a blob's bytes part by part, so that they are never all in memory; no other may be made meanwhile."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._start = segment.size
        self._digest = hashlib.sha256()

    def write(self, data: bytes | bytearray) -> None:
        """Keep more.

        Raises:
            NoRoom: The disk is full, or nearly.
        """
        self._segment.extend(data)
        self._digest.update(data)

    def whole(self) -> Blob:
        """The blob, once it has all its bytes."""
        return Blob(self._segment, self._start, self._segment.size - self._start, self._digest.hexdigest())


def segments_size(blobs: Iterator[Blob]) -> int:
    """Bytes that are held as long as all `blobs` are."""
    return sum({id(blob.segment): blob.segment.size for blob in blobs}.values())


class _Private:
    lock = threading.Lock()
    claim: Claim | None = None
    owner = 0


def _private_directory() -> str:
    """A directory of this process that only its user may enter; deleted when the process ends, or by the next one."""
    with _Private.lock:
        if _Private.claim is None or _Private.owner != os.getpid():
            _Private.claim, _Private.owner = claim_directory(), os.getpid()
            os.chmod(_Private.claim.path, 0o700)
            atexit.register(_release, _Private.claim, os.getpid())
        return _Private.claim.path


def _release(claim: Claim, owner: int) -> None:
    if os.getpid() == owner:
        claim.release()


def _delete(path: str, owner: int) -> None:
    # A forked child has the same objects, and must not delete its parent's files.
    if os.getpid() == owner:
        with suppress(OSError):
            os.unlink(path)
