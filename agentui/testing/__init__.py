"""Test doubles for programs built on agentui: the same ones that its own tests use.

Everything here follows a script or a hand, never the clock: hold an answer, a code run or a response at a `Gate`,
look at what is there meanwhile, and open the gate.
"""

from agentui.models.gate import Gate, Signal
from agentui.models.scripted import Answer, Finish, Part, Reasoning, ScriptedModel, ScriptExhausted
from agentui.testing.chat_server import (
    ChatRequest,
    ChatServer,
    Drop,
    Raw,
    Reply,
    ServerAnswer,
    ServerPart,
    Stall,
    serve_chat,
)
from agentui.testing.clock import FakeClock
from agentui.testing.sandbox import ExecPart, FakePool, FakeSandbox

__all__ = [
    "Answer",
    "ChatRequest",
    "ChatServer",
    "Drop",
    "ExecPart",
    "FakeClock",
    "FakePool",
    "FakeSandbox",
    "Finish",
    "Gate",
    "Part",
    "Raw",
    "Reasoning",
    "Reply",
    "ScriptExhausted",
    "ScriptedModel",
    "ServerAnswer",
    "ServerPart",
    "Signal",
    "Stall",
    "serve_chat",
]
