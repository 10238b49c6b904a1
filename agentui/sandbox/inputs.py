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
from typing import Final, TypeAlias

from agentui.errors import SandboxError
from agentui.sandbox.channel import Channel
from agentui.sandbox.confinement import ResourceLimits
from agentui.sandbox.frames import FrameError, clean_text

InputFiles: TypeAlias = Mapping[str, bytes | Path]
"""Bytes, or files of this machine, by the names under which the code finds them."""

_PIECE_BYTES: Final = 4 << 20
_ROOM_BYTES: Final = 16 << 20
"What is left for the code's own files at least."
_TIMEOUT_S: Final = 30.0
"For one piece."


def check_inputs(files: InputFiles, limits: ResourceLimits) -> None:
    """See whether a worker of `limits` can hold `files`.

    Raises:
        ValueError: A name is not that of a file in a directory, or they are too large.
        OSError: A path cannot be read.
    """
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


async def send_inputs(channel: Channel, files: InputFiles) -> None:
    """Have the worker store `files`.

    Raises:
        SandboxError: A file cannot be read or stored.
        WorkerGone: The worker died.
        FrameError: It answered what it must not answer.
        TimeoutError: It did not answer.
    """
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
        # A pipe that took the place of the file would be waited for without the flag.
        descriptor = await asyncio.to_thread(os.open, content, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise SandboxError(f"the file {name!r} is no plain file any more")
            left = status.st_size
            while True:
                piece = await asyncio.to_thread(file.read, min(left, _PIECE_BYTES))
                left = left - len(piece) if piece else 0
                yield piece, not left
                if not left:
                    return
    except OSError as error:
        raise SandboxError(f"the file {name!r} cannot be read: {error.strerror or error}") from error
