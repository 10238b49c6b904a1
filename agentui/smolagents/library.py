"""What is used of smolagents, which has no types. Importing this imports it, so only its owners' agents lead here."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

from agentui.messages import ToolCall

_agents: Any = import_module("smolagents.agents")
_memory: Any = import_module("smolagents.memory")
_models: Any = import_module("smolagents.models")
_monitoring: Any = import_module("smolagents.monitoring")
_executor: Any = import_module("smolagents.local_python_executor")
_console: Any = import_module("rich.console")

MultiStepAgent = _agents.MultiStepAgent
ToolCallingAgent = _agents.ToolCallingAgent
ActionStep, PlanningStep, FinalAnswerStep = _memory.ActionStep, _memory.PlanningStep, _memory.FinalAnswerStep
AgentMemory, CallbackRegistry = _memory.AgentMemory, _memory.CallbackRegistry
AgentToolExecutionError = _agents.AgentToolExecutionError
ChatMessage, MessageRole = _models.ChatMessage, _models.MessageRole
ChatMessageToolCall, ChatMessageToolCallFunction = _models.ChatMessageToolCall, _models.ChatMessageToolCallFunction
OpenAIModel = _models.OpenAIModel
clean_messages = _models.get_clean_message_list
role_conversions = _models.tool_role_conversions
TokenUsage, Monitor = _monitoring.TokenUsage, _monitoring.Monitor
PythonInterpreterTool = import_module("smolagents.default_tools").PythonInterpreterTool
RemotePythonExecutor = import_module("smolagents.remote_executors").RemotePythonExecutor
CodeOutput, LocalPythonExecutor = _executor.CodeOutput, _executor.LocalPythonExecutor


def silent_logger() -> Any:
    """A logger that renders nothing: smolagents' own spends more time on the console than on the stream."""
    return _monitoring.AgentLogger(level=_monitoring.LogLevel.OFF, console=_console.Console(quiet=True))


def as_json(value: object) -> str:
    """Arguments that smolagents has parsed already, as the text that they were."""
    return json.dumps(value, ensure_ascii=False, default=str)


def as_their_call(call: ToolCall) -> Any:
    """A call that a model made natively."""
    function = ChatMessageToolCallFunction(name=call.name, arguments=call.arguments)
    return ChatMessageToolCall(function=function, id=call.call_id, type="function")
