"""The files of a remote worker's folder, fetched for a snapshot and sent into a new worker's folder.

What the machine lists is hostile, and a snapshot may be restored on this machine: a path is plain names below the
folder, directories come before what is in them, numbers and sizes are bounded.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from agentui.sandbox.blobs import Blob, Segment
from agentui.sandbox.confinement import ResourceLimits
from agentui.sandbox.remote_client import BridgeClient, MachineLost
from agentui.sandbox.snapshot_files import Mark, SavedFile, SavedFiles, is_path_below
from agentui.sandbox.worker.bridge_files import PART_BYTES

_MAX_MISSING: Final = 200
_MAX_TEXT_CHARS: Final = 500


async def fetch_files(
    client: BridgeClient, worker: str, segment: Segment, earlier: Mapping[str, SavedFile], limits: ResourceLimits
) -> SavedFiles:
    """Copy a worker's folder into `segment`, except what `earlier` has already.

    Raises:
        MachineLost: What came is no folder within `limits`, or did not come.
    """
    listed = await client.list_saved(worker)
    files, missing = listed.get("files"), listed.get("missing")
    if not isinstance(files, list) or not isinstance(missing, dict):
        raise MachineLost("it lists no files")
    rows = [_Row(row) for row in cast("list[Any]", files)]
    check_rows(rows, limits)
    saved = SavedFiles(missing=_texts(cast("dict[str, Any]", missing)))
    for index, row in enumerate(rows):
        known = earlier.get(row.path)
        if row.size is None:
            content = None
        elif known is not None and known.content is not None and known.mark == row.mark:
            content = known.content
        else:
            data = await client.read_saved(worker, index, row.size)
            content = await asyncio.to_thread(segment.append, data)
        saved.files.append(
            SavedFile(path=row.path, mode=row.mode, modified_ns=row.modified_ns, mark=row.mark, content=content)
        )
    return saved


async def send_files(client: BridgeClient, worker: str, files: tuple[SavedFile, ...]) -> None:
    """Fill the folder of a worker that has run no code.

    Raises:
        MachineLost: It did not take them.
    """
    for number, part in enumerate(_parts(files), 1):
        await client.send_part(worker, number, part)
    await client.restore(worker)


class _Row:
    """A line of the machine's list whose fields have the right types."""

    def __init__(self, row: Any) -> None:
        match row:
            case [str(path), int(mode), int(modified_ns), [int(inode), int(modified), int(changed), int(size)], length]:
                self.path, self.mode, self.modified_ns = path, mode & 0o777, modified_ns
                self.mark = Mark(inode, modified, changed, size)
                self.size: int | None = length if isinstance(length, int) else None
            case _:
                raise MachineLost("it lists something else than files")
        if not (length is None or type(length) is int) or not -(2**63) <= self.modified_ns < 2**63:
            raise MachineLost("it lists something else than files")


def check_rows(rows: list[_Row], limits: ResourceLimits) -> None:
    """See that a list is one of plain files and directories below a folder.

    Raises:
        MachineLost: It is not.
    """
    directories, known = {""}, set[str]()
    for row in rows:
        parent, _, _ = row.path.rpartition("/")
        if not is_path_below(row.path) or parent not in directories or row.path in known:
            raise MachineLost("it lists a path that is none")
        known.add(row.path)
        if row.size is None:
            directories.add(row.path)
    sizes = [row.size for row in rows if row.size is not None]
    if len(rows) > limits.files or min(sizes, default=0) < 0 or sum(sizes) > limits.work_bytes:
        raise MachineLost("it lists more files than there can be")


def _texts(missing: dict[str, Any]) -> dict[str, str]:
    """What was left out, as text that can be shown."""
    kept = list(missing.items())[:_MAX_MISSING]
    return {_printable(name): _printable(str(reason)) for name, reason in kept}


def _printable(text: str) -> str:
    return "".join(character for character in text[:_MAX_TEXT_CHARS] if character.isprintable())


def _parts(files: tuple[SavedFile, ...]) -> Iterator[bytes]:
    rows = [(file.path, file.mode, file.modified_ns, _size(file.content)) for file in files]
    head = json.dumps(rows).encode()
    pending = bytearray(len(head).to_bytes(4) + head)
    for file in files:
        for chunk in file.content.chunks(PART_BYTES) if file.content is not None else ():
            pending += chunk
            while len(pending) >= PART_BYTES:
                yield bytes(pending[:PART_BYTES])
                del pending[:PART_BYTES]
    yield from (bytes(pending[start : start + PART_BYTES]) for start in range(0, len(pending), PART_BYTES))


def _size(content: Blob | None) -> int | None:
    return None if content is None else content.size
