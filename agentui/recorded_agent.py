"""An agent whose model gives recorded answers, and so do those of the agents that it calls."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

from agentui.again import Again
from agentui.comparison import Comparison, Once
from agentui.errors import ConfigError
from agentui.limits import Limits
from agentui.managed import ManagedAgent, Startable
from agentui.models.recorded import RecordedModel
from agentui.past_answer import PastAnswer, past_answer
from agentui.past_run import PastRun
from agentui.runner import Run
from agentui.session import Session
from agentui.spec import AgentSpec
from agentui.tools import Tool


@runtime_checkable
class _Specified(Startable, Protocol):
    spec: AgentSpec


def rerunning(
    spec: AgentSpec, past: PastRun, session: Session, *, speed: float = 0.0, once: Once | None = None
) -> AgentSpec:
    """An agent for one run in `session`, which does what was recorded and is compared with it.

    Args:
        spec: The agent of today.
        past: The recorded run.
        session: Where the run will be.
        speed: Times the recorded speed at which answers come; 0 for at once.
        once: Shared by the runs of an agent and of those that it calls.

    Raises:
        ConfigError: The speed is none.
    """
    if not 0 <= speed < math.inf:
        raise ConfigError(f"speed={speed!r} is not a number from 0: 1 is the recorded speed, 0 does not wait at all")
    comparison = Comparison(past, once)
    session.again = replace(session.again or Again(parent=None), comparison=comparison)

    def next_answer() -> PastAnswer | None:
        step = comparison.step
        return None if step is None else past_answer(past, step, spec.tags, native=spec.native_tools)

    return replace(
        spec,
        model=RecordedModel(past.started.model, next_answer, speed=speed),
        context_tokens=spec.context_tokens or max(0, past.started.context_tokens or 0) or None,
        tools={name: _recorded(tool, comparison, speed) for name, tool in spec.tools.items()},
    )


def _recorded(tool: Tool, comparison: Comparison, speed: float) -> Tool:
    if not isinstance(tool, ManagedAgent):
        return tool
    return ManagedAgent(_RecordedAgent(tool.agent, comparison, speed))


class _RecordedAgent:
    """Another agent, each call of which is one of those that were recorded."""

    def __init__(self, agent: Startable, comparison: Comparison, speed: float) -> None:
        self.name, self.description = agent.name, agent.description
        self._agent = agent
        self._comparison = comparison
        self._speed = speed

    @property
    def waits_for_decide(self) -> bool:
        return self._agent.waits_for_decide

    @property
    def limits(self) -> Limits:
        return self._agent.limits

    def start(
        self,
        task: str,
        *,
        session: Session | None = None,
        additional_args: Mapping[str, Any] | None = None,
        **rest: Any,
    ) -> Run:
        past = self._comparison.take_called(self.name or "", task)
        if past is None or session is None:
            raise ConfigError("the recording has no such call of this agent")
        twin = copy.copy(self._agent)
        if not isinstance(twin, _Specified):
            raise ConfigError("this agent cannot give recorded answers")
        twin.spec = rerunning(twin.spec, past, session, speed=self._speed, once=self._comparison.once)
        return twin.start(task, session=session, additional_args=additional_args, **rest)
