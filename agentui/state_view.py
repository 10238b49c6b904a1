"""Variables and files as they are after a step, and what that step did to them: a fold of `StateChanged` events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias, TypeVar

from agentui.state_events import GivenFile, StateChanged, Variable

T = TypeVar("T", Variable, GivenFile)
Change: TypeAlias = Literal["added", "changed", "removed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held(Generic[T]):
    """A variable or a file."""

    now: T
    "Of one that the step removed: what it was."
    before: T | None = None
    "What it was before the step; None if the step added it."
    change: Change | None = None
    "What the step did to it; None for nothing."


@dataclass(frozen=True, slots=True, kw_only=True)
class StateView:
    """What is there after a step: first what the step changed, then the rest, each by name."""

    variables: Sequence[Held[Variable]]
    files: Sequence[Held[GivenFile]]
    left_out: int
    "Variables and files that are new or changed too, of which nothing is known."


def state_after(changes: Iterable[StateChanged], step: int) -> StateView:
    """The state after step number `step`; 0 for what the run began with."""
    known = sorted((change for change in changes if change.step <= step), key=lambda change: change.step)
    before = [change for change in known if change.step < step]
    own = known[len(before) :]
    return StateView(
        variables=_held(_variables(before), _variables(known), _variables(own)),
        files=_held(_files(before), _files(known), _files(own)),
        left_out=known[-1].left_out if known else 0,
    )


def _variables(changes: Iterable[StateChanged]) -> dict[str, Variable]:
    held: dict[str, Variable] = {}
    for change in changes:
        _fold(held, change.removed, change.variables)
    return held


def _files(changes: Iterable[StateChanged]) -> dict[str, GivenFile]:
    held: dict[str, GivenFile] = {}
    for change in changes:
        _fold(held, change.removed_files, change.files)
    return held


def _fold(held: dict[str, T], removed: Iterable[str], new: Iterable[T]) -> None:
    for name in removed:
        held.pop(name, None)
    held |= {item.name: item for item in new}


def _held(before: Mapping[str, T], after: Mapping[str, T], told: Mapping[str, T]) -> list[Held[T]]:
    rows: list[Held[T]] = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if new is None:
            rows += [Held(now=old, before=old, change="removed")] if old is not None else []
        elif old is None:
            rows.append(Held(now=new, change="added"))
        elif name in told:
            rows.append(Held(now=new, before=old, change="changed"))
        else:
            rows.append(Held(now=new, before=new))
    return sorted(rows, key=lambda row: row.change is None)
