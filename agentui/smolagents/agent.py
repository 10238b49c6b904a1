"""An agent written with smolagents, with the face of our own agents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from agentui.arguments import code_tags
from agentui.images import pictures_of
from agentui.limits import Limits
from agentui.managed import ManagedAgent
from agentui.runnable import Runnable
from agentui.sandbox.base import SandboxPool
from agentui.sandbox.local import default_pool
from agentui.session import Assignment, Session
from agentui.smolagents import library
from agentui.smolagents.fresh import fresh_copy
from agentui.smolagents.loop import SmolagentsLoop
from agentui.smolagents.model import as_our_model
from agentui.spec import AgentSpec
from agentui.tools import Tool, as_tools


class SmolagentsAgent(Runnable):
    """A smolagents `CodeAgent` or `ToolCallingAgent`: it thinks as it does there, and runs as agents do here.

    Every session gets a copy of its own, so that visitors share neither memory nor variables. Its model streams
    through ours, its code runs in our sandbox, and its stop is real. Prompts, parsing, memory, planning, checks and
    step callbacks are its own.

    Args:
        template: The agent; it is copied and never run or changed itself.
        limits: What a run may spend; by default the agent's own number of steps.
        sandbox_pool: Where its code runs instead of in this process; the process's own pool by default. An agent
            with another executor than smolagents' local one keeps that, and its output is then seen at a step's end.

    Raises:
        ConfigError: A tool or the model's address cannot be used.
    """

    loop_class = SmolagentsLoop
    adjustable = False

    def __init__(self, template: Any, *, limits: Limits | None = None, sandbox_pool: SandboxPool | None = None) -> None:
        self._template = template
        self._guests: WeakKeyDictionary[Session, Any] = WeakKeyDictionary()
        self.name, self.description = template.name, template.description
        executor = getattr(template, "python_executor", None)
        self.runs_in_sandbox = isinstance(executor, library.LocalPythonExecutor)
        self._unisolated = _unisolated(template, executor)
        tags = getattr(template, "code_block_tags", None)
        super().__init__(
            AgentSpec(
                model=as_our_model(template.model),
                pool=sandbox_pool or default_pool(),
                tools=as_tools(_tools_of(template, sandbox_pool)),
                instructions=template.instructions,
                tags=code_tags(tuple(tags) if tags else None),
                native_tools=isinstance(template, library.ToolCallingAgent),
                stream_outputs=True,
                limits=limits or Limits(max_steps=template.max_steps),
            ),
            return_full_result=template.return_full_result,
        )

    @property
    def unisolated(self) -> str | None:
        """Why code that the model writes is not held back by the sandbox; None where it is."""
        return self._unisolated

    @property
    def keeps_memory(self) -> bool:
        """True: what was said stands in the memory of the session's copy."""
        return True

    def guest_of(self, session: Session) -> Any:
        """The session's own copy of the agent, with what it remembers of the session's earlier tasks."""
        before = self._guests.get(session)
        guest = fresh_copy(self._template)
        if before is not None:  # copied once more: the thread of a run that was stopped may still hold the old one
            guest.memory.steps = list(before.memory.steps)
            guest.state = dict(before.state)
        self._guests[session] = guest
        return guest

    def pictures_of(self, assignment: Assignment) -> list[Any]:
        """The pictures of a task as smolagents takes them."""
        return pictures_of(assignment.message.content)


def _tools_of(template: Any, pool: SandboxPool | None) -> Sequence[Tool | Any]:
    tools = [tool for name, tool in template.tools.items() if name != "final_answer"]
    return [*tools, *(ManagedAgent(SmolagentsAgent(agent, sandbox_pool=pool)) for agent in _called(template))]


def _unisolated(template: Any, executor: Any) -> str | None:
    tool = next((tool for tool in template.tools.values() if isinstance(tool, library.PythonInterpreterTool)), None)
    if tool is not None:
        return f"its tool {tool.name!r} runs code in this process: use a CodeAgent, whose code the sandbox runs"
    if executor is None or isinstance(executor, library.LocalPythonExecutor | library.RemotePythonExecutor):
        reasons = (_unisolated(agent, getattr(agent, "python_executor", None)) for agent in _called(template))
        return next((reason for reason in reasons if reason), None)
    return f"its executor {type(executor).__name__} is not known to isolate code: leave it out to use the sandbox"


def _called(template: Any) -> list[Any]:
    return list(template.managed_agents.values())
