"""`/run` as a tool for MCP clients, at the address where Gradio serves MCP.

Gradio answers what the tools are and carries the messages; the call itself goes straight to the service. So the answer
is the result, steps are told as progress, and a client that hangs up stops its run, as one of `/run` does. Nothing else
of the page is offered: no resources, no prompts. A key comes as a header and is in no argument, result or error.
"""
# Gradio's own types are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Any

from mcp import types
from mcp.server.lowlevel import Server

from agentui.errors import ConfigError
from agentui.ui.choices import Choices
from agentui.ui.connections import DEMO
from agentui.ui.events import Page
from agentui.ui.service import Service

logger = logging.getLogger(__name__)

KEY_HEADER = "x-agentui-key"
_ANSWERED = {types.PingRequest, types.ListToolsRequest, types.CallToolRequest}
_DEFAULTS: Mapping[str, Any] = {"preset": DEMO, "model_id": "", "base_url": "", "max_steps": 20}
_SHOWN = ("run_id", "status", "error", "usage", "cost", "duration_s")
"What a result says of the run besides its answer."


def with_run_tool(
    demo: Page, lifespan: Callable[[object], AbstractAsyncContextManager[None]]
) -> Callable[[object], AbstractAsyncContextManager[None]]:
    """`lifespan`, at whose start, before any request, the page's MCP server learns to run tasks our way."""

    @asynccontextmanager
    async def with_tool(app: object) -> AsyncGenerator[None, None]:
        if demo.mcp_server_obj is None:
            logger.warning("the page is served without its MCP endpoint: %s", demo.mcp_error)
        else:
            offer_run(demo.mcp_server_obj.mcp_server, demo.service, demo.mcp_server_obj.tool_to_endpoint)
        async with lifespan(app):
            yield

    return with_tool


def offer_run(server: Server[Any, Any], service: Service, names: Collection[str]) -> None:
    """Have `server` run tasks for calls of its tool, and answer nothing that is no tool."""
    for kind in set(server.request_handlers) - _ANSWERED:
        del server.request_handlers[kind]

    async def call(name: str, arguments: dict[str, Any]) -> types.CallToolResult:
        if name not in names:
            return _failed(f"there is no tool {name[:100]!r}; the tools are: {', '.join(names)}")
        if unknown := sorted(set(arguments) - {"task", *_DEFAULTS}):
            return _failed(f"{name} has no argument {unknown[0][:100]!r}; a key is sent as the header {KEY_HEADER}")
        try:
            return await _run(server, service, arguments)
        except ConfigError as error:
            return _failed(str(error))

    server.call_tool()(call)


async def _run(server: Server[Any, Any], service: Service, arguments: Mapping[str, Any]) -> types.CallToolResult:
    given = {**_DEFAULTS, **arguments}
    request = server.request_context.request
    key = str(request.headers.get(KEY_HEADER) or "") if request is not None else ""
    choices = Choices(
        preset=given["preset"],
        base_url=given["base_url"],
        model_id=given["model_id"],
        key=key,
        max_steps=str(given["max_steps"]),
    )
    last: dict[str, Any] = {}
    told = 0
    async with aclosing(service.records(str(given["task"]), choices, set())) as records:
        async for last in records:
            if message := _progress(last["event"]):
                told += 1
                await _tell(server, told, message)
    return _result(last)


async def _tell(server: Server[Any, Any], number: int, message: str) -> None:
    context = server.request_context
    token = context.meta.progressToken if context.meta else None
    if token is not None:
        await context.session.send_progress_notification(
            token, number, message=message, related_request_id=str(context.request_id)
        )


def _progress(event: Mapping[str, Any]) -> str | None:
    """A line for what is worth one."""
    match event["type"]:
        case "step_started":
            return f"Step {event['step']} ({event['kind']})"
        case "code_started":
            return f"Runs {event['code'].count(chr(10)) + 1} lines of code"
        case "tool_call_started":
            return f"Calls {event['name']}"
        case "model_retried":
            return f"Asks the model again in {event['wait_s']} s: {event['reason']}"
        case _:
            return None


def _result(record: Mapping[str, Any]) -> types.CallToolResult:
    """The answer as text, and with the run's figures as data."""
    end: Mapping[str, Any] = {"run_id": record["run_id"], **record["event"]}
    output = end["output"]
    text = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
    completed = end["status"] == "completed"
    if not completed:
        text = f"The run ended as {end['status']}: {end['error'] or 'no answer'}"
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=text)],
        structuredContent={"output": output, **{name: end[name] for name in _SHOWN}},
        isError=not completed,
    )


def _failed(why: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=why)], isError=True)
