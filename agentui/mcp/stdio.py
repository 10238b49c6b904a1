"""An MCP server as a child process that reads and writes one message a line.

The child gets PATH, HOME and what it is given, and nothing else of this process's environment. It has a process group
of its own, which ends with the connection: asked first, then told, then killed. A line that is no message is skipped,
for many servers print to the wrong stream; one that is too long ends the connection.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCMessage
from pydantic import ValidationError

from agentui.errors import ConfigError
from agentui.mcp.link import MAX_MESSAGE_BYTES, Link

GRACE_S = 1.0
"For a server to end by itself when its input is closed, and once more when it is told to."
LAST_WORDS_S = 0.5
"For what a server that has ended printed to be read; somebody it started may hold the stream open."
_INHERITED = ("PATH", "HOME", "SYSTEMROOT")
_KEPT_CHARACTERS = 2_000
_CHUNK = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """How to start a server. `repr` shows neither arguments nor environment: both may hold secrets."""

    words: Sequence[str] = field(repr=False)
    env: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    cwd: str | None = None

    @property
    def program(self) -> str:
        """The name of what is started."""
        return os.path.basename(self.words[0])

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[Link, None]:
        """Start the server; it ends with the block.

        Raises:
            ConfigError: There is no such program.
        """
        process = await self._start()
        to_session, received = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        to_send, from_session = anyio.create_memory_object_stream[SessionMessage](0)
        link = Link(received, to_send)
        # Whoever holds the other ends closes them: the session may be waiting on either.
        tasks = [
            asyncio.create_task(_read(process, to_session, link)),
            asyncio.create_task(_write(process, from_session)),
            asyncio.create_task(_keep_errors(process, link)),
        ]
        try:
            yield link
        finally:
            await _end(process)
            await asyncio.wait(tasks[-1:], timeout=LAST_WORDS_S)
            if process.returncode:
                link.last_words.insert(0, f"exit status {process.returncode}")
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for stream in (to_session, received, to_send, from_session):
                stream.close()

    async def _start(self) -> asyncio.subprocess.Process:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        pipe = asyncio.subprocess.PIPE
        try:
            return await asyncio.create_subprocess_exec(
                *self.words,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                env={**inherited, **self.env},
                cwd=self.cwd,
                limit=MAX_MESSAGE_BYTES,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise ConfigError(f"MCP server {self.program!r} cannot be started: {reason}") from error


async def _read(
    process: asyncio.subprocess.Process, stream: MemoryObjectSendStream[SessionMessage | Exception], link: Link
) -> None:
    try:
        async with stream:
            async for line in _lines(process, link):
                try:
                    message = JSONRPCMessage.model_validate_json(line)
                except ValidationError:
                    if len(link.last_words) < 2:
                        text = line[:200].decode("utf-8", "replace")
                        link.last_words.append(f"it printed {text!r}, which is no message")
                    continue
                await stream.send(SessionMessage(message))
    except (anyio.ClosedResourceError, anyio.BrokenResourceError):
        pass
    finally:
        link.ended.set()


async def _lines(process: asyncio.subprocess.Process, link: Link) -> AsyncGenerator[bytes, None]:
    stdout: Any = process.stdout
    while True:
        try:
            line: bytes = await stdout.readline()
        except ValueError:
            link.last_words.append(f"it sent more than {MAX_MESSAGE_BYTES:,} bytes at once")
            return
        if not line:
            return
        if line.strip():
            yield line


async def _write(process: asyncio.subprocess.Process, stream: MemoryObjectReceiveStream[SessionMessage]) -> None:
    stdin: Any = process.stdin
    with suppress(ConnectionError):
        async with stream:
            async for sent in stream:
                stdin.write(sent.message.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n")
                await stdin.drain()


async def _keep_errors(process: asyncio.subprocess.Process, link: Link) -> None:
    """Read what the server prints to its standard error; the end of it explains a death."""
    stderr: Any = process.stderr
    kept = ""
    try:
        while chunk := await stderr.read(_CHUNK):
            kept = (kept + chunk.decode("utf-8", "replace"))[-_KEPT_CHARACTERS:]
    finally:
        if kept.strip():
            link.last_words.append(kept.strip().splitlines()[-1])


async def _end(process: asyncio.subprocess.Process) -> None:
    stdin: Any = process.stdin
    stdin.close()
    try:
        for number in (None, signal.SIGTERM):
            if number is not None:
                _signal_group(process, number)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), GRACE_S)
                break
    finally:  # also where this is cancelled, and its children too, which may outlive it
        _signal_group(process, signal.SIGKILL)
    await process.wait()


def _signal_group(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
