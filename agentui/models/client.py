"""One `AsyncOpenAI` client per event loop: connections belong to the loop that opened them.

A client is closed when its loop shuts down its async generators, as `asyncio.run` does; a loop that is closed without
that takes its client with it. The key is only ever in the client's headers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary, finalize

import httpx2
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

ERROR_BODY_BYTES = 1024 * 1024
NO_KEY = "no-key"
"Never sent: the client insists on a key, and requests without one leave the header out."


@dataclass(frozen=True, slots=True)
class _Entry:
    client: AsyncOpenAI
    lifetime: AsyncGenerator[None, None]


class ClientPool:
    """Makes clients on demand.

    Args:
        api_key: "" for a server that wants none.
        connect_s: Seconds to open a connection. Every other limit is the caller's.
        options: Further arguments of `AsyncOpenAI`.
    """

    def __init__(self, *, base_url: str, api_key: str, connect_s: float, options: Mapping[str, Any]) -> None:
        self._options: dict[str, Any] = {
            **options,
            "api_key": api_key or NO_KEY,
            "base_url": base_url,
            "max_retries": 0,
            "timeout": httpx2.Timeout(None, connect=connect_s),
        }
        self._entries: WeakKeyDictionary[asyncio.AbstractEventLoop, _Entry] = WeakKeyDictionary()
        # Held from outside the pool: a client that is collected in one go with its connections cannot close them.
        finalize(self, self._entries.clear).atexit = False

    async def client(self) -> AsyncOpenAI:
        """The client of the running loop."""
        loop = asyncio.get_running_loop()
        entry = self._entries.get(loop)
        if entry is None:
            for closed in [other for other in self._entries if other.is_closed()]:
                del self._entries[closed]
            client = self._make()
            entry = self._entries[loop] = _Entry(client, _lifetime(client))
            await anext(entry.lifetime)
        return entry.client

    def _make(self) -> AsyncOpenAI:
        options = dict(self._options)
        # Redirects could lead the key, or a visitor's request, to an address that nobody checked.
        options.setdefault(
            "http_client",
            DefaultAsyncHttpxClient(
                follow_redirects=False, timeout=options["timeout"], event_hooks={"response": [_limit_error_body]}
            ),
        )
        return AsyncOpenAI(**options)

    async def aclose(self) -> None:
        """Close the client of the running loop; the next call makes a new one."""
        entry = self._entries.pop(asyncio.get_running_loop(), None)
        if entry is not None:
            await entry.lifetime.aclose()


async def _lifetime(client: AsyncOpenAI) -> AsyncGenerator[None, None]:
    """Ends, and closes the client, when its loop shuts down."""
    async with client:
        yield


async def _limit_error_body(response: httpx2.Response) -> None:
    """The client reads the body of an error as a whole, however long it is."""
    if response.status_code >= 300 and isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Start(response.stream)


class _Start(httpx2.AsyncByteStream):
    """The first `ERROR_BODY_BYTES` of a stream."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        left = ERROR_BODY_BYTES
        async for chunk in self._stream:
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                return

    async def aclose(self) -> None:
        await self._stream.aclose()
