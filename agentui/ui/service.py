"""What the page's events do. No Gradio here: every method takes and returns plain values.

Runs belong to the worker and to the visitor; these methods only start and stop them and never wait for one.
"""

from __future__ import annotations

import asyncio
import copy
import dataclasses
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any

from agentui.adopt import AgentSource
from agentui.agent import CodeAgent
from agentui.demo import DEMO_TOOLS, DemoModel
from agentui.errors import ConfigError
from agentui.limits import Limits
from agentui.line import LeftLine, Turn
from agentui.models.base import Model
from agentui.runnable import Runnable
from agentui.runner import Run
from agentui.sandbox.base import SandboxPool
from agentui.session import Session
from agentui.settings import Settings
from agentui.tools import Tool
from agentui.ui.actions import Actions, Fields, given
from agentui.ui.agent_kinds import agent_kind
from agentui.ui.branch_actions import BranchActions
from agentui.ui.choices import Choices
from agentui.ui.connections import Connections, keep_key
from agentui.ui.ending import MORE
from agentui.ui.feed import MAX_BATCH, as_json, stretch
from agentui.ui.model_actions import ModelActions
from agentui.ui.race_actions import RaceActions
from agentui.ui.settings_actions import SettingsActions
from agentui.ui.steering_actions import SteeringActions
from agentui.ui.terms import terms_for
from agentui.ui.upload_actions import UploadActions
from agentui.ui.visitors import Visitor, Visitors
from agentui.ui.waiting import Waiting
from agentui.ui.words import humane, sentence
from agentui.worker import Worker


class Service:
    """The server behind the page.

    Args:
        settings: How it is served.
        connections: Makes the models.
        pool: Where code runs.
        agents: Do the tasks; by default agents with `tools`.
        tools: What these may call; by default the demo's.
    """

    def __init__(
        self,
        settings: Settings,
        connections: Connections,
        pool: SandboxPool,
        agents: AgentSource | None = None,
        tools: Sequence[Tool | Callable[..., Any]] | None = None,
    ) -> None:
        self.settings = settings
        self.connections = connections
        self.pool = pool
        self.visitors = Visitors(idle_s=settings.idle_s)
        self._agents = agents
        self._tools = DEMO_TOOLS if tools is None else tools
        first = agents.first if agents else CodeAgent(self._tools, DemoModel(), sandbox_pool=pool)
        self.terms = terms_for(settings, first, own_limits=agents is not None)
        preset = connections.offers[0].name
        settings_verbs = SettingsActions(self.terms, preset).verbs
        verbs = {
            **RaceActions(self).verbs,
            **BranchActions(self).verbs,
            **UploadActions(connections).verbs,
            **ModelActions(connections).verbs,
            **SteeringActions(self).verbs,
            **settings_verbs,
        }
        self.actions = Actions(self.visitors, {"records": self.stretch, **verbs})
        self.worker = Worker(max_running=settings.max_running)
        self._waits: set[asyncio.Future[None]] = set()

    @property
    def own_agent(self) -> Runnable | None:
        """The agent that the page was made for; None if it is the default one."""
        return self._agents.first if self._agents else None

    async def send(self, visitor: Visitor, task: str, choices: Choices) -> bool:
        """Start a task; False if it cannot be started, with the reason shown in the transcript."""
        return await self._try(visitor, choices, lambda key: self._start(visitor, task, choices, key))

    async def go_on(self, visitor: Visitor, run_id: str, choices: Choices) -> bool:
        """Go on with a run that ended early, with more of what it had used up.

        Args:
            visitor: Whose it is.
            run_id: The run, which must still be the last of the chat: a button is only good once.
            choices: The settings. Their limits are for new tasks: this one's are raised as the card says.
        """
        left = visitor.session.unfinished
        if left is None or left.run_id != run_id:
            return False
        return await self._try(visitor, choices, lambda key: self._run(visitor, None, choices, left.raised(MORE), key))

    async def _try(self, visitor: Visitor, choices: Choices, start: Callable[[str | None], Awaitable[None]]) -> bool:
        try:
            url = choices.base_url.strip() or self.connections.offer(choices.preset).base_url
            key = keep_key(visitor, url, choices.key)
            if visitor.busy:
                return False
            visitor.sending = True
            try:
                await start(key)
            finally:
                visitor.sending = False
        except ConfigError as error:
            visitor.notice(sentence(humane(str(error))))
            return False
        return True

    def stop(self, visitor: Visitor) -> str | None:
        """Stop what the visitor runs now; returns a task that waited in line and will not begin."""
        if visitor.run is not None:
            visitor.run.stop()
        visitor.races.stop()
        return visitor.leave_line()

    async def stretch(self, visitor: Visitor, fields: Fields) -> dict[str, Any] | None:
        """A stretch of a run that did not reach the browser: `{"run_id", "from_seq", "whole"}`; None if there is none.

        Unless it is to be whole, it lacks deltas that a later record of it repeats.
        """
        run_id, from_seq = given(fields, "run_id", str), given(fields, "from_seq", int)
        whole = given(fields, "whole", bool, default=False)
        run = next((run for run in visitor.all_runs if run.run_id == run_id), None)
        if run is None or from_seq < 0:
            return None
        return stretch(run, from_seq, MAX_BATCH, whole=whole)

    async def records(
        self, task: str, choices: Choices, ended: set[Run | Turn], owner: object = None
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Run a task apart from any visitor and yield its records; closing the generator stops the run.

        It may have to wait in line first, and closing the generator leaves that.

        Args:
            task: What to do.
            choices: As from the page.
            ended: Gets the turn and the run, so that the caller can stop them while nobody iterates.
            owner: Who asks, for a fair line; somebody of its own by default.

        Raises:
            ConfigError: It cannot be started.
        """
        self.check_task(task)
        session = Session()
        session.kept = False
        agent = await self.agent(session, choices, choices.key or None)
        if agent.waits_for_decide:
            raise ConfigError("this agent asks before its code runs, and here is nobody to ask: use the page")
        with self.worker.line.join(owner or session) as turn:
            ended.add(turn)
            try:
                await turn.wait()
                run = self.worker.start(agent, task, session=session, turn=turn)
            finally:
                ended.discard(turn)
        ended.add(run)
        try:
            async for batch in run.subscribe():
                for record in batch:
                    yield as_json(record)
        finally:
            ended.discard(run)
            run.stop()

    async def close(self) -> None:
        """End every run and every sandbox."""
        await self.worker.close()
        await self.visitors.close()

    async def agent(
        self, session: Session, choices: Choices, key: str | None, limits: Limits | None = None
    ) -> Runnable:
        """The agent that does a task with these choices in a session.

        Args:
            session: The conversation; each may have an agent of its own.
            choices: As from the page.
            key: For exactly the endpoint that is chosen; None without one.
            limits: Instead of those that were chosen.

        Raises:
            ConfigError: Something is missing or not allowed; the message says what to do.
        """
        limits = limits or self.limits(choices)
        model = await self.connections.model(choices.preset, choices.base_url, choices.model_id, key, choices.sampling)
        return self.agent_for(session, model, choices, limits)

    def check_task(self, task: str) -> None:
        """Raise `ConfigError` if a task is empty or too long."""
        limit = self.settings.max_task_characters
        if not task.strip():
            raise ConfigError("the task is empty: say what the agent is to do")
        if len(task) > limit:
            raise ConfigError(
                f"the task has {len(task):,} characters and at most {limit:,} are taken: shorten it, "
                "or let the code read the data from a file"
            )

    def limits(self, choices: Choices) -> Limits:
        """The limits that were chosen, the server's own where nothing was; `ConfigError` if one is none."""
        return self.terms.limits_of(choices)

    async def _start(self, visitor: Visitor, task: str, choices: Choices, key: str | None) -> None:
        self.check_task(task)
        await self._run(visitor, task, choices, self.limits(choices), key)

    async def _run(self, visitor: Visitor, task: str | None, choices: Choices, limits: Limits, key: str | None) -> None:
        session = visitor.session
        agent = await self.agent(session, choices, key, limits)
        if visitor.session is not session:
            raise ConfigError("a new chat was begun before the task was: send it again")
        turn = self.worker.line.join(visitor.visitor_id, on_move=visitor.changes.touch)
        if turn.is_up:
            return self._begin(visitor, agent, task, choices, limits, turn)
        waits = asyncio.ensure_future(self._begin_in_turn(visitor, agent, task, choices, limits, turn))
        self._waits.add(waits)
        waits.add_done_callback(self._waits.discard)
        await asyncio.sleep(0)  # it waits now, visibly

    async def _begin_in_turn(
        self, visitor: Visitor, agent: Runnable, task: str | None, choices: Choices, limits: Limits, turn: Turn
    ) -> None:
        """Start a run when its turn has come, if it is not given up before."""
        try:
            with visitor.in_line(Waiting(line=self.worker.line, turn=turn, task=task)):
                await turn.wait()
            self._begin(visitor, agent, task, choices, limits, turn)
        except LeftLine:
            return
        except ConfigError as error:
            visitor.notice(sentence(humane(str(error))))

    def _begin(
        self, visitor: Visitor, agent: Runnable, task: str | None, choices: Choices, limits: Limits, turn: Turn
    ) -> None:
        uploads = visitor.uploads
        given: dict[str, Any] = {}
        if task is not None:
            given = uploads.given(agent.model.model_id, native=agent.spec.native_tools)
        attached = uploads.take() if given else []
        take = visitor.begin(task, choices, attached=attached)
        try:
            with turn:
                run = self.worker.start(
                    agent,
                    task,
                    session=visitor.session,
                    limits=limits,
                    approval=True if visitor.asks else None,
                    on_record=take,
                    turn=turn,
                    **given,
                )
        except ConfigError:
            uploads.give_back(attached)
            visitor.refused()
            raise
        visitor.started(run)
        visitor.changes.touch()

    def agent_for(self, session: Session, model: Model, choices: Choices, limits: Limits) -> Runnable:
        """The same with this model."""
        if self._agents is None:
            kind = agent_kind(choices.agent_kind)
            agent = kind(self._tools, model, limits=limits, sandbox_pool=self.pool)
        elif choices.agent_kind:
            raise ConfigError("this page has an agent of its own, whose kind cannot be changed: leave it as it is")
        else:
            agent = copy.copy(self._agents.of(session))
        spec = dataclasses.replace(agent.spec, model=model, stream_outputs=True, limits=limits)
        agent.spec = self.terms.applied(spec, choices)
        return agent
