"""Agents that somebody brings: ours, those of smolagents, a function that makes one, or the name of any of these."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any
from weakref import WeakKeyDictionary

from agentui.errors import ConfigError
from agentui.runnable import Runnable
from agentui.session import Session


class AgentSource:
    """The agent of each conversation.

    Args:
        given: An agent, or a function without arguments that makes one. A function is called once to see what it
            makes, and once more for every further conversation, so that nothing in it is shared.

    Attributes:
        first: What the page describes itself by: its model, its limits, its sandbox.

    Raises:
        ConfigError: It is neither.
    """

    def __init__(self, given: Any) -> None:
        self._make = given if callable(given) and not _is_agent(given) else None
        self.first = as_agent(given if self._make is None else self._make())
        self._unused = self._make is not None
        self._made: WeakKeyDictionary[Session, Runnable] = WeakKeyDictionary()

    def of(self, session: Session) -> Runnable:
        """The agent of a conversation."""
        if self._make is None:
            return self.first
        if session not in self._made:
            self._made[session] = self.first if self._unused else as_agent(self._make())
            self._unused = False
        return self._made[session]


def as_agent(given: Any) -> Runnable:
    """`given` with the face of our agents.

    Raises:
        ConfigError: It is no agent.
    """
    if isinstance(given, Runnable):
        return given
    if _is_smolagents(given):  # imported only here: who has no such agent need not have the library
        return import_module("agentui.smolagents.agent").SmolagentsAgent(given)
    raise ConfigError(f"{given!r} is no agent: give a CodeAgent, a ToolCallingAgent, or a function that makes one")


def load_agent(name: str) -> Any:
    """What `MODULE:NAME` stands for; modules are also looked for in the current directory.

    Raises:
        ConfigError: There is no such thing, or its module cannot be imported.
    """
    module_name, colon, attribute = name.partition(":")
    if not (module_name and colon and attribute):
        raise ConfigError(f"{name!r} names no agent: write MODULE:NAME, such as my_agents:researcher")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = import_module(module_name)
    except ImportError as error:
        raise ConfigError(f"module {module_name!r} cannot be imported: {error}") from error
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise ConfigError(f"module {module_name!r} has no {attribute!r}: name the agent that it defines") from None


def _is_agent(given: Any) -> bool:
    return isinstance(given, Runnable) or _is_smolagents(given)


def _is_smolagents(given: Any) -> bool:
    """Told without importing it; its agents can be called, so a mere function is not meant."""
    homes = {cls.__module__.partition(".")[0] for cls in type(given).__mro__}
    return "smolagents" in homes and hasattr(given, "memory") and hasattr(given, "tools")
