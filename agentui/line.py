"""The line in which runs wait when a server runs as many as it may.

Fair between owners: whoever runs, or waits for, fewer runs goes first, and among these whoever came first; so nobody
who starts many keeps others waiting. What needs several places at once gets them together, and nothing behind it is
let past, or it might wait forever.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self

from agentui.errors import ConfigError

MAX_WAITING = 500
MAX_OF_ONE = 20
"Turns that one owner may wait for."


class LeftLine(ConfigError):
    """A turn was given up before it came."""


class Turn:
    """Somebody's turn, waited for or come. As a context manager it gives back, in the end, what no run has taken.

    Attributes:
        owner: Who waits.
        places: How many runs are to start; of a turn that has come, how many still may.
        given_up: Nobody is to start in it any more.
    """

    def __init__(self, line: Line, owner: object, places: int, on_move: Callable[[], None]) -> None:
        self.owner = owner
        self.places = places
        self._line = line
        self.on_move = on_move
        self.given_up = False
        self.came: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def is_up(self) -> bool:
        """Whether it has come."""
        return self.came.done() and not self.came.cancelled()

    @property
    def place(self) -> int | None:
        """The place in the line, from 1; None when it does not wait."""
        return self._line.place_of(self)

    async def wait(self) -> None:
        """Wait for it.

        Raises:
            LeftLine: It was given up.
        """
        await asyncio.wait({self.came})
        if self.came.cancelled() or self.given_up:  # perhaps in the moment in which it came
            raise LeftLine("the line was left before the task began: nothing was run")

    def take(self) -> Callable[[], None]:
        """Take a place for a run; returns what gives it back when the run ends."""
        if not self.is_up or self.places < 1:
            raise ConfigError("no place is left in this turn: wait for another one")
        self.places -= 1
        return lambda: self._line.give_back(self.owner, 1)

    def stop(self) -> None:
        """Give it up, or what is left of it."""
        self._line.leave(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Line:
    """Who may start a run now, and who waits. Use it on one event loop.

    Args:
        places: Runs at the same time.
    """

    def __init__(self, places: int) -> None:
        self.places = places
        self._held: Counter[object] = Counter()
        self._waiting: list[Turn] = []
        self._places: dict[Turn, int] | None = None
        "Of all who wait, from 1; None when it has to be found out anew. All of them ask after every move."

    @property
    def taken(self) -> int:
        """Places that are taken."""
        return self._held.total()

    @property
    def waiting(self) -> int:
        """Turns that are waited for."""
        return len(self._waiting)

    def join(self, owner: object, places: int = 1, on_move: Callable[[], None] = lambda: None) -> Turn:
        """Ask for a turn, which may come at once.

        Args:
            owner: Who is served fairly; anything that can be a key.
            places: Runs that are to start together.
            on_move: Called when the place in the line has changed.

        Raises:
            ConfigError: There will never be as many places, or too many wait already.
        """
        if places > self.places:
            raise ConfigError(
                f"this server runs {self.places} at a time and {places} are to start together: start fewer"
            )
        mine = sum(turn.owner == owner for turn in self._waiting)
        if len(self._waiting) >= MAX_WAITING or mine >= MAX_OF_ONE:
            whose = "you have" if mine >= MAX_OF_ONE else "there are"
            raise ConfigError(f"{whose} too many tasks in line: try again when some have run")
        turn = Turn(self, owner, places, on_move)
        self._waiting.append(turn)
        self._advance()
        return turn

    def at_once(self, owner: object) -> Turn:
        """A turn that comes now.

        Raises:
            ConfigError: No place is free, or others wait.
        """
        if self._waiting or self.taken >= self.places:
            raise ConfigError(f"this server already runs {self.taken} tasks: wait for one to end, then try again")
        return self.join(owner)

    def place_of(self, turn: Turn) -> int | None:
        """The place of a turn, from 1; None if it does not wait."""
        if self._places is None:
            self._places = {turn: place for place, turn in enumerate(self._order(), start=1)}
        return self._places.get(turn)

    def give_back(self, owner: object, places: int) -> None:
        """Places are free again."""
        self._held[owner] -= places
        self._held = +self._held
        self._advance()

    def leave(self, turn: Turn) -> None:
        """Give up a turn, or what is left of one."""
        turn.given_up = True
        if turn in self._waiting:
            self._waiting.remove(turn)
            turn.came.cancel()
            self._advance()
        elif turn.is_up and turn.places:
            places, turn.places = turn.places, 0
            self.give_back(turn.owner, places)

    def close(self) -> None:
        """Send everybody away who waits."""
        waiting, self._waiting, self._places = self._waiting, [], None
        for turn in waiting:
            turn.came.cancel()

    def _order(self) -> list[Turn]:
        """Who waits, in the order in which they will be served if nobody comes or goes."""
        before: Counter[object] = Counter(self._held)
        ranked: list[tuple[int, Turn]] = []
        for turn in self._waiting:
            ranked.append((before[turn.owner], turn))
            before[turn.owner] += turn.places
        return [turn for _, turn in sorted(ranked, key=lambda entry: entry[0])]  # stable: first come, first served

    def _advance(self) -> None:
        self._places = None
        while self._waiting and (turn := self._order()[0]).places <= self.places - self.taken:
            self._waiting.remove(turn)
            self._held[turn.owner] += turn.places
            self._places = None
            turn.came.set_result(None)
            turn.on_move()
        for turn in list(self._waiting):
            turn.on_move()
