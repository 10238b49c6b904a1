"""An MCP server at an address, over streamable HTTP.

Headers go to this address only: no redirect to another origin is followed. A response that is too long ends where it
becomes so, and none is unpacked, because a small one can become any size.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
from mcp.client.streamable_http import streamable_http_client

from agentui.errors import ConfigError
from agentui.mcp.link import MAX_MESSAGE_BYTES, Link

CONNECT_S = 20.0
SILENCE_S = 3_600.0
"Between two bytes of a response; how long a call may take is up to whoever calls."


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server is. `repr` does not show its headers, nor what else may be secret."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    def __post_init__(self) -> None:
        """Check the address.

        Raises:
            ConfigError: It is none.
        """
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
        except ValueError:
            usable = False
        if not usable:
            raise ConfigError("the address of the MCP server is no http:// or https:// URL")

    @property
    def program(self) -> str:
        """The name of the host."""
        return urlsplit(self.url).hostname or "server"

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[Link, None]:
        """Talk to the server within the block."""
        timeout = httpx.Timeout(CONNECT_S, read=SILENCE_S)
        headers = {"accept-encoding": "identity", **self.headers}
        links: list[Link] = []

        async def bound(response: httpx.Response) -> None:
            response.headers.pop("content-encoding", None)
            if isinstance(response.stream, httpx.AsyncByteStream):
                matters = links if response.request.method == "POST" else []
                response.stream = _Bounded(response.stream, matters)

        async with (
            httpx.AsyncClient(headers=headers, timeout=timeout, event_hooks={"response": [bound]}) as client,
            streamable_http_client(self.url, http_client=client) as (received, to_send, _),
        ):
            links.append(Link(received, to_send))
            yield links[0]


class _Bounded(httpx.AsyncByteStream):
    """A response that ends `links` when it breaks off: whoever waits for its answer is told by nobody else."""

    def __init__(self, stream: httpx.AsyncByteStream, links: Sequence[Link]) -> None:
        self._stream = stream
        self._links = links

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_MESSAGE_BYTES
        try:
            async for chunk in self._stream:
                left -= len(chunk)
                if left < 0:
                    raise httpx.ReadError(f"it sent more than {MAX_MESSAGE_BYTES:,} bytes at once")
                yield chunk
        except httpx.TransportError as error:
            for link in self._links:
                link.end(str(error) or type(error).__name__)
            raise

    async def aclose(self) -> None:
        await self._stream.aclose()
