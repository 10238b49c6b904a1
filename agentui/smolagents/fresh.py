"""A smolagents agent with nothing of anybody's conversation: one agent object is shared by all who hold it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from agentui.smolagents import library

MakeCall = Callable[..., Any]


class AskingModel:
    """Stands in for a guest's model: its calls go through the run. Everything else is the model's own."""

    def __init__(self, original: Any, ask: MakeCall) -> None:
        self._original = original
        self._ask = ask

    def generate(self, messages: list[Any], stop_sequences: list[str] | None = None, **options: Any) -> Any:
        """Ask, and wait for the whole answer."""
        return self._ask(messages, stop_sequences, options)

    __call__ = generate

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)


class SandboxExecutor:
    """Stands in for a guest's interpreter: its code runs in the run's sandbox."""

    def __init__(self, execute: MakeCall) -> None:
        self._execute = execute
        self.variables: dict[str, Any] = {}
        self.state: dict[str, Any] = {}
        "smolagents reads what was printed before an exception from here."

    def __call__(self, code: str) -> Any:
        """Run code and wait for its end."""
        return self._execute(code)

    def send_variables(self, variables: Mapping[str, Any]) -> None:
        """Variables that the code is to find; sent before the next code runs."""
        self.variables = dict(variables)

    def send_tools(self, tools: Mapping[str, Any]) -> None:
        """The sandbox has its tools from the start."""


def fresh_copy(template: Any) -> Any:
    """A copy of `template` with an empty memory, no variables, and a logger that renders nothing."""
    agent = copy.copy(template)
    agent.logger = library.silent_logger()
    agent.memory = library.AgentMemory(template.system_prompt)
    agent.monitor = library.Monitor(template.model, agent.logger)
    agent.step_callbacks = _callbacks(template, agent)
    agent.state = dict(template.state)
    agent.tools, agent.managed_agents = dict(template.tools), dict(template.managed_agents)
    agent.stream_outputs = False  # the stand-in for its model streams; its own way takes quadratic time
    agent.interrupt_switch = False
    return agent


def _callbacks(template: Any, agent: Any) -> Any:
    """The owner's callbacks; those of the template's monitor become those of the copy's."""
    registry = library.CallbackRegistry()
    for kind, callbacks in template.step_callbacks._callbacks.items():
        for callback in callbacks:
            own = getattr(callback, "__self__", None) is template.monitor
            registry.register(kind, getattr(agent.monitor, callback.__name__) if own else callback)
    return registry
