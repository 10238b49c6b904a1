"""One `AsyncOpenAI` client per event loop: connections belong to the loop that opened them.

A client is closed when its loop shuts down its async generators, as `asyncio.run` does; a loop that is closed without
that takes its client with it. `aclose` closes it earlier, but never under a call: then its last call closes it. The
key is only ever in the client's headers.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary, finalize

import httpx2
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from agentui.models.hidden import Hidden

ERROR_BODY_BYTES = 256 * 1024
PACKED_ERROR_BYTES = 8 * 1024
"Of a compressed error body; it can become a thousand times that."
ENCODINGS = "gzip, deflate"
"Compressions that a chunk of bounded size cannot turn into gigabytes."
NO_KEY = "no-key"
"Never sent: the client insists on a key, and requests without one leave the header out."


@dataclass(slots=True)
class _Entry:
    """A client with the calls that use it; a retired one gets no further calls."""

    client: AsyncOpenAI
    lifetime: AsyncGenerator[None, None]
    calls: int = 0
    retired: bool = False

    async def close_if_idle(self) -> None:
        if self.retired and not self.calls:
            await self.lifetime.aclose()


class ClientPool:
    """Makes clients on demand.

    Args:
        api_key: "" for a server that wants none.
        connect_s: Seconds to open a connection. Every other limit is the caller's.
        options: Further arguments of `AsyncOpenAI`.
    """

    def __init__(self, *, api_key: Hidden[str], connect_s: float, options: Mapping[str, Any]) -> None:
        own = {"max_retries": 0, "timeout": httpx2.Timeout(None, connect=connect_s)}
        arguments: dict[str, Any] = {**options, **own, "api_key": api_key.reveal() or NO_KEY}
        self._options = Hidden(arguments)
        self._entries: WeakKeyDictionary[asyncio.AbstractEventLoop, _Entry] = WeakKeyDictionary()
        # Held from outside the pool: a client that is collected in one go with its connections cannot close them.
        finalize(self, self._entries.clear).atexit = False

    @asynccontextmanager
    async def lease(self) -> AsyncGenerator[AsyncOpenAI, None]:
        """The client of the running loop, for one call."""
        entry = await self._entry()
        entry.calls += 1
        try:
            yield entry.client
        finally:
            entry.calls -= 1
            await entry.close_if_idle()

    async def aclose(self) -> None:
        """Close the client of the running loop as soon as no call uses it; the next call makes a new one."""
        entry = self._entries.pop(asyncio.get_running_loop(), None)
        if entry is not None:
            entry.retired = True
            await entry.close_if_idle()

    async def _entry(self) -> _Entry:
        loop = asyncio.get_running_loop()
        entry = self._entries.get(loop)
        if entry is None:
            for closed in [other for other in self._entries if other.is_closed()]:
                del self._entries[closed]
            client = self._make()
            entry = self._entries[loop] = _Entry(client, _lifetime(client))
            await anext(entry.lifetime)
        return entry

    def _make(self) -> AsyncOpenAI:
        options = dict(self._options.reveal())
        options["default_headers"] = {"Accept-Encoding": ENCODINGS, **(options.get("default_headers") or {})}
        # Redirects could lead the key, or a visitor's request, to an address that nobody checked.
        options.setdefault(
            "http_client",
            DefaultAsyncHttpxClient(
                verify=_tls(),
                follow_redirects=False,
                timeout=options["timeout"],
                event_hooks={"response": [_bound_response]},
            ),
        )
        return AsyncOpenAI(**options)


@cache
def _tls() -> ssl.SSLContext:
    """Certificates are read once: that takes 30 ms, in which an event loop would stand still for every new model."""
    return httpx2.create_ssl_context()


async def _lifetime(client: AsyncOpenAI) -> AsyncGenerator[None, None]:
    """Ends, and closes the client, when its loop shuts down."""
    async with client:
        yield


async def _bound_response(response: httpx2.Response) -> None:
    """Take away what could grow without bounds: other compressions, and the end of a long error.

    The client reads the body of an error as a whole.
    """
    packed = response.headers.get("content-encoding", "identity").strip().lower() != "identity"
    if packed and response.headers["content-encoding"].strip().lower() not in ENCODINGS.split(", "):
        del response.headers["content-encoding"]  # then its bytes are what they are: no stream
    if response.status_code >= 300 and isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Start(response.stream, PACKED_ERROR_BYTES if packed else ERROR_BODY_BYTES)


class _Start(httpx2.AsyncByteStream):
    """The first `limit` bytes of a stream."""

    def __init__(self, stream: httpx2.AsyncByteStream, limit: int) -> None:
        self._stream = stream
        self._limit = limit

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        left = self._limit
        async for chunk in self._stream:
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                return

    async def aclose(self) -> None:
        await self._stream.aclose()
