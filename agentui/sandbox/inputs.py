"""Files that the host gives to a session, sent in pieces that the worker itself writes into its work directory.

The worker writes them, so what it may not write it does not get, and a link that the code left in its directory leads
nowhere on the host. Where files cannot be opened the worker keeps them in the variable `input_files`. A session keeps
the bytes or paths, and gives them again to the worker that takes the place of a dead one.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from agentui.errors import SandboxError
from agentui.sandbox.artifacts import FileMark
from agentui.sandbox.channel import Channel, WorkerGone
from agentui.sandbox.confinement import ResourceLimits
from agentui.sandbox.frames import FrameError, clean_text
from agentui.sandbox.worker_handle import Worker

InputFiles: TypeAlias = Mapping[str, bytes | Path]
"""Bytes, or files of this machine, by the names under which the code finds them."""

_PIECE_BYTES: Final = 4 << 20
_ROOM_BYTES: Final = 16 << 20
"What is left for the code's own files at least."
_TIMEOUT_S: Final = 30.0
"For one piece."


async def give(worker: Worker, files: InputFiles, *, besides: InputFiles | None = None) -> dict[str, FileMark]:
    """Have a frozen worker store `files`; one that does not answer as it should is ended.

    Args:
        worker: Runs no step.
        files: What it is to get.
        besides: What it was given before.

    Returns:
        The marks of the files, so that they are not taken for something that the code made.

    Raises:
        ValueError: A name is not that of a file in a directory, or they are too large for the worker.
        OSError: A path does not exist.
        SandboxError: A file could not be read or stored.
    """
    if not files:
        return {}
    await asyncio.to_thread(_check, {**(besides or {}), **files}, worker.limits)
    worker.thaw()
    try:
        await _send(worker.channel, files)
    except SandboxError:
        worker.freeze()
        raise
    except (WorkerGone, FrameError, TimeoutError) as error:
        _end(worker)
        raise SandboxError(f"the files could not be stored in the sandbox: {error or 'no answer'}") from None
    except asyncio.CancelledError:
        _end(worker)
        raise
    worker.freeze()
    return {name: mark for name, mark in (await worker.list_files()).items() if name in files}


def _end(worker: Worker) -> None:
    worker.kill()
    worker.channel.abandon()


def _check(files: InputFiles, limits: ResourceLimits) -> None:
    total = 0
    for name, content in files.items():
        if os.path.basename(name) != name or name in {"", ".", ".."} or not name.isprintable():
            raise ValueError(f"{name!r} is no name of a file: give one without directories and control characters")
        size = len(content) if isinstance(content, bytes) else os.stat(content).st_size
        total += size
        if size > limits.file_bytes:
            raise ValueError(f"the file {name!r} has {size:,} bytes, more than the {limits.file_bytes:,} of one file")
    if total > limits.work_bytes - _ROOM_BYTES:
        raise ValueError(
            f"the files have {total:,} bytes, more than the {limits.work_bytes - _ROOM_BYTES:,} of a session"
        )


async def _send(channel: Channel, files: InputFiles) -> None:
    for name, content in files.items():
        async with aclosing(_pieces(name, content)) as pieces:
            begins = True
            async for piece, ends in pieces:
                async with asyncio.timeout(_TIMEOUT_S):
                    await channel.send({"t": "file", "name": name, "begins": begins, "ends": ends}, piece)
                    answer = await channel.receive()
                _check_answer(name, answer.header)
                begins = False


def _check_answer(name: str, answer: Mapping[str, object]) -> None:
    match answer:
        case {"t": "stored"}:
            return
        case {"t": "refused", "message": str(message)}:
            raise SandboxError(f"the file {name!r} could not be stored in the sandbox: {clean_text(message[:200])}")
        case _:
            raise FrameError("a frame of unknown kind")


async def _pieces(name: str, content: bytes | Path) -> AsyncGenerator[tuple[bytes, bool], None]:
    """The parts of a file, each with whether it is the last."""
    if isinstance(content, bytes):
        for start in range(0, max(1, len(content)), _PIECE_BYTES):
            yield content[start : start + _PIECE_BYTES], start + _PIECE_BYTES >= len(content)
        return
    try:
        file, left = await asyncio.to_thread(_open_plain, content)
        with file:
            while True:
                piece = await asyncio.to_thread(file.read, min(left, _PIECE_BYTES))
                left = left - len(piece) if piece else 0
                yield piece, not left
                if not left:
                    return
    except OSError as error:
        raise SandboxError(f"the file {name!r} cannot be read: {error.strerror or error}") from error


def _open_plain(path: Path) -> tuple[BinaryIO, int]:
    """A regular file and its size."""
    # A pipe that took the place of the file would be waited for without the flag.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise OSError("not a plain file")
    return os.fdopen(descriptor, "rb"), status.st_size
