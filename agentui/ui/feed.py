"""Records on their way to the browser's inspector.

A batch says which stretch of a run it covers, so the browser notices a lost one and asks for it again. Deltas of
steps that have finished are left out of what is sent late: `step_finished` repeats them.

    {"chat": id, "branch": id, "races": [...], "line": {"place", "waiting", "running"} or null,
     "steering": {"asks": bool, "queue": [...]},
     "attached": [...], "runs": [{"run_id", "from_seq", "next_seq", "elapsed", "records": [...]}, ...]}

Every batch names the chat's races, so that none is missed with a lost batch; their lanes are runs like others. `line`
is there while a task waits for its turn.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from agentui.events import (
    RECORD,
    CodeDelta,
    ModelResponded,
    OutputDelta,
    ReasoningDelta,
    Record,
    RunEvent,
    StepFinished,
    SubagentEvent,
    TextDelta,
    UsageUpdated,
)
from agentui.runner import Run
from agentui.ui.known import Known
from agentui.ui.steering_actions import unread
from agentui.ui.visitors import Visitor

MAX_BATCH = 2_000
"Records in one batch."
KEEP_DELTAS = 100
"A stretch of up to this many records is sent as it is."
_DELTAS = (ReasoningDelta, TextDelta, CodeDelta, OutputDelta)


class Feed:
    """What one page has been sent so far.

    Args:
        visitor: Who is watched.
        known: What the page has already.
    """

    def __init__(self, visitor: Visitor, known: Known | None = None) -> None:
        known = known or Known()
        self._visitor = visitor
        self._shown = (known.chat, known.branch)
        self._cursors: dict[str, int] = dict(known.runs)
        self.behind = False
        "Whether there is more than the last batch could hold."

    def take(self) -> str:
        """The next batch, as JSON; the first one of a branch that is new to the page begins at its beginning."""
        shown = (self._visitor.chat_id, self._visitor.branches.current.branch_id)
        if self._shown != shown:
            self._shown, self._cursors = shown, {}
        runs: list[dict[str, Any]] = []
        left = MAX_BATCH
        for run in self._visitor.shown_runs:
            cursor = self._cursors.get(run.run_id, 0)
            if cursor >= len(run.records) or left <= 0:
                continue
            part = stretch(run, cursor, left)
            self._cursors[run.run_id] = part["next_seq"]
            left -= part["next_seq"] - cursor
            runs.append(part)
        self.behind = left <= 0
        races = [race.described() for race in self._visitor.races]
        waiting = self._visitor.waiting
        line = waiting.described() if waiting else None
        batch = {"chat": shown[0], "branch": shown[1], "runs": runs, "races": races, "line": line}
        batch["steering"] = {"asks": self._visitor.asks, "queue": unread(self._visitor)}
        batch["attached"] = self._visitor.uploads.described()
        return json.dumps(batch, ensure_ascii=False, separators=(",", ":"))


def stretch(run: Run, from_seq: int, limit: int = MAX_BATCH, *, whole: bool = False) -> dict[str, Any]:
    """Records of `run` from `from_seq` on, at most `limit` of them; with those that others repeat if it is `whole`."""
    records = run.records[from_seq : from_seq + limit]
    return {
        "run_id": run.run_id,
        "from_seq": from_seq,
        "next_seq": from_seq + len(records),
        "elapsed": round(run.elapsed(), 3),
        "records": [as_json(record) for record in (records if whole else compact(records))],
    }


def as_json(record: Record) -> dict[str, Any]:
    """A record as it stands in files and exports."""
    return RECORD.dump_python(record, mode="json")


def compact(records: Sequence[Record]) -> Sequence[Record]:
    """`records` without what a later one among them repeats, if they are many, and without raw responses.

    The first delta of each kind of a step stays: the timeline shows when it came.
    """
    last = max((index for index, record in enumerate(records) if isinstance(record.event, StepFinished)), default=-1)
    if len(records) <= KEEP_DELTAS or last < 0:
        return records
    finished = records[: last + 1]
    said = [record for record in finished if not isinstance(_inner(record.event)[0], ModelResponded)]
    return [*_settled_usages(_first_deltas(said)), *records[last + 1 :]]


def _inner(event: RunEvent) -> tuple[RunEvent, str]:
    """The event of a called agent, and its call; any other event as it is."""
    return (event.event, event.call_id) if isinstance(event, SubagentEvent) else (event, "")


def _first_deltas(records: Sequence[Record]) -> list[Record]:
    kept: list[Record] = []
    seen: set[tuple[str, type]] = set()
    for record in records:
        event = record.event
        if isinstance(event, StepFinished):
            seen.clear()
        inner, call_id = _inner(event)
        if isinstance(inner, _DELTAS):
            if (call_id, type(inner)) in seen:
                continue
            seen.add((call_id, type(inner)))
        kept.append(record)
    return kept


def _settled_usages(records: Sequence[Record]) -> list[Record]:
    """Of each call's usages only the last."""
    kept: list[Record] = []
    settled = False
    for record in reversed(records):
        if isinstance(record.event, UsageUpdated):
            if settled:
                continue
            settled = True
        elif not isinstance(record.event, (*_DELTAS, SubagentEvent)):
            settled = False
        kept.append(record)
    return kept[::-1]
