"""The model server of the benchmarks, as a process of its own, so that what it does is on nobody's bill."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

PROMPT = [{"role": "user", "content": "Count."}]
HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1770933892, "model": "bench"}
_START = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
DONE = b"e\r\ndata: [DONE]\n\n\r\n"


def chunk(fields: Mapping[str, Any]) -> bytes:
    """One event in OpenAI's form, as one HTTP chunk."""
    event = b"data: " + json.dumps(HEAD | fields).encode() + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(event), event)


async def serve(respond: Callable[[str, asyncio.StreamWriter], Awaitable[None]]) -> None:
    """Answer every chat request with what `respond(path, writer)` writes; print the port, end with standard input."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = [line.lower() for line in head.split(b"\r\n")]
                if head.startswith(b"GET"):  # for its list of models
                    writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                    continue
                length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length"))
                await reader.readexactly(length)
                writer.write(_START)
                await respond(head.split(b" ", 2)[1].decode(), writer)
                writer.write(DONE + b"0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=1_000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


@contextmanager
def serving(module: str) -> Iterator[int]:
    """Run `python -m module serve` until the block ends; gives its port."""
    command = [sys.executable, "-m", module, "serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        if server.stdout is None or server.stdin is None:
            raise SystemExit("the server has no pipes")
        try:
            yield int(server.stdout.readline())
        finally:
            server.stdin.close()
