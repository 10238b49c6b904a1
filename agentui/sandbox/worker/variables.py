"""The variables of a session as a step has left them: what is new, changed or gone since the host was told.

A variable counts as changed when its type, its outline or its size is another. No code of theirs runs for that, and
everything is bounded, so a namespace of any size is described in a moment: the host is told how many names were left
out, and hears of them after a later step, as soon as there are few enough that are newer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any, Final, NamedTuple

from agentui.sandbox.frames import clean_text
from agentui.sandbox.worker.caught import Caught
from agentui.sandbox.worker.outline import Outline, size_of, type_name

MAX_TOLD: Final = 200
"Names in one description; as many may be gone."
MAX_REPR_CHARS: Final = 80
_MAX_LOOKED_AT: Final = 1_000
_MAX_NAME_CHARS: Final = 100
_LOOKING_S: Final = 0.02
"Of this thread, for all names together, the newest first."

Row = list[str | None]
"Name, type, repr and size."


class _Told(NamedTuple):
    """What the host was told of a variable."""

    mark: int
    row: Row


class Variables:
    """Remembers what the host knows of the namespace.

    Args:
        namespace: The session's.
        hidden: Values that are no variables: the functions of the host.
    """

    def __init__(self, namespace: dict[str, Any], hidden: Iterable[object]) -> None:
        self._namespace = namespace
        self._hidden = frozenset(map(id, hidden))
        self._told: dict[str, _Told] = {}

    def tell(self, send: Callable[[Mapping[str, Any]], object], *, whole: bool) -> None:
        """Send what the host has to be told, unless that is nothing; once sent it counts as told.

        Args:
            send: Takes the fields of a frame.
            whole: Of all variables, not only of what is new.

        Raises:
            KeyboardInterrupt: The step is interrupted; what may not have been sent is told again.
        """
        # A copy in one go: other threads may go on to change it.
        there = {name: value for name, value in self._namespace.copy().items() if self._counts(name, value)}
        told = {} if whole else dict(self._told)
        gone = sorted(told.keys() - there.keys())[:MAX_TOLD]
        for name in gone:
            del told[name]
        rows: list[Row] = []
        left_out = 0
        until = time.thread_time() + _LOOKING_S
        for looked_at, (name, value) in enumerate(reversed(there.items())):
            if looked_at >= _MAX_LOOKED_AT or time.thread_time() > until:
                left_out += len(there) - looked_at
                break
            now, is_news = _look(name, value, told.get(name))
            if not is_news or len(rows) < MAX_TOLD:
                told[name] = now
                rows += [now.row] * is_news
            else:
                left_out += 1
        if rows or gone or left_out:
            send({"variables": rows[::-1], "removed": list(map(clean_text, gone)), "left_out": left_out})
        self._told = told

    def _counts(self, name: object, value: object) -> bool:
        """Whether a name of the namespace is a variable."""
        if type(name) is not str or len(name) > _MAX_NAME_CHARS or (name.startswith("__") and name.endswith("__")):
            return False
        return id(value) not in self._hidden and not issubclass(type(value), ModuleType)


def _look(name: str, value: object, known: _Told | None) -> tuple[_Told, bool]:
    """A variable in words, and whether that is news."""
    outline = Outline()
    text = _guarded(lambda: outline.text(value))
    size = _guarded(lambda: size_of(value))
    mark = hash((type_name(value), text, size, *outline.marks))
    if known is not None and known.mark == mark:
        return known, False
    shown = text or f"<{type_name(value)}>"
    row: Row = [clean_text(name), clean_text(type_name(value)), _short(shown), size]
    # Known by nothing but its identity, it may be another object that is just the same.
    same = known is not None and known.row == row and outline.opaque
    return _Told(mark, row), not same


def _guarded(describe: Callable[[], str | None]) -> str | None:
    """What `describe` returns; None where a value is stranger than it expects."""
    with Caught() as failed:
        return describe()
    if isinstance(failed.error, KeyboardInterrupt):
        raise failed.error
    return None


def _short(text: str) -> str:
    line = " ".join(clean_text(text).split())
    return line if len(line) <= MAX_REPR_CHARS else f"{line[: MAX_REPR_CHARS - 1]}…"
