"""Who uses the page: everything that belongs to one visitor, held by the server.

A visitor is known by an unguessable id that the browser keeps and all its tabs share. Pages only watch a visitor;
they come and go without changing anything. A visitor without a page and without a run, or with one that waits for the
visitor's decision, is forgotten after a while, and the sandbox is closed.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from agentui.events import Record, RunFinished, RunStarted
from agentui.runner import Run
from agentui.session import Session
from agentui.ui.branches import Branches, ChatRun
from agentui.ui.chat import Message, follow_up_message, notice_message
from agentui.ui.choices import Choices
from agentui.ui.follow_up import follow_up_of
from agentui.ui.key import Key
from agentui.ui.race import Races
from agentui.ui.signals import Changes, Watch
from agentui.ui.transcript import RunTranscript
from agentui.ui.uploads import Room, Upload, Uploads
from agentui.ui.waiting import Waiting

VISITOR_ID = re.compile(r"[A-Za-z0-9_-]{43}")


class Visitor:
    """One visitor.

    Attributes:
        visitor_id: Unguessable; known to the visitor's browser only.
        chat_id: Unguessable; changes with every new chat.
        branches: The ways that the conversation of the chat has taken.
        races: The chat's races.
        key: The key the visitor gave, if any.
        chosen: The settings as they stood last, without the key, which every page that opens shows again; None for
            what a page begins with.
        changes: Touched by every record and notice.
        settled_changes: Touched when the settled messages change.
        waiting: What waits for its turn to begin.
        asks: Whether code waits for the visitor before it runs.
    """

    def __init__(self, visitor_id: str, room: Room | None = None) -> None:
        self.visitor_id = visitor_id
        self.chat_id = secrets.token_urlsafe(16)
        self.branches = Branches()
        self.key: Key | None = None
        self.chosen: Choices | None = None
        self.changes, self.settled_changes = Changes(), Changes()
        self.races = Races(self.changes.touch)
        self.uploads = Uploads(room or Room(), self.changes.touch)
        self.watches: set[Watch] = set()
        self.sending = self.asks = False
        self.waiting: Waiting | None = None
        self._notice: str | None = None
        self._settled: list[Message] = []

    @property
    def session(self) -> Session:
        """The conversation that is shown, with its sandbox."""
        return self.branches.current.session

    @property
    def runs(self) -> list[ChatRun]:
        """Its runs, oldest first; the first ones may be shared with other branches."""
        return self.branches.current.runs

    @property
    def run(self) -> Run | None:
        """The run that goes on, if there is one."""
        last = self.runs[-1].run if self.runs else None
        return last if last is not None and not last.done else None

    @property
    def busy(self) -> bool:
        """Whether something runs, waits in line or is about to."""
        return self.run is not None or self.sending or self.waiting is not None or self.races.going

    @property
    def all_runs(self) -> list[Run]:
        """Every run of every branch of the chat, the lanes of its races last."""
        own = self.branches.all_runs
        return [*own, *(run for run in self.races.runs if run not in own)]

    @property
    def shown_runs(self) -> list[Run]:
        """Those of the branch that is shown, and of the races."""
        own = [entry.run for entry in self.runs if entry.run is not None]
        return [*own, *(run for run in self.races.runs if run not in own)]

    @property
    def settled(self) -> list[Message]:
        """Messages that do not change any more; the same list until something is added."""
        return self._settled

    @property
    def live(self) -> list[Message]:
        """What may still change: the step that goes on, or a notice of the page."""
        if self.waiting is not None or self._notice is not None:
            return self.waiting.messages if self.waiting else [notice_message(self._notice or "")]
        return self.runs[-1].transcript.live if self.runs else []

    @property
    def weight(self) -> int:
        """What a frame costs a browser, in characters of growing code."""
        return self.runs[-1].transcript.weight if self.runs else 0

    def begin(
        self, task: str | None, choices: Choices | None = None, how: str = "", attached: Sequence[Upload] = ()
    ) -> Callable[[Record], None]:
        """Make room for a run of `task`, or for one that goes on with the last; returns what takes its records.

        Args:
            task: As the visitor gave it.
            choices: The settings of the run.
            how: In which way it parts from what there was before it, if it begins a branch.
            attached: Files that came with it.
        """
        self._notice = None
        earlier = self.runs[-1].transcript if self.runs else None
        kept = replace(choices, key="") if choices else None
        entry = ChatRun(None, RunTranscript(task, earlier, attached), task, kept, how)
        session = self.session
        self.runs.append(entry)

        def take(record: Record) -> None:
            if isinstance(record.event, RunFinished) and entry.run is not None:
                entry.transcript.output, entry.transcript.left = entry.run.output, session.unfinished
            if entry.transcript.apply(record):
                self._settle()
            self.changes.touch()

        self._settle()
        self.changes.touch()
        return take

    def started(self, run: Run) -> None:
        """The run that `begin` made room for."""
        self.runs[-1].run = run

    def refused(self) -> None:
        """The run that `begin` made room for could not be started."""
        self.runs.pop()
        self._settle()

    async def take_over(self, run: Run, session: Session, choices: Choices | None) -> None:
        """Make an ended run that went on elsewhere the first of the chat, and `session` what is gone on with."""
        old, self.branches.current.session = self.session, session
        task = next(record.event.task for record in run.records if isinstance(record.event, RunStarted))
        take = self.begin(task, choices)
        self.started(run)
        for record in run.records:
            take(record)
        await old.close()

    def show_branch(self, branch_id: str) -> None:
        """Show another branch of the chat; `ConfigError` if there is none with this id."""
        self.branches.show(branch_id)
        self._notice = None
        self._settle()
        self.changes.touch()

    def notice(self, text: str | None) -> None:
        """Show `text` at the end of the transcript, until the next task."""
        self._notice = text
        self.settled_changes.touch()
        self.changes.touch()

    @contextmanager
    def in_line(self, waiting: Waiting) -> Generator[None, None, None]:
        """Show that something waits, while it does."""
        self.waiting = waiting
        self.notice(None)
        try:
            yield
        finally:
            if self.waiting is waiting:
                self.waiting = None
            self.changes.touch()

    def leave_line(self) -> str | None:
        """Give up what waits for its turn; returns its task."""
        waiting, self.waiting = self.waiting, None
        if waiting is not None:
            waiting.turn.stop()
            self.changes.touch()
        return waiting.task if waiting else None

    async def new_chat(self) -> None:
        """Stop what runs and begin anew, with an empty conversation and a fresh sandbox."""
        self.leave_line()
        run, old, races, forget_files = self.run, self.branches.sessions, self.races, self.uploads.leave_used()
        self.branches, self._notice, self.races = Branches(), None, Races(self.changes.touch)
        self.chat_id = secrets.token_urlsafe(16)
        self._settle()
        self.changes.touch()
        races.stop()
        if run is not None:
            run.stop()
            await run.wait()
        await asyncio.gather(races.close(), *(session.close() for session in old))
        forget_files()

    async def close(self) -> None:
        """Stop what runs, close the sandbox and end the watches."""
        for watch in list(self.watches):
            watch.close()
        self.leave_line()
        self.races.stop()
        if self.run is not None:
            self.run.stop()
            await self.run.wait()
        await asyncio.gather(self.races.close(), *(session.close() for session in self.branches.sessions))
        self.uploads.close()

    @property
    def follow_up(self) -> str | None:
        """A task that builds on the last one, if that is an example which has one and has been completed."""
        return follow_up_of(self.runs[-1]) if self.runs else None

    def _settle(self) -> None:
        self._settled = self.branches.messages()
        if self.follow_up is not None:
            self._settled.append(follow_up_message(self.follow_up))
        self.settled_changes.touch()


class Visitors:
    """All visitors of a server.

    Args:
        idle_s: Seconds after which a visitor with neither page nor working run is forgotten.
        clock: Seconds, as `time.monotonic`.
    """

    def __init__(self, *, idle_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._idle_s = idle_s
        self._clock = clock
        self._visitors: dict[str, Visitor] = {}
        self._last_seen: dict[str, float] = {}
        self._room = Room()

    def __len__(self) -> int:
        return len(self._visitors)

    def __iter__(self) -> Iterator[Visitor]:
        return iter(list(self._visitors.values()))

    def get(self, visitor_id: object) -> Visitor:
        """The visitor with this id.

        An id of the right form that is not known is taken on, so that all tabs of a browser find each other again
        after a restart of the server; for anything else there is a new visitor with a new id.
        """
        if not isinstance(visitor_id, str) or not VISITOR_ID.fullmatch(visitor_id):
            visitor_id = secrets.token_urlsafe(32)
        visitor = self._visitors.get(visitor_id)
        if visitor is None:
            visitor = self._visitors[visitor_id] = Visitor(visitor_id, self._room)
        self._last_seen[visitor_id] = self._clock()
        return visitor

    def by_chat(self, chat_id: object) -> Visitor | None:
        """The visitor whose current chat has this id."""
        return next((visitor for visitor in self if visitor.chat_id == chat_id), None)

    def artifact(self, artifact_id: str) -> tuple[Visitor, Run] | None:
        """Whose run made the artifact, and which run."""
        for visitor in self:
            for run in visitor.all_runs:
                if artifact_id in run.artifacts:
                    return visitor, run
        return None

    async def sweep(self) -> None:
        """Forget who is gone."""
        now = self._clock()
        for visitor_id, visitor in list(self._visitors.items()):
            going = [run for run in visitor.all_runs if not run.done]
            nobody_decides = bool(going) and all(run.approval.waits for run in going)
            if visitor.watches or (visitor.busy and not nobody_decides):
                self._last_seen[visitor_id] = now
            elif now - self._last_seen[visitor_id] > self._idle_s:
                del self._visitors[visitor_id], self._last_seen[visitor_id]
                await visitor.close()

    async def close(self) -> None:
        """Forget everybody."""
        visitors, self._visitors, self._last_seen = list(self), {}, {}
        await asyncio.gather(*(visitor.close() for visitor in visitors))
