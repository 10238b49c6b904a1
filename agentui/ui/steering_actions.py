"""What the page asks about a run that goes on: decide about its code, say something to it, take that back.

A message that no request has held when the run has completed is the next task of the conversation; after any other end
it stays where the visitor sees it, to be sent or removed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from agentui.approval import Decision
from agentui.errors import ConfigError
from agentui.runner import Run
from agentui.ui.actions import Fields, given
from agentui.ui.visitors import Visitor

if TYPE_CHECKING:
    from agentui.ui.service import Service

MAX_CODE = 200_000
"Characters of edited code."
MAX_REASON = 5_000
MAX_ALLOWED = 100
MAX_SHOWN = 300
"Characters of a message that waits, as the page is told; it shows fewer."


class SteeringActions:
    """The actions on runs that go on.

    Args:
        service: Starts what comes next.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._followers: dict[Run, asyncio.Task[None]] = {}

    @property
    def verbs(self) -> Mapping[str, Callable[[Visitor, Fields], Awaitable[Any]]]:
        """The actions by the verbs that ask for them."""
        return {
            "ask_first": self.ask_first,
            "decide": self.decide,
            "say": self.say,
            "hurry": self.hurry,
            "take_back": self.take_back,
        }

    async def ask_first(self, visitor: Visitor, fields: Fields) -> None:
        """Ask before code runs from the next run on, or do not: `{"on": bool}`."""
        visitor.asks = given(fields, "on", bool)
        visitor.changes.touch()

    async def decide(self, visitor: Visitor, fields: Fields) -> None:
        """Settle a question: `{"run_id", "approval_id", "decision", "code", "reason", "allow": [text, …]}`.

        Raises:
            ConfigError: It has been decided, or the decision makes no sense.
        """
        run = _run(visitor.all_runs, given(fields, "run_id", str))
        approval_id, verdict = given(fields, "approval_id", str), given(fields, "decision", str)
        code, reason = _text(fields, "code", MAX_CODE), _text(fields, "reason", MAX_REASON)
        allow = cast("list[object]", given(fields, "allow", list, default=[]))
        if len(allow) > MAX_ALLOWED or not all(isinstance(one, str) and len(one) <= 300 for one in allow):
            raise ConfigError("the page sent no usable 'allow': reload it")
        run.decide(
            approval_id,
            Decision(verdict=cast(Any, verdict), code=code, reason=reason or None, allow=tuple(map(str, allow))),
        )

    async def say(self, visitor: Visitor, fields: Fields) -> str:
        """Give the run a message: `{"run_id", "text", "now": bool}` → the message's id.

        Raises:
            ConfigError: The run is over, the message is empty or too long, or too many wait.
        """
        run, now = _run(_own(visitor), given(fields, "run_id", str)), given(fields, "now", bool, default=False)
        text = given(fields, "text", str)
        self._service.check_task(text)
        if now:
            self._check_cut()
        message = run.say(text, now=now)
        if run not in self._followers:
            self._followers[run] = task = asyncio.create_task(self._follow(visitor, run))
            task.add_done_callback(lambda _: self._followers.pop(run, None))
        visitor.changes.touch()
        return message.message_id

    async def hurry(self, visitor: Visitor, fields: Fields) -> None:
        """Cut what goes on, so that the waiting messages are read now: `{"run_id"}`.

        Raises:
            ConfigError: The agent reads nothing before its run is over.
        """
        run = _run(_own(visitor), given(fields, "run_id", str))
        self._check_cut()
        run.mailbox.cut()

    async def take_back(self, visitor: Visitor, fields: Fields) -> str:
        """Remove a message that was not read: `{"run_id", "message_id"}` → its text.

        Raises:
            ConfigError: It has been read, or was taken back already.
        """
        run = _run(_own(visitor), given(fields, "run_id", str))
        message = run.mailbox.take_back(given(fields, "message_id", str))
        visitor.changes.touch()
        if message is None:
            raise ConfigError("this message is not waiting any more: the agent has read it, or it was removed")
        return message.text

    def _check_cut(self) -> None:
        agent = self._service.own_agent
        if agent is not None and agent.keeps_memory:
            raise ConfigError(
                "this agent keeps its conversation itself and reads nothing before its run is over: "
                "let the message wait, or stop the run"
            )

    async def _follow(self, visitor: Visitor, run: Run) -> None:
        """When the run has completed, begin what was said too late for it."""
        result = await run.wait()
        left, last = run.mailbox.unread, visitor.runs[-1].run if visitor.runs else None
        if result.status == "completed" and left and last is run:
            first, *rest = left
            run.mailbox.unread = []
            choices = visitor.chosen or self._service.terms.initial(self._service.connections.offers[0].name)
            if not await self._service.send(visitor, first.text, choices):
                run.mailbox.unread = left
            elif visitor.run is None:  # it waits for its turn
                run.mailbox.unread = rest
            else:
                for message in rest:
                    await self.say(visitor, {"run_id": visitor.run.run_id, "text": message.text})
        visitor.changes.touch()


def unread(visitor: Visitor) -> list[dict[str, Any]]:
    """The messages that nobody has read, oldest first: `{"run_id", "id", "text", "over": its run has ended}`.

    Of a long text only the beginning: this goes with every batch. Taking a message back gives all of it.
    """
    return [
        {"run_id": run.run_id, "id": message.message_id, "text": message.text[:MAX_SHOWN], "over": run.done}
        for run in _own(visitor)
        for message in run.mailbox.unread
    ]


def _own(visitor: Visitor) -> list[Run]:
    """The chat's runs; no lanes of races."""
    return [entry.run for entry in visitor.runs if entry.run is not None]


def _run(runs: Sequence[Run], run_id: str) -> Run:
    found = next((run for run in runs if run.run_id == run_id), None)
    if found is None:
        raise ConfigError("this run is not there any more: reload the page")
    return found


def _text(fields: Fields, name: str, most: int) -> str | None:
    if fields.get(name) is None:
        return None
    text = given(fields, name, str)
    if len(text) > most:
        raise ConfigError(f"the {name} has {len(text):,} characters and at most {most:,} are taken: shorten it")
    return text
