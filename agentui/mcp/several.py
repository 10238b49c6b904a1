"""The tools of one or more MCP servers, each under a name of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType

from agentui.loop_thread import run_sync
from agentui.mcp.background import on_background
from agentui.mcp.described import distinct, identifier
from agentui.mcp.server import McpServer
from agentui.mcp.tool import McpTool


class McpTools:
    """Servers that are started and ended together; `with` and `async with` give the list of their tools."""

    def __init__(self, servers: Sequence[McpServer], taken: Collection[str] = ()) -> None:
        """Describe them; nothing is started.

        Args:
            servers: What to open, in this order.
            taken: Names that the tools may not have.
        """
        self.servers = servers
        self._taken = frozenset(taken)
        self._stack = AsyncExitStack()

    def __enter__(self) -> list[McpTool]:
        """Start or reach all servers.

        Raises:
            ConfigError: One of them cannot be used; the others are ended again.
        """
        return run_sync(self._start())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        run_sync(self._stack.aclose())

    async def __aenter__(self) -> list[McpTool]:
        """As `__enter__`, without blocking the event loop."""
        return await on_background(self._start())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await on_background(self._stack.aclose())

    async def _start(self) -> list[McpTool]:
        async with AsyncExitStack() as stack:
            for server in self.servers:
                stack.push_async_callback(server.stop)
                await server.start()
            self._stack = stack.pop_all()
        return self._named()

    def _named(self) -> list[McpTool]:
        """All tools; those that share a name, or have one that is taken, are called after their server too."""
        counts = Counter(tool.name for server in self.servers for tool in server.tools)
        found: dict[str, McpTool] = {}
        for server in self.servers:
            for tool in server.tools:
                alone = counts[tool.name] == 1 and tool.name not in self._taken
                name = tool.name if alone else f"{identifier(server.name)}_{tool.name}"
                name = distinct(name, {*found, *self._taken})
                found[name] = tool.renamed(name)
        return list(found.values())


def mcp_tools(*servers: McpServer | str, taken: Collection[str] = ()) -> McpTools:
    """The tools of MCP servers, while they run.

    For instance `with mcp_tools("python my_server.py") as tools: CodeAgent(tools, model).run("…")`.

    Args:
        servers: Servers; a text is the address of one, if it begins with http:// or https://, or else a command.
        taken: Names that the tools may not have, because other tools of the agent do.

    Raises:
        ConfigError: A text is neither.
    """
    return McpTools([server if isinstance(server, McpServer) else server_from(server) for server in servers], taken)


def server_from(text: str, env: Mapping[str, str] | None = None) -> McpServer:
    """The server that a text means: its address, or the command that starts it, which finds `env` in its environment.

    Raises:
        ConfigError: It is neither.
    """
    is_address = text.lower().startswith(("http://", "https://"))
    return McpServer(url=text) if is_address else McpServer(text, env=env)
