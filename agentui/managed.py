"""An agent as a function of another agent's code. Its records appear inside the caller's run, as they happen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast

from agentui.approval import Approval, Approvals
from agentui.budget import Budget
from agentui.errors import ConfigError, ToolError
from agentui.events import Record, RunEvent, RunFinished
from agentui.limits import Limits
from agentui.runner import Run
from agentui.session import Session
from agentui.signature import Parameter
from agentui.tools import Tool
from agentui.usage import Cost, TokenUsage

_PARAMETERS = (
    Parameter(
        name="task",
        annotation="str",
        description="What it is to do, with everything it needs to know.",
        schema={"type": "string"},
    ),
    Parameter(
        name="additional_args",
        annotation="dict",
        description="Values that its code finds as variables, by name.",
        schema={"type": "object"},
        default="None",
    ),
)


class Startable(Protocol):
    """What is needed of an agent to call it."""

    name: str | None
    description: str | None

    @property
    def waits_for_decide(self) -> bool:
        """Whether a run may wait until somebody calls `Run.decide`."""
        ...

    @property
    def limits(self) -> Limits:
        """What a run of it may spend."""
        ...

    def start(
        self,
        task: str,
        *,
        session: Session | None = None,
        additional_args: Mapping[str, Any] | None = None,
        limits: Limits | None = None,
        approval: Approvals | Approval | None = None,
        on_record: Callable[[Record], None] | None = None,
    ) -> Run:
        """Start a run; see `CodeAgent.start`."""
        ...


class ManagedAgent(Tool):
    """A tool that hands its task to another agent, in a conversation of its own."""

    def __init__(self, agent: Startable) -> None:
        if not agent.name or not agent.description:
            raise ConfigError(
                f"managed agent {agent.name!r} needs a name and a description: the other agent calls it by them"
            )
        self.agent = agent
        self.name = agent.name
        self.description = agent.description

    @property
    def waits_for_decide(self) -> bool:
        """Whether a run of the agent may wait until somebody calls `Run.decide`."""
        return self.agent.waits_for_decide

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The task and its variables."""
        return _PARAMETERS

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Not callable outside a run: its records would belong to none."""
        raise ToolError(f"{self.name} is an agent: it can only be called from another agent's code")

    async def call_within(
        self,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        *,
        budget: Budget,
        approval: Approval,
        emit: Callable[[RunEvent], None],
        spend: Callable[[TokenUsage, Cost | None], None],
    ) -> Any:
        """Run the agent inside the caller's run.

        Args:
            args: As the calling code gave them.
            kwargs: As the calling code gave them.
            budget: What the calling run may still spend; the agent gets no more, and what it spends counts there.
            approval: Of the calling run; who is asked there is asked here.
            emit: Takes the agent's events as they happen.
            spend: Takes what the agent cost, however it ended.

        Raises:
            ToolError: The agent has no answer; the message says why.
        """
        session = Session(payer=budget)

        def record(record: Record) -> None:
            emit(record.event)
            if isinstance(record.event, RunFinished):
                spend(record.event.usage, record.event.cost)

        try:  # what the model got wrong in its call is told to its code
            task, variables = _arguments(*args, **kwargs)
            limits = budget.left_for(self.agent.limits)
            options: dict[str, Any] = {"additional_args": variables, "limits": limits, "approval": approval}
            run = self.agent.start(task, session=session, **options, on_record=record)
        except (TypeError, ConfigError) as error:
            raise ToolError(f"{self.name}: {error}".replace("_arguments()", f"{self.name}()")) from error
        try:
            await run.wait()
        finally:
            run.stop()
            result = await run.wait()
            await session.close()
        if result.status != "completed":
            raise ToolError(f"{self.name}: {result.error}")
        return result.output


def _arguments(task: str, additional_args: Mapping[str, Any] | None = None) -> tuple[str, Mapping[str, Any]]:
    variables: Any = additional_args or {}
    if not isinstance(variables, Mapping):
        raise TypeError(f"additional_args is a {type(variables).__name__}, not a dict of names and values")
    return str(task), cast(Mapping[str, Any], variables)
