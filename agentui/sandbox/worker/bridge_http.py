"""As much of HTTP/1.1 as the bridge needs: requests with whole bodies, answers with a known length, kept connections.

Only the proxy of the virtual machine speaks to it, so a request that is not in order ends its connection. Paths carry
all arguments, so nothing depends on how a proxy treats queries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, NamedTuple, TypeAlias

MAX_BODY_BYTES: Final = 4 << 20
_MAX_HEADERS: Final = 200
_PHRASES: Final = {200: "OK", 404: "Not Found", 409: "Conflict", 410: "Gone", 422: "Unprocessable Content"}


class Request(NamedTuple):
    """A request whose body has arrived."""

    method: str
    path: tuple[str, ...]
    "What stands between the slashes."
    body: bytes


class Answer(NamedTuple):
    """What is sent back."""

    status: int
    body: bytes = b""


Handler: TypeAlias = Callable[[Request], Awaitable[Answer]]


class BadRequest(Exception):
    """What came is not a request that the host sends."""


async def serve_connection(handler: Handler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection until it is closed."""
    with suppress(OSError, ValueError, BadRequest, asyncio.IncompleteReadError, asyncio.CancelledError):
        while True:
            request = await _read_request(reader)
            if request is None:
                break
            status, body = await handler(request)
            head = f"HTTP/1.1 {status} {_PHRASES[status]}\r\nContent-Type: application/octet-stream\r\n"
            writer.write(f"{head}Cache-Control: no-store\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()
    writer.close()


async def _read_request(reader: asyncio.StreamReader) -> Request | None:
    line = await reader.readline()
    if not line:
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers = await _read_headers(reader)
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(_checked(int(headers.get("content-length", "0"))))
    return Request(method, tuple(part for part in target.partition("?")[0].split("/") if part), body)


async def _read_headers(reader: asyncio.StreamReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(_MAX_HEADERS):
        line = (await reader.readline()).decode("latin-1").rstrip("\r\n")
        if not line:
            return headers
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    raise BadRequest


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int((await reader.readline()).partition(b";")[0], 16):
        body += await reader.readexactly(_checked(size))
        _checked(len(body))
        await reader.readline()
    await _read_headers(reader)
    return bytes(body)


def _checked(size: int) -> int:
    if not 0 <= size <= MAX_BODY_BYTES:
        raise BadRequest
    return size
