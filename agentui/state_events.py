"""What an interpreter holds, in words. Read in bare virtual machines too, so it needs nothing but Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenFile:
    """A file that the code finds in its working directory."""

    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A variable of the interpreter, in words."""

    name: str
    type: str
    repr: str
    "Its beginning, at most 80 characters."
    size: str | None = None
    "Such as `(3, 4)` of an array or `12` of a list; None where it has none."


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChanged:
    """What a step's code did to variables and files; a reader adds it to the state before."""

    step: int
    "0: what was there already when the run's first code began."
    variables: tuple[Variable, ...] = ()
    "New or changed."
    removed: tuple[str, ...] = ()
    files: tuple[GivenFile, ...] = ()
    "New or changed."
    removed_files: tuple[str, ...] = ()
    left_out: int = 0
    "Variables beyond what is recorded of one step."
    type: Literal["state_changed"] = "state_changed"
