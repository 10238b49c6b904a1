"""The kinds of agents that the page makes by itself, by the names that its settings have for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from agentui.agent import Agent, CodeAgent, ToolCallingAgent
from agentui.errors import ConfigError

AGENT_KINDS: Final[Mapping[str, type[Agent]]] = {"code": CodeAgent, "tools": ToolCallingAgent}
TITLES: Final[Mapping[str, str]] = {"code": "Writes Python", "tools": "Calls tools"}


def agent_kind(name: str) -> type[Agent]:
    """The kind called `name`; agents that write code for "".

    Raises:
        ConfigError: There is none.
    """
    kind = AGENT_KINDS.get(name or "code")
    if kind is None:
        raise ConfigError(f"the agent kind {name[:40]!r} is not known: choose one of {', '.join(AGENT_KINDS)}")
    return kind
