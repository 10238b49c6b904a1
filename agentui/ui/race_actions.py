"""What the page asks about races: start one, stop a lane, end one, go on with a lane in the chat.

A key that comes with a lane goes to that lane's endpoint, for as long as the lane runs, and is not kept. Without one a
lane has the key that the visitor gave for the same endpoint, or what this server has for it.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from agentui.errors import AgentUIError, ConfigError
from agentui.line import Turn
from agentui.runnable import Runnable
from agentui.runner import Run
from agentui.session import Session
from agentui.ui.actions import Fields, given
from agentui.ui.agent_kinds import TITLES
from agentui.ui.choices import Choices
from agentui.ui.connections import DEMO, key_for
from agentui.ui.race import MAX_LANES, MIN_LANES, Lane, Race, Races
from agentui.ui.terms import MAX_INSTRUCTIONS
from agentui.ui.visitors import Visitor
from agentui.ui.waiting import in_turn
from agentui.ui.words import humane, sentence

if TYPE_CHECKING:
    from agentui.ui.service import Service

MAX_FIELD = 4_000
"Characters of a lane's field."
MAX_PROBLEM = 400
"Characters of why a lane could not start."
_FIELDS = tuple(field.name for field in dataclasses.fields(Choices))
_INHERITED = ("system_prompt", "imports", "tools_off")
"Fields of a lane that are as the visitor's settings are."
_LONGER = {"instructions": MAX_INSTRUCTIONS}


class RaceActions:
    """The actions of races.

    Args:
        service: Makes the agents and runs them.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    @property
    def verbs(self) -> Mapping[str, Callable[[Visitor, Fields], Awaitable[Any]]]:
        """The actions by the verbs that ask for them."""
        return {
            "race": self.start,
            "stop_lane": self.stop_lane,
            "race_end": self.end,
            "race_go_on": self.go_on,
        }

    async def start(self, visitor: Visitor, fields: Fields) -> dict[str, Any]:
        """Start a race: `{"task", "lanes": [{field of Choices: text}, …]}` → what `Race.described` says.

        All lanes begin in the same moment, when every model is made. One that cannot start says why, and the others
        go on without it.

        Raises:
            ConfigError: The request makes no sense, something else runs in this chat, or no lane can start.
        """
        task, choices = given(fields, "task", str), _lanes(fields, visitor.chosen)
        self._service.check_task(task)
        if visitor.busy:
            raise ConfigError("something runs in this chat already: stop it, or wait for its end, and start the race")
        visitor.sending = True
        try:
            race = await self._race(visitor, task, choices)
        finally:
            visitor.sending = False
        return race.described()

    async def stop_lane(self, visitor: Visitor, fields: Fields) -> None:
        """Stop the run `{"run_id"}` if it is a lane's."""
        lane = visitor.races.lane(given(fields, "run_id", str))
        if lane is not None and lane.run is not None:
            lane.run.stop()

    async def end(self, visitor: Visitor, fields: Fields) -> None:
        """Stop all lanes of the race `{"race"}`."""
        if race := visitor.races.get(given(fields, "race", str)):
            race.stop()

    async def go_on(self, visitor: Visitor, fields: Fields) -> None:
        """Make a completed lane, `{"run_id"}`, the conversation of a chat that has none yet.

        What its code left behind is restored when the chat's next run begins.

        Raises:
            ConfigError: The lane cannot be gone on with, or the chat has runs of its own, which would be lost.
        """
        lane = visitor.races.lane(given(fields, "run_id", str))
        if lane is None or lane.run is None or lane.session is None or lane.run.status != "completed":
            raise ConfigError(
                "this lane cannot be gone on with: choose one that has completed its task, with an agent as the chat's"
            )
        if visitor.busy:
            raise ConfigError("something runs in this chat: stop it, or wait for its end")
        if visitor.runs:
            raise ConfigError(
                "this chat has a conversation already: press New chat and race there to go on with a lane"
            )
        await visitor.take_over(lane.run, lane.session.fork(lane.session.steps[-1].step), lane.choices)
        lane.continued = True
        visitor.changes.touch()

    async def _race(self, visitor: Visitor, task: str, choices: Sequence[Choices]) -> Race:
        races, sessions = visitor.races, [Session() for _ in choices]
        agents = await asyncio.gather(
            *(self._agent(visitor, session, one) for session, one in zip(sessions, choices, strict=True))
        )
        able = sum(not isinstance(agent, AgentUIError) for agent in agents)
        async with in_turn(visitor, self._service.worker.line, task, places=able, shown=False) as turn:
            if visitor.races is not races:
                raise ConfigError("a new chat was begun before the race was: start it again")
            lanes = self._lanes(agents, sessions, choices, task, races, turn)
        race = Race(lanes=lanes)
        if not race.runs:
            raise ConfigError("no lane can start. " + " ".join(f"{lane.name}: {lane.problem}" for lane in lanes))
        visitor.notice(None)
        races.add(race)
        return race

    def _lanes(
        self,
        agents: Sequence[Runnable | AgentUIError],
        sessions: Sequence[Session],
        choices: Sequence[Choices],
        task: str,
        races: Races,
        turn: Turn,
    ) -> list[Lane]:
        lanes: list[Lane] = []
        for agent, session, one in zip(agents, sessions, choices, strict=True):
            name = _name(agent, one, [lane.name for lane in lanes])
            lane = Lane(name=name, choices=dataclasses.replace(one, key=""))
            try:
                run = self._started(agent, task, session, races, turn)
                # The chat's agent could not read a conversation of another kind.
                lane.begin(run, session, can_go_on=not one.agent_kind)
            except AgentUIError as error:
                lane.problem = _line(error)
            lanes.append(lane)
        return lanes

    def _started(self, agent: Runnable | AgentUIError, task: str, session: Session, races: Races, turn: Turn) -> Run:
        if isinstance(agent, AgentUIError):
            raise agent
        return self._service.worker.start(agent, task, session=session, on_record=races.on_record, turn=turn)

    async def _agent(self, visitor: Visitor, session: Session, choices: Choices) -> Runnable | AgentUIError:
        """The agent of a lane, or why there is none."""
        connections = self._service.connections
        try:
            url = choices.base_url.strip() or connections.offer(choices.preset).base_url
            agent = await self._service.agent(session, choices, key_for(visitor, url, choices.key))
        except AgentUIError as error:
            return error
        if visitor.asks:
            agent.spec = dataclasses.replace(agent.spec, approval=True)
        return agent


def _line(error: AgentUIError) -> str:
    text = sentence(humane(str(error)))
    return text if len(text) <= MAX_PROBLEM else f"{text[: MAX_PROBLEM - 1]}…"


def _lanes(fields: Fields, chosen: Choices | None) -> list[Choices]:
    """What the lanes are to be; `chosen` is what the visitor's settings are."""
    lanes = cast("list[object]", given(fields, "lanes", list))
    if not MIN_LANES <= len(lanes) <= MAX_LANES:
        raise ConfigError(f"a race has {MIN_LANES} or {MAX_LANES} lanes, not {len(lanes)}: add or remove some")
    inherited = {name: getattr(chosen, name) for name in _INHERITED} if chosen else {}
    return [_choices(lane, number, inherited) for number, lane in enumerate(lanes, start=1)]


def _choices(lane: object, number: int, inherited: Mapping[str, str]) -> Choices:
    if not isinstance(lane, Mapping):
        raise ConfigError(f"the page sent no usable lane {number}: reload it")
    typed = dict(inherited)
    for name in _FIELDS:
        if name in _INHERITED:
            continue
        text, limit = given(cast(Fields, lane), name, str, default=""), _LONGER.get(name, MAX_FIELD)
        if len(text) > limit:
            raise ConfigError(f"a field of lane {number} has more than {limit:,} characters: shorten it")
        typed[name] = text
    return Choices(**{**typed, "preset": typed["preset"] or DEMO})


def _name(agent: Runnable | AgentUIError, choices: Choices, taken: Sequence[str]) -> str:
    """What a lane is called: as its model is, with what is set for it, and a number if that is another's name."""
    name = choices.model_id.strip()[:80] or choices.preset[:80]
    if not isinstance(agent, AgentUIError):
        name = agent.model.model_id
        if kind := TITLES.get(choices.agent_kind):
            name += f" · {kind.lower()}"
        name += "".join(f" · {what} {value:g}" for what, value in choices.sampling.items())
    same = sum(other == name or other.startswith(f"{name} · ") for other in taken)
    return f"{name} · {same + 1}" if same else name
