"""Exceptions of a step's code as data: Python's own traceback, without the frames of the sandbox."""

from __future__ import annotations

import os
import traceback
from typing import Any, Final

_OWN_DIRECTORY: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_MAX_MESSAGE_CHARS: Final = 4_000
_MAX_TRACEBACK_CHARS: Final = 20_000


def describe(error: BaseException, filename: str) -> dict[str, Any]:
    """`error`, raised by the step whose source is called `filename`, as the host's `ExecError`."""
    # First of all: `traceback` would swallow an interrupt that ends an endless `__str__`.
    message = str(error)
    report = traceback.TracebackException.from_exception(error)
    _remove_own_frames(report)
    return {
        "kind": type(error).__qualname__[:200],
        "message": message[:_MAX_MESSAGE_CHARS],
        "traceback": _cut("".join(report.format())),
        "line": _line(report, filename),
    }


def bare_description(error: BaseException) -> dict[str, Any]:
    """`error` without running any of its code: for one that cannot be printed."""
    kind = type(error).__qualname__[:200]
    return {"kind": kind, "message": "(it cannot be printed)", "traceback": f"{kind}\n", "line": None}


def _remove_own_frames(report: traceback.TracebackException) -> None:
    pending: list[traceback.TracebackException] = [report]
    seen: set[int] = set()
    while pending:
        part = pending.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        kept = [frame for frame in part.stack if not frame.filename.startswith(_OWN_DIRECTORY)]
        part.stack = traceback.StackSummary.from_list(kept)
        linked = [part.__cause__, part.__context__, *(part.exceptions or ())]
        pending += [other for other in linked if other is not None]


def _line(report: traceback.TracebackException, filename: str) -> int | None:
    lines = [frame.lineno for frame in report.stack if frame.filename == filename]
    if lines:
        return lines[-1]
    is_syntax_error = issubclass(report.exc_type or Exception, SyntaxError) and report.filename == filename
    return int(report.lineno) if is_syntax_error and report.lineno else None


def _cut(text: str) -> str:
    if len(text) <= _MAX_TRACEBACK_CHARS:
        return text
    half = _MAX_TRACEBACK_CHARS // 2
    return f"{text[:half]}\n… {len(text) - 2 * half:,} characters cut …\n{text[-half:]}"
