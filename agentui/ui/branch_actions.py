"""What the page asks about branches: fork a run, re-run it from its recording, run it again live, show another branch.

Every one makes a branch of the chat that is shown; the run itself stays as it is. Nothing is done while something runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from agentui.again import Relation
from agentui.before import do_again, session_before
from agentui.errors import ConfigError
from agentui.limits import Limits
from agentui.messages import ChatMessage
from agentui.models.recorded import RecordedModel
from agentui.past_run import PastRun, past_run
from agentui.recorded_agent import rerunning
from agentui.runnable import Runnable
from agentui.runner import Run
from agentui.session import Session
from agentui.ui.actions import Fields, given
from agentui.ui.branches import Branch, ChatRun
from agentui.ui.choices import Choices
from agentui.ui.connections import DEMO, key_for
from agentui.ui.ending import MORE
from agentui.ui.visitors import Visitor
from agentui.ui.waiting import in_turn

if TYPE_CHECKING:
    from agentui.ui.service import Service

MAX_CODE = 200_000
"Characters of code that is given in the model's place."
_WORDS = ("code", "message", "task")
_Maker: TypeAlias = Callable[[PastRun, Session, Choices, Limits], Awaitable[Runnable]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    """How a branch begins."""

    agent: Runnable
    limits: Limits
    choices: Choices
    how: str
    shown: str | None
    "What stands in the transcript as said by the visitor."
    task: str | None = None
    "A new task; None to go on with that of the session."
    code: str | None = None


class BranchActions:
    """The actions of branches.

    Args:
        service: Makes the agents and runs them.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    @property
    def verbs(self) -> Mapping[str, Callable[[Visitor, Fields], Awaitable[Any]]]:
        """The actions by the verbs that ask for them."""
        return {"fork": self.fork, "rerun": self.rerun, "repeat": self.repeat, "branch": self.show}

    async def fork(self, visitor: Visitor, fields: Fields) -> None:
        """Go on another way: `{"run_id", "step", and one of "code", "message", "task"}`.

        After a step with code that runs next, or with a message of the visitor; with step 0 before the run, with
        another task.

        Raises:
            ConfigError: The request makes no sense, something runs, or the branch cannot be started.
        """
        run_id, step = given(fields, "run_id", str), given(fields, "step", int)
        what, text = self._said(fields, step)
        entry = self._entry(visitor, run_id)
        shared = visitor.branches.current.before(run_id, step)
        session = visitor.session.fork(step, run_id) if step else session_before(visitor.session, run_id)
        choices = visitor.chosen or entry.choices or Choices(preset=DEMO)
        limits = self._service.limits(choices)
        if what == "task":
            _change_task(session, text)
        if what != "message" and session.unfinished is not None:
            limits = _room(session, limits)

        async def start() -> _Start:
            agent = await self._agent(visitor, session, choices, limits)
            how = {
                "code": "Forked: other code",
                "message": "Forked: something else said",
                "task": "Forked: another task",
            }
            return _Start(
                agent=agent,
                limits=limits,
                choices=choices,
                how=how[what],
                shown=None if what == "code" else text,
                task=text if what == "message" else None,
                code=text if what == "code" else None,
            )

        await self._branch(visitor, session, shared, start)

    async def rerun(self, visitor: Visitor, fields: Fields) -> None:
        """Do the task of `{"run_id", "speed"}` again with the recorded answers of its model.

        Raises:
            ConfigError: The request makes no sense, something runs, or the branch cannot be started.
        """
        speed = given(fields, "speed", int, default=0)

        async def make(past: PastRun, session: Session, choices: Choices, limits: Limits) -> Runnable:
            agent = self._service.agent_for(session, RecordedModel(past.started.model, lambda: None), choices, limits)
            agent.spec = rerunning(agent.spec, past, session, speed=speed)
            return agent

        await self._once_more(visitor, fields, "rerun", "Re-run from the recording, without the model", make)

    async def repeat(self, visitor: Visitor, fields: Fields) -> None:
        """Do the task of `{"run_id"}` again live, with the settings it had.

        Raises:
            ConfigError: The request makes no sense, something runs, or the branch cannot be started.
        """

        async def make(_: PastRun, session: Session, choices: Choices, limits: Limits) -> Runnable:
            return await self._agent(visitor, session, choices, limits)

        await self._once_more(visitor, fields, "repeated", "Run again live", make)

    async def show(self, visitor: Visitor, fields: Fields) -> None:
        """Show the branch `{"branch"}`.

        Raises:
            ConfigError: There is none, or something runs.
        """
        branch_id = given(fields, "branch", str)
        _check_idle(visitor)
        visitor.show_branch(branch_id)

    def _said(self, fields: Fields, step: int) -> tuple[str, str]:
        """What a fork begins with, and its words."""
        said = {name: text for name in _WORDS if (text := given(fields, name, str, default=""))}
        if len(said) != 1 or step < 0 or ("task" in said) != (step == 0):
            raise ConfigError("a fork needs code or words to go on with: write some")
        ((what, text),) = said.items()
        if not text.strip():
            raise ConfigError("a fork needs code or words to go on with: write some")
        if what != "code":
            self._service.check_task(text)
        elif len(text) > MAX_CODE:
            raise ConfigError(f"the code has {len(text):,} characters and at most {MAX_CODE:,} are taken: shorten it")
        return what, text

    async def _once_more(self, visitor: Visitor, fields: Fields, relation: Relation, how: str, make: _Maker) -> None:
        """Do the task of a run again in a branch, with the agent that `make` gives and the settings the run had."""
        run_id = given(fields, "run_id", str)
        entry = self._entry(visitor, run_id)
        session, past = session_before(visitor.session, run_id), past_run(_run_of(entry).records)
        choices = entry.choices or visitor.chosen or Choices(preset=DEMO)
        limits = session.unfinished.limits if session.unfinished else self._service.limits(choices)

        async def start() -> _Start:
            do_again(session, past, relation)
            agent = await make(past, session, choices, limits)
            return _Start(agent=agent, limits=limits, choices=choices, how=how, shown=entry.task)

        await self._branch(visitor, session, visitor.branches.current.before(run_id, 0), start)

    def _entry(self, visitor: Visitor, run_id: str) -> ChatRun:
        """A run of the branch that is shown."""
        _check_idle(visitor)
        if self._service.own_agent is not None and self._service.own_agent.keeps_memory:
            raise ConfigError(
                "this agent keeps its conversation itself, so there is no way back into it: send the task again"
            )
        found = next((entry for entry in visitor.runs if entry.run is not None and entry.run.run_id == run_id), None)
        if found is None:
            raise ConfigError("this run is not part of the conversation that is shown: reload the page")
        return found

    async def _agent(self, visitor: Visitor, session: Session, choices: Choices, limits: Limits) -> Runnable:
        connections = self._service.connections
        url = choices.base_url.strip() or connections.offer(choices.preset).base_url
        return await self._service.agent(session, choices, key_for(visitor, url, ""), limits)

    async def _branch(
        self, visitor: Visitor, session: Session, shared: list[ChatRun], start: Callable[[], Awaitable[_Start]]
    ) -> None:
        """Make a branch and begin it when its turn comes; where it cannot begin, everything is as before."""
        _check_idle(visitor)
        branches, before = visitor.branches, visitor.branches.current
        branches.check_room()
        visitor.sending = True
        try:
            how = await start()
            async with in_turn(visitor, self._service.worker.line, how.shown) as turn:
                if visitor.branches is not branches or branches.current is not before:
                    raise ConfigError("another chat or branch was begun meanwhile: try again there")
                branch = Branch(session=session, runs=shared)
                branches.add(branch)
                take = visitor.begin(how.shown, how.choices, how.how)
                try:
                    run = self._service.worker.start(
                        how.agent,
                        how.task,
                        session=session,
                        limits=how.limits,
                        first_code=how.code,
                        approval=True if visitor.asks else None,
                        on_record=take,
                        turn=turn,
                    )
                except ConfigError:
                    branches.drop(branch, before)
                    visitor.notice(None)
                    raise
                visitor.started(run)
            visitor.changes.touch()
        finally:
            visitor.sending = False


def _run_of(entry: ChatRun) -> Run:
    if entry.run is None:
        raise ConfigError("this run has not begun: wait for it")
    return entry.run


def _check_idle(visitor: Visitor) -> None:
    if visitor.busy:
        raise ConfigError("something runs in this chat: stop it, or wait for its end, and try again")


def _room(session: Session, limits: Limits) -> Limits:
    """Limits that leave something for the rest of a task: more than were set, where these are used up."""
    unfinished = session.unfinished
    if unfinished is None:
        return limits
    try:
        unfinished.check(limits)
    except ConfigError:
        return replace(unfinished, limits=limits).raised(MORE)
    return limits


def _change_task(session: Session, text: str) -> None:
    """Another task in place of the session's; what came with that one stays."""
    assignment = session.assignment
    if assignment is None or session.unfinished is None:
        raise ConfigError("this run has no task of its own: fork the one that it goes on with")
    content = assignment.message.content
    parts = [part for part in content if part.get("type") != "text"] if isinstance(content, list) else []
    said = [{"type": "text", "text": text}, *parts] if parts else text
    session.assignment = replace(assignment, task=text, message=ChatMessage(role="user", content=said))
    session.unfinished = replace(session.unfinished, task=text)
