"""agentui: streamed agent runs as a library, and the playground on top of it.

Names are loaded when they are first used, so `import agentui` stays quick and never brings in the page.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from agentui.version import __version__

if TYPE_CHECKING:
    from agentui.agent import CodeAgent, ToolCallingAgent
    from agentui.approval import Decision
    from agentui.errors import (
        AgentUIError,
        ConfigError,
        ModelError,
        RunError,
        RunFailed,
        RunLimitReached,
        RunStopped,
        SandboxError,
    )
    from agentui.events import Record, RunEvent
    from agentui.launch import GradioUI, Playground
    from agentui.limits import Limits
    from agentui.mcp.server import McpServer
    from agentui.mcp.several import mcp_tools
    from agentui.messages import ChatMessage, ChatMessageStreamDelta, ToolCall
    from agentui.models.base import Model
    from agentui.models.openai_server import OpenAIModel, OpenAIServerModel
    from agentui.models.scripted import ScriptedModel
    from agentui.result import RunResult
    from agentui.session import Session
    from agentui.tools import Tool, tool
    from agentui.usage import TokenUsage
    from agentui.view import RunView, fold

_HOME = {
    "AgentUIError": "errors",
    "ChatMessage": "messages",
    "ChatMessageStreamDelta": "messages",
    "CodeAgent": "agent",
    "ConfigError": "errors",
    "Decision": "approval",
    "GradioUI": "launch",
    "Limits": "limits",
    "McpServer": "mcp.server",
    "Model": "models.base",
    "ModelError": "errors",
    "OpenAIModel": "models.openai_server",
    "OpenAIServerModel": "models.openai_server",
    "Playground": "launch",
    "Record": "events",
    "RunError": "errors",
    "RunEvent": "events",
    "RunFailed": "errors",
    "RunLimitReached": "errors",
    "RunResult": "result",
    "RunStopped": "errors",
    "RunView": "view",
    "SandboxError": "errors",
    "ScriptedModel": "models.scripted",
    "Session": "session",
    "TokenUsage": "usage",
    "Tool": "tools",
    "ToolCall": "messages",
    "ToolCallingAgent": "agent",
    "fold": "view",
    "mcp_tools": "mcp.several",
    "tool": "tools",
}

__all__ = [
    "AgentUIError",
    "ChatMessage",
    "ChatMessageStreamDelta",
    "CodeAgent",
    "ConfigError",
    "Decision",
    "GradioUI",
    "Limits",
    "McpServer",
    "Model",
    "ModelError",
    "OpenAIModel",
    "OpenAIServerModel",
    "Playground",
    "Record",
    "RunError",
    "RunEvent",
    "RunFailed",
    "RunLimitReached",
    "RunResult",
    "RunStopped",
    "RunView",
    "SandboxError",
    "ScriptedModel",
    "Session",
    "TokenUsage",
    "Tool",
    "ToolCall",
    "ToolCallingAgent",
    "__version__",
    "fold",
    "mcp_tools",
    "tool",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'agentui' has no attribute {name!r}")
    value = getattr(import_module(f"agentui.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
