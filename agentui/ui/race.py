"""A race: one task in two or three lanes at once, each with its own model or settings and its own sandbox.

A lane begins with an empty conversation. Its sandbox is closed when it has ended and what its code left behind is kept,
so that a chat can go on with it. Lanes are not part of the chat's conversation; their records travel and are kept with
it. A lane that could not start says why.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentui.events import Record
from agentui.runner import Run
from agentui.session import Session
from agentui.ui.choices import Choices

MIN_LANES = 2
MAX_LANES = 3
MAX_RACES = 4
"Races that a chat keeps; the oldest is forgotten first."


@dataclass(slots=True, kw_only=True)
class Lane:
    """One of the runs of a race."""

    name: str
    "Tells the lanes of a race apart."
    run: Run | None = None
    session: Session | None = None
    "Its conversation, if the chat can go on with it; its steps can be gone back to when its sandbox is closed."
    choices: Choices | None = None
    "The settings of its run."
    problem: str | None = None
    "Why it could not start, in a sentence."
    continued: bool = False
    "It became the chat's conversation."
    closing: asyncio.Task[None] | None = None
    "Closes the sandbox."

    def begin(self, run: Run, session: Session, *, can_go_on: bool) -> None:
        """It has a run now, in this session."""
        self.run, self.session = run, session if can_go_on else None
        self.closing = asyncio.create_task(_close(run, session))


@dataclass(slots=True, kw_only=True)
class Race:
    """Lanes that were started together."""

    lanes: Sequence[Lane]
    race_id: str = field(default_factory=lambda: secrets.token_urlsafe(12))

    @property
    def runs(self) -> list[Run]:
        """Of the lanes that could start."""
        return [lane.run for lane in self.lanes if lane.run is not None]

    @property
    def going(self) -> bool:
        """Whether a lane has not ended."""
        return any(not run.done for run in self.runs)

    def stop(self) -> None:
        """Stop its lanes now."""
        for run in self.runs:
            run.stop()

    def described(self) -> dict[str, Any]:
        """What the browser is told: `{"id", "going", "lanes": [lane]}`.

        A lane is `{"name", "run_id", "problem", "can_go_on", "continued"}`, None standing for what it lacks.
        """
        lanes = [
            {
                "name": lane.name,
                "run_id": lane.run.run_id if lane.run else None,
                "problem": lane.problem,
                "can_go_on": lane.session is not None,
                "continued": lane.continued,
            }
            for lane in self.lanes
        ]
        return {"id": self.race_id, "going": self.going, "lanes": lanes}


class Races:
    """The races of one chat, oldest first.

    Args:
        touch: Called when a record has come.
    """

    def __init__(self, touch: Callable[[], None]) -> None:
        self._touch = touch
        self._races: list[Race] = []

    def __iter__(self) -> Iterator[Race]:
        return iter(self._races)

    @property
    def runs(self) -> list[Run]:
        """Every lane's."""
        return [run for race in self._races for run in race.runs]

    @property
    def going(self) -> bool:
        """Whether there is a race that has not ended; a chat has one at a time."""
        return any(race.going for race in self._races)

    def add(self, race: Race) -> None:
        """Keep a race, from now on the newest one."""
        self._races = [*self._races, race][-MAX_RACES:]
        self._touch()

    def get(self, race_id: str) -> Race | None:
        """The race with this id."""
        return next((race for race in self._races if race.race_id == race_id), None)

    def lane(self, run_id: str) -> Lane | None:
        """The lane with this run."""
        lanes = (lane for race in self._races for lane in race.lanes)
        return next((lane for lane in lanes if lane.run is not None and lane.run.run_id == run_id), None)

    def on_record(self, record: Record) -> None:
        """Take a record of a lane."""
        self._touch()

    def stop(self) -> None:
        """Stop every lane now."""
        for race in self._races:
            race.stop()

    async def close(self) -> None:
        """Stop every lane, wait for their ends and forget them."""
        self.stop()
        lanes, self._races = [lane for race in self._races for lane in race.lanes], []
        await asyncio.gather(*(lane.closing for lane in lanes if lane.closing is not None))


async def _close(run: Run, session: Session) -> None:
    await run.wait()
    await session.checkpoints.made()
    await session.close()
