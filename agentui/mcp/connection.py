"""One live session with an MCP server, on the event loop that opened it.

A task of its own enters and leaves the session, because its scopes belong to the task that entered them. Every request
waits for its answer and for that task alike: whatever ends the session ends the wait.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar, cast

import anyio
from mcp import ClientSession, McpError
from mcp.types import (
    CONNECTION_CLOSED,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    CancelledNotification,
    CancelledNotificationParams,
    ClientNotification,
    ClientRequest,
    Implementation,
    ListToolsRequest,
    PaginatedRequestParams,
)
from pydantic import BaseModel, ValidationError

from agentui.mcp.link import Link, Transport
from agentui.version import __version__

T = TypeVar("T")

# What it logs reaches us as exceptions too, and may hold what a server sent or an address with a key in it.
logging.getLogger("mcp.client").propagate = False
logging.getLogger("mcp.client").addHandler(logging.NullHandler())

GOODBYE_S = 1.0
"For a server to take notice of a cancelled call."
CLOSE_S = 5.0
"For a server at an address to end the session; a child has its own, shorter times."
MAX_TOOLS = 1_000
_SESSION_GONE = 32600


class ConnectionLost(Exception):
    """The session is over; the message says why, in the server's or the transport's own words."""


class _ToolPage(BaseModel):
    """A page of the list of tools, whatever the tools look like."""

    tools: list[Any]
    nextCursor: str | None = None


class _Session(ClientSession):
    async def call(self, name: str, arguments: Mapping[str, Any]) -> CallToolResult:
        """Call a tool; if the wait is cancelled, the server is told."""
        params = CallToolRequestParams(name=name, arguments=dict(arguments))
        request_id = self._request_id
        try:
            return await self.send_request(ClientRequest(CallToolRequest(params=params)), CallToolResult)
        except asyncio.CancelledError:
            gone = CancelledNotification(params=CancelledNotificationParams(requestId=request_id))
            with suppress(TimeoutError, anyio.ClosedResourceError, anyio.BrokenResourceError):
                await asyncio.wait_for(self.send_notification(ClientNotification(gone)), GOODBYE_S)
            raise

    async def described(self) -> list[Any]:
        """All tools as the server describes them, unchecked."""
        found: list[Any] = []
        cursor: str | None = None
        while True:
            request = ListToolsRequest(params=PaginatedRequestParams(cursor=cursor))
            page = await self.send_request(ClientRequest(request), _ToolPage)
            found += page.tools
            cursor = page.nextCursor
            if not cursor or not page.tools or len(found) >= MAX_TOOLS:
                return found[:MAX_TOOLS]


class Connection:
    """A session that is opened once and closed once; what it was used for ends with it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._closing = asyncio.Event()
        self._opened: asyncio.Future[_Session] = asyncio.get_running_loop().create_future()
        self._link: Link | None = None
        self._kept = asyncio.create_task(self._keep())
        self.server_name = ""
        "As the server calls itself; empty before `open`."

    @property
    def alive(self) -> bool:
        """Whether calls can still be made."""
        return not self._kept.done() and not self._closing.is_set()

    async def open(self, timeout_s: float) -> list[Any]:
        """Shake hands and list the tools.

        Raises:
            TimeoutError: That took longer.
            ConnectionLost: The server ended, or does not speak the protocol.
            ConfigError: It cannot be started.
        """
        async with asyncio.timeout(timeout_s):
            await asyncio.wait({self._opened, self._kept}, return_when=asyncio.FIRST_COMPLETED)
            if not self._opened.done():
                raise await self._lost()
            return await self._while_kept(self._opened.result().described(), None)

    async def call(self, name: str, arguments: Mapping[str, Any], timeout_s: float | None) -> CallToolResult:
        """Call a tool.

        Raises:
            TimeoutError: There was no answer in time; the server has been told to stop.
            ConnectionLost: The session ended meanwhile.
            McpError: The server answered with an error of the protocol.
        """
        return await self._while_kept(self._opened.result().call(name, arguments), timeout_s)

    async def close(self) -> None:
        """End the session, and the server if it is a child."""
        self._closing.set()
        if self._opened.done():
            await asyncio.wait({self._kept}, timeout=CLOSE_S)
        self._kept.cancel()
        await asyncio.wait({self._kept})
        if not self._kept.cancelled():
            self._kept.exception()  # looked at, or asyncio would speak of it

    @property
    def last_words(self) -> str:
        """What is known of a server that ended or does not answer."""
        return "; ".join(self._link.last_words) if self._link else ""

    async def _keep(self) -> None:
        async with (
            self._transport() as link,
            _Session(
                link.received, link.to_send, client_info=_OURSELVES, message_handler=partial(_take_notice, link)
            ) as session,
        ):
            self._link = link
            begun = asyncio.create_task(session.initialize())
            closing, ended = (asyncio.create_task(event.wait()) for event in (self._closing, link.ended))
            try:
                await asyncio.wait({begun, ended}, return_when=asyncio.FIRST_COMPLETED)
                if not begun.done():
                    return
                self.server_name = begun.result().serverInfo.name
                self._opened.set_result(session)
                await asyncio.wait({closing, ended}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (begun, closing, ended):
                    task.cancel()
                await asyncio.gather(begun, closing, ended, return_exceptions=True)

    async def _while_kept(self, work: Coroutine[Any, Any, T], timeout_s: float | None) -> T:
        task = asyncio.create_task(work)
        try:
            done, _ = await asyncio.wait({task, self._kept}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=GOODBYE_S * 2)
            if task.done() and not task.cancelled():
                task.exception()  # looked at, or asyncio would speak of it
        if task not in done and self._kept in done:
            raise await self._lost()
        if task not in done:
            raise TimeoutError
        try:
            return task.result()
        except McpError as error:
            if error.error.code in {CONNECTION_CLOSED, _SESSION_GONE}:
                raise await self._lost() from error
            raise
        except ValidationError as error:
            raise ConnectionLost("it answered something that the protocol does not allow") from error

    async def _lost(self) -> Exception:
        """Why the session ended."""
        await self.close()
        error = None if self._kept.cancelled() else _innermost(self._kept.exception())
        if error is not None and not isinstance(error, McpError | asyncio.CancelledError):
            known = "" if isinstance(error, ValidationError) else f": {error}"
            return error if _is_ours(error) else ConnectionLost(f"{type(error).__name__}{known}")
        return ConnectionLost(self.last_words or _told(error) or "it closed the connection")


_OURSELVES = Implementation(name="agentui", version=__version__)


async def _take_notice(link: Link, message: object) -> None:
    """Nothing is done with what a server sends unasked; but what cannot be read may have been an answer."""
    if isinstance(message, ValueError):
        link.end("it answered something that is no message of the protocol")


def _told(error: BaseException | None) -> str:
    if not isinstance(error, McpError):
        return ""
    return "HTTP status 404" if error.error.code == _SESSION_GONE else error.error.message


def _is_ours(error: BaseException) -> bool:
    return type(error).__module__ == "agentui.errors"


def _innermost(error: BaseException | None) -> Any:
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error
