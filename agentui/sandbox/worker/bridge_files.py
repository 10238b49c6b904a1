"""A worker's work folder on its way to the host, for a snapshot, and from there into the folder of a new worker.

To the host: a list of all files, then the parts that the host asks for. From the host: one stream in numbered parts,
a JSON list and then the contents one after the other.
"""

from __future__ import annotations

import json
from typing import Any, Final

from agentui.sandbox.blobs import Blob, NoRoom, Segment
from agentui.sandbox.snapshot_files import Mark, SavedFile
from agentui.sandbox.worker.bridge_http import Answer
from agentui.sandbox.worker_handle import Worker

PART_BYTES: Final = 1 << 20
MAX_LIST_BYTES: Final = 4 << 20


class FileTransfer:
    """The files of one worker."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._saved: list[SavedFile] = []
        self._stream = Segment()
        self._taken = 0

    async def answer(self, method: str, rest: list[str], body: bytes) -> Answer:
        """Do what the host asks for."""
        match method, *rest:
            case "GET", "saved":
                return await self.save()
            case "GET", "saved", index, offset:
                return self.part(int(index), int(offset))
            case "POST", "restore", number:
                return self.take(int(number), body)
            case "POST", "restore":
                return await self.restore()
            case _:
                return Answer(404)

    async def save(self) -> Answer:
        """Copy the folder, except what the last copy has already, and list what the copy holds."""
        # The host's own request to do so may still be on its way.
        self._worker.freeze()
        earlier = {file.path: file for file in self._saved if file.content is not None}
        try:
            saved = await self._worker.save_files(Segment(), earlier)
        except OSError as error:
            return Answer(422, str(error.strerror).encode())
        except NoRoom as error:
            return Answer(422, str(error).encode())
        self._saved = saved.files
        files = [
            (file.path, file.mode, file.modified_ns, file.mark, None if file.content is None else file.content.size)
            for file in saved.files
        ]
        listed = json.dumps({"files": files, "missing": saved.missing}).encode()
        if len(listed) > MAX_LIST_BYTES:
            return Answer(422, b"the names of the files are too long")
        return Answer(200, listed)

    def part(self, index: int, offset: int) -> Answer:
        """A part of a file of the last list."""
        content = self._saved[index].content if index < len(self._saved) else None
        if content is None or offset > content.size:
            return Answer(404)
        return Answer(200, content.segment.read(content.start + offset, min(PART_BYTES, content.size - offset)))

    def take(self, number: int, data: bytes) -> Answer:
        """Keep part `number` of the host's stream; a repeated one changes nothing."""
        if number == self._taken + 1:
            try:
                self._stream.append(data)
            except NoRoom as error:
                return Answer(422, str(error).encode())
            self._taken = number
        return Answer(200 if number == self._taken else 409)

    async def restore(self) -> Answer:
        """Fill the folder from the stream."""
        start = 4 + int.from_bytes(self._stream.read(0, 4))
        listed: list[Any] = json.loads(self._stream.read(4, start - 4))
        files: list[SavedFile] = []
        for path, mode, modified_ns, size in listed:
            content = None if size is None else Blob(self._stream, start, size, "")
            start += size or 0
            mark = Mark(0, 0, 0, 0)
            files.append(SavedFile(path=path, mode=mode, modified_ns=modified_ns, mark=mark, content=content))
        try:
            await self._worker.restore_files(tuple(files))
        except OSError as error:
            return Answer(422, str(error.strerror).encode())
        self._stream, self._taken = Segment(), 0
        return Answer(200)
