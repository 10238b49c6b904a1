"""MCP servers whose tools an agent can call, within a `with` block, from sync and from async code.

Sessions live on the background loop, whatever loop or thread a call comes from. A server that is gone fails the call
it was in, and is started or reached anew by the next one. Nothing of its headers and environment is shown in errors,
results or `repr`.
"""

from __future__ import annotations

import asyncio
import logging
import shlex
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import parse_qsl, urlsplit

from mcp import McpError

from agentui.errors import ConfigError, ToolError
from agentui.loop_thread import run_sync
from agentui.mcp.arguments import sent_arguments
from agentui.mcp.background import on_background
from agentui.mcp.connection import Connection, ConnectionLost
from agentui.mcp.described import Described, NotDescribed, describe, distinct
from agentui.mcp.http import Address
from agentui.mcp.results import text_of, value_of
from agentui.mcp.stdio import Command
from agentui.mcp.tool import McpTool
from agentui.models.redact import one_line, without_secrets

logger = logging.getLogger(__name__)
_MAX_ERROR = 2_000
_SHORTEST_WORD = 8
"Shorter ones are words such as `Bearer`."


class McpServer:
    """One server and its tools: `with McpServer("python my_server.py") as server: CodeAgent(server.tools, model)`.

    Args:
        command: Starts a server that speaks over its standard streams, as one text or in words.
        url: Where a server is that speaks streamable HTTP; either this or `command`.
        env: What the command finds in its environment besides PATH and HOME.
        cwd: The command's directory; by default this process's.
        headers: Sent with every request to `url`, for instance `{"Authorization": "Bearer …"}`.
        name: Tells it from other servers with tools of the same names; by default its own name for itself.
        timeout_s: Seconds that a call may take.
        start_timeout_s: Seconds until it must have listed its tools.

    Attributes:
        tools: What it offers; empty outside the block.
        left_out: Why tools that it lists are not among them, by their names.

    Raises:
        ConfigError: Neither or both of `command` and `url` are given, or one of them cannot be used.
    """

    def __init__(
        self,
        command: str | Sequence[str] | None = None,
        *,
        url: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        headers: Mapping[str, str] | None = None,
        name: str | None = None,
        timeout_s: float = 120.0,
        start_timeout_s: float = 30.0,
    ) -> None:
        if (command is None) == (url is None):
            raise ConfigError("an MCP server is either a command or a URL: give one of the two")
        self._where: Command | Address = (
            Command(words=_words(command), env=env or {}, cwd=cwd)
            if command is not None
            else Address(url=url or "", headers=headers or {})
        )
        self._secrets = _secrets(url or "", *(env or {}).values(), *(headers or {}).values())
        self.name = name or self._where.program
        self._named = name is not None
        self._timeout_s = timeout_s
        self._start_timeout_s = start_timeout_s
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()
        self._open = False
        self.tools: tuple[McpTool, ...] = ()
        self.left_out: dict[str, str] = {}

    def __repr__(self) -> str:
        """Its name, and nothing of what it was given."""
        return f"McpServer({self.name!r})"

    def __enter__(self) -> Self:
        """Start or reach the server, and list its tools.

        Raises:
            ConfigError: It cannot be started, does not answer, or does not speak MCP.
        """
        run_sync(self.start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        run_sync(self.stop())

    async def __aenter__(self) -> Self:
        """As `__enter__`, without blocking the event loop."""
        await on_background(self.start())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await on_background(self.stop())

    async def start(self) -> None:
        """What entering does; on the background loop only.

        Raises:
            ConfigError: As `__enter__`.
        """
        try:
            listed = await self._connect()
        except ConnectionLost as error:
            raise ConfigError(self._shown(f"MCP server {self.name!r} cannot be used: {error}")) from None
        self._open = True
        self._take(listed)

    async def stop(self) -> None:
        """What leaving does; on the background loop only."""
        self._open, self.tools = False, ()
        if self._connection is not None:
            await self._connection.close()

    async def call(self, tool: Described, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call a tool; on the background loop only.

        Raises:
            ToolError: It failed, in whatever way.
        """
        if not self._open:
            raise ToolError(f"MCP server {self.name!r} is closed: call its tools inside its `with` block")
        arguments = sent_arguments(tool, args, kwargs)
        try:
            connection = await self._connected()
            result = await connection.call(tool.server_name, arguments, self._timeout_s)
        except (ConnectionLost, ConfigError) as error:
            raise ToolError(
                self._shown(f"MCP server {self.name!r} is gone ({error}); the next call tries to start it again")
            ) from None
        except TimeoutError:
            raise ToolError(f"MCP server {self.name!r} did not answer {tool.name}() in {self._timeout_s:g} s") from None
        except McpError as error:
            raise ToolError(self._shown(error.error.message)) from None
        if result.isError:
            raise ToolError(self._shown(text_of(result) or f"{tool.name}() failed and does not say why"))
        return self._without_secrets(value_of(result, wrapped=tool.wrapped))

    async def _connected(self) -> Connection:
        async with self._connecting:
            if self._connection is None or not self._connection.alive:
                await self._connect()
        if self._connection is None:
            raise ConnectionLost("it is closed")
        return self._connection

    async def _connect(self) -> list[Any]:
        """A new session, and the tools that the server lists."""
        connection = Connection(self._where.connect)
        usable = False
        try:
            listed = await connection.open(self._start_timeout_s)
            usable = True
        except TimeoutError:
            said = f" ({connection.last_words})" if connection.last_words else ""
            raise ConnectionLost(f"it did not answer in {self._start_timeout_s:g} s{said}") from None
        except McpError as error:
            raise ConnectionLost(error.error.message) from None
        finally:
            if not usable:
                await connection.close()
        self._connection = connection
        return listed

    def _take(self, listed: Sequence[Any]) -> None:
        """Make tools of what the server lists."""
        if not self._named and self._connection is not None:
            self.name = one_line(self._connection.server_name, 100) or self.name
        tools: list[McpTool] = []
        names: set[str] = set()
        for given in listed:
            try:
                described = describe(given)
            except NotDescribed as error:
                known = cast("dict[str, Any]", given).get("name") if isinstance(given, dict) else None
                listed_as = one_line(str(known or "without a name"), 100)
                self.left_out[listed_as] = str(error)
                logger.warning("MCP server %r: tool %r is left out: %s", self.name, listed_as, error)
                continue
            name = distinct(described.name, names)
            names.add(name)
            tools.append(McpTool(self, described, name))
        self.tools = tuple(tools)

    def _shown(self, text: str) -> str:
        return one_line(without_secrets(text, self._secrets), _MAX_ERROR)

    def _without_secrets(self, value: Any) -> Any:
        if isinstance(value, str):
            return without_secrets(value, self._secrets)
        if isinstance(value, list):
            return [self._without_secrets(item) for item in cast("list[Any]", value)]
        if isinstance(value, dict):
            pairs = cast("dict[str, Any]", value).items()
            return {without_secrets(key, self._secrets): self._without_secrets(item) for key, item in pairs}
        return value


def _words(command: str | Sequence[str]) -> list[str]:
    try:
        words = shlex.split(command) if isinstance(command, str) else [*command]
    except ValueError as error:
        raise ConfigError(f"the command of the MCP server cannot be split into words: {error}") from error
    if not words:
        raise ConfigError("the command of the MCP server is empty")
    return words


def _secrets(url: str, *values: str) -> list[str]:
    """What must not be shown: values as they are and the words in them, and what a URL holds besides the place."""
    parts = urlsplit(url)
    own = [parts.query, parts.username or "", parts.password or "", *(value for _, value in parse_qsl(parts.query))]
    words = [word for value in values for word in value.split() if len(word) >= _SHORTEST_WORD]
    return sorted({*own, *values, *words} - {""}, key=len, reverse=True)
