"""A tool of an MCP server as a tool of an agent."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

from agentui.loop_thread import run_sync
from agentui.mcp.background import on_background
from agentui.mcp.described import Described
from agentui.messages import ToolSchema
from agentui.signature import Parameter
from agentui.tools import Tool


class Caller(Protocol):
    """Calls the tools of a server; on the background loop only."""

    name: str

    async def call(self, tool: Described, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call one."""
        ...


class McpTool(Tool):
    """A tool that a server runs; `McpServer` makes them.

    Attributes:
        name: Its name here, which may differ from the server's.
        description: The server's text.
        server_tool: The tool as the server describes it.
    """

    def __init__(self, server: Caller, server_tool: Described, name: str) -> None:
        self._server = server
        self.server_tool = server_tool
        self.name = name
        self.description = server_tool.description

    def __repr__(self) -> str:
        """Its name and its server's."""
        return f"McpTool({self.name!r} of {self._server.name!r})"

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The arguments; those that must be given first."""
        return self.server_tool.parameters

    def as_schema(self) -> ToolSchema:
        """The tool as a model reads it that calls tools natively: the arguments as the server describes them."""
        parameters: dict[str, Any] = {"type": "object", "properties": {}, **self.server_tool.schema}
        function: dict[str, Any] = {"name": self.name, "description": self.description, "parameters": parameters}
        return {"type": "function", "function": function}

    def renamed(self, name: str) -> Self:
        """The same tool under another name."""
        tool = copy.copy(self)
        tool.name = name
        return tool

    async def call(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call the tool.

        Raises:
            ToolError: It failed, in whatever way.
        """
        return await on_background(self._server.call(self.server_tool, args, kwargs))

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the tool and wait for its result.

        Raises:
            ToolError: As `call`.
        """
        return run_sync(self._server.call(self.server_tool, args, kwargs))
