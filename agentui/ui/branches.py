"""The branches of a chat: ways that its conversation has taken, each whole, one of them shown.

A branch is a list of runs. It begins with those of the branch that it was made from, the last of them perhaps only up
to a step, and goes its own way from there. What they have in common is shared, and nothing in a branch changes another
one. Where ways part, the transcript has a line to go from one to the other.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from agentui.errors import ConfigError
from agentui.runner import Run
from agentui.session import Session
from agentui.ui.branch_markup import branch_switch, once_more
from agentui.ui.chat import Message, message
from agentui.ui.choices import Choices
from agentui.ui.transcript import RunTranscript

MAX_BRANCHES = 8
"Of a chat: each keeps the variables and files of its own interpreter."


class Part(NamedTuple):
    """A stretch of a branch: what comes before a run's first step, a step, or a run's end."""

    run_id: str
    step: int | None
    "0 for what comes before the first one, None for the end."


@dataclass(slots=True)
class ChatRun:
    """A run of a chat and how it is shown."""

    run: Run | None
    transcript: RunTranscript
    task: str | None
    "As the visitor gave it; None for a run that goes on with the one before."
    choices: Choices | None = None
    "The settings it was started with, without a key."
    how: str = ""
    "In which way it parts from what there was before it; empty for a run that does not."
    until: int | None = None
    "The last step that a branch shares; None for all of it."

    def cut(self, step: int) -> ChatRun:
        """The same run up to a step."""
        return replace(self, until=step)

    def parts(self, *, is_last: bool) -> Iterator[tuple[Part, list[Message]]]:
        """Its messages, in the stretches that branches may have in common."""
        shown, run_id, done = self.transcript, self.transcript.view.run_id, self.transcript.begun
        yield Part(run_id, 0), shown.settled[:done]
        for step, count in shown.after_steps.items():
            if self.until is not None and step > self.until:
                return
            yield Part(run_id, step), shown.settled[done:count]
            done = count
        if self.until is None:
            yield Part(run_id, None), [*shown.settled[done:], *shown.tail(is_last=is_last)]


@dataclass(slots=True, kw_only=True, eq=False)
class Branch:
    """One way of the conversation.

    Attributes:
        session: Its conversation, with a sandbox of its own.
        runs: Its runs, oldest first.
    """

    session: Session = field(default_factory=Session)
    runs: list[ChatRun] = field(default_factory=list[ChatRun])
    branch_id: str = field(default_factory=lambda: secrets.token_hex(8))

    def parts(self) -> list[Part]:
        """What it consists of."""
        return [part for entry in self.runs for part, _ in entry.parts(is_last=False)]

    def before(self, run_id: str, step: int) -> list[ChatRun]:
        """Its runs up to a step of one of them; up to that run with step 0.

        Raises:
            ConfigError: The step is none of this branch.
        """
        for index, entry in enumerate(self.runs):
            if entry.run is None or entry.run.run_id != run_id:
                continue
            if step and (step not in entry.transcript.after_steps or step > (entry.until or step)):
                break
            return [*self.runs[:index], *([entry.cut(step)] if step else [])]
        raise ConfigError("this step is not part of the conversation that is shown: reload the page")


class Branches:
    """All branches of a chat.

    Attributes:
        current: The one that is shown.
    """

    def __init__(self) -> None:
        self.current = Branch()
        self._all = [self.current]

    @property
    def sessions(self) -> list[Session]:
        """One a branch."""
        return [branch.session for branch in self._all]

    @property
    def all_runs(self) -> list[Run]:
        """Every run of every branch, once."""
        entries = [entry for branch in self._all for entry in branch.runs]
        return list({entry.run.run_id: entry.run for entry in entries if entry.run is not None}.values())

    def check_room(self) -> None:
        """See whether there can be another branch.

        Raises:
            ConfigError: There cannot.
        """
        if len(self._all) >= MAX_BRANCHES:
            raise ConfigError(f"this chat has {MAX_BRANCHES} branches, and more are not kept: begin a new chat")

    def add(self, branch: Branch) -> None:
        """Show a new branch."""
        self._all.append(branch)
        self.current = branch

    def drop(self, branch: Branch, shown: Branch) -> None:
        """Forget a branch in which nothing has begun, and show the one before again."""
        self._all.remove(branch)
        self.current = shown

    def show(self, branch_id: str) -> None:
        """Show another branch.

        Raises:
            ConfigError: There is none with this id.
        """
        found = next((branch for branch in self._all if branch.branch_id == branch_id), None)
        if found is None:
            raise ConfigError("this branch is not there any more: reload the page")
        self.current = found

    def messages(self) -> list[Message]:
        """What the shown branch has settled, with a line wherever others part from it."""
        runs = self.current.runs
        parts = [(entry, *part) for entry in runs for part in entry.parts(is_last=entry is runs[-1])]
        partings = self._partings([part for _, part, _ in parts])
        messages: list[Message] = []
        for place, (entry, part, said) in enumerate(parts):
            if (ways := partings.get(place)) is not None:
                at = ways.index(self.current)
                how = entry.how if part.step == 0 else ""
                messages.append(message("assistant", branch_switch([way.branch_id for way in ways], at, how)))
            messages += said
        last = runs[-1] if runs else None
        if last is not None and last.run is not None and last.transcript.view.end is not None:
            messages.append(message("assistant", once_more(last.run.run_id)))
        return messages

    def _partings(self, own: Sequence[Part]) -> dict[int, list[Branch]]:
        """At which of the shown branch's parts others go another way, and a branch for each of these ways, in order."""
        if len(self._all) == 1:
            return {}
        paths = {branch.branch_id: branch.parts() for branch in self._all}
        shared = {branch.branch_id: _shared(own, paths[branch.branch_id]) for branch in self._all}
        found: dict[int, list[Branch]] = {}
        for place in {count for branch_id, count in shared.items() if branch_id != self.current.branch_id}:
            ways: dict[Part | None, Branch] = {}
            for branch in self._all:
                count, path = shared[branch.branch_id], paths[branch.branch_id]
                if count < place:
                    continue
                way = path[place] if place < len(path) else None
                if way == (own[place] if place < len(own) else None):
                    ways[way] = self.current
                else:
                    ways[way] = branch
            found[place] = list(ways.values())
        return found


def _shared(one: Sequence[Part], other: Sequence[Part]) -> int:
    """How many parts two branches have in common."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
