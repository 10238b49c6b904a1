"""Variables and files as a step has left them: the worker's claim, checked, and what of it is news.

The code owns its worker, so names, types and texts are whatever it wants them to be: they are taken as text of bounded
length and number that can be printed, and as nothing else. Files are what the host itself found in the work directory.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final, cast

from agentui.sandbox.artifacts import FileMark, safe_name
from agentui.sandbox.base import ExecHost
from agentui.sandbox.frames import FrameError, clean_text
from agentui.state_events import GivenFile, StateChanged, Variable

MAX_TOLD: Final = 200
"Variables, and files, and names of each that are gone, in one change."
_MAX_NAME_CHARS: Final = 100
_MAX_REPR_CHARS: Final = 80
_MAX_SIZE_CHARS: Final = 60
_MAX_LEFT_OUT: Final = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a worker says of its variables."""

    variables: Mapping[str, Variable] = field(default_factory=dict[str, Variable])
    removed: frozenset[str] = frozenset()
    left_out: int = 0


def read_claim(data: Any) -> Claim:
    """The claim in a frame.

    Raises:
        FrameError: It is not what a worker sends.
    """
    match data:
        case {"variables": rows, "removed": removed, "left_out": int(left_out)} if 0 <= left_out < _MAX_LEFT_OUT:
            variables = [_variable(row) for row in _few(rows)]
        case _:
            raise FrameError("a bad description of variables")
    return Claim(
        variables={variable.name: variable for variable in variables},
        removed=frozenset(_line(name, _MAX_NAME_CHARS) for name in _few(removed)),
        left_out=int(left_out),
    )


class Told:
    """What the readers of a session know of its variables and files."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._files: dict[str, FileMark] = {}
        self._lost = False

    def begin_step(self, *, whole: bool) -> None:
        """Code will run; if its reader wants the whole state, nothing counts as known."""
        if whole:
            self._names, self._files = set(), {}

    def lose(self) -> None:
        """The worker whose variables are known is gone."""
        self._lost = True

    def tell(
        self,
        host: ExecHost,
        claim: Claim | None,
        files: Mapping[str, FileMark] | None,
        *,
        step: int,
    ) -> None:
        """Tell `host` what is news, unless nothing is.

        Args:
            host: Of the step.
            claim: Of the worker; None if it made none: what is news then is so still after the next step.
            files: What is in the work directory; None if nobody looked.
            step: Its number; 0 if it was so before its code ran.
        """
        if self._lost and step:
            self._lost = False
            removed, files = self._names, files or {}
        else:
            removed = self._names & claim.removed if claim else frozenset[str]()
        change = self._change(step, claim or Claim(), removed, self._files if files is None else files)
        if change != StateChanged(step=change.step):
            host.changed(change)

    def _change(
        self, step: int, claim: Claim, removed: AbstractSet[str], files: Mapping[str, FileMark]
    ) -> StateChanged:
        removed = removed - claim.variables.keys()
        self._names = (self._names - removed) | claim.variables.keys()
        gone = sorted(self._files.keys() - files.keys())[:MAX_TOLD]
        new = sorted(name for name, mark in files.items() if self._files.get(name) != mark)
        for name in gone:
            del self._files[name]
        self._files |= {name: files[name] for name in new[:MAX_TOLD]}
        return StateChanged(
            step=step,
            variables=tuple(claim.variables.values()),
            removed=tuple(sorted(removed)),
            files=tuple(GivenFile(name=safe_name(name), size_bytes=files[name].size) for name in new[:MAX_TOLD]),
            removed_files=tuple(safe_name(name) for name in gone),
            left_out=claim.left_out + max(0, len(new) - MAX_TOLD),
        )


def _few(data: Any) -> list[Any]:
    if not isinstance(data, list) or len(items := cast("list[Any]", data)) > MAX_TOLD:
        raise FrameError("a short list was expected")
    return items


def _variable(row: Any) -> Variable:
    match row:
        case [name, kind, text, None]:
            size = None
        case [name, kind, text, size]:
            size = _line(size, _MAX_SIZE_CHARS)
        case _:
            raise FrameError("a bad variable")
    return Variable(
        name=_line(name, _MAX_NAME_CHARS),
        type=_line(kind, _MAX_NAME_CHARS),
        repr=_line(text, _MAX_REPR_CHARS),
        size=size,
    )


def _line(text: Any, limit: int) -> str:
    """A text in one line that can be printed.

    Raises:
        FrameError: It is none, or longer than `limit` characters.
    """
    if not isinstance(text, str) or len(text) > limit:
        raise FrameError("a short text was expected")
    return "".join(character if character.isprintable() else "\ufffd" for character in clean_text(text))
