"""Exceptions of a step's code as data: Python's own traceback, reduced to what its author wrote."""

from __future__ import annotations

import os
import re
import traceback
from typing import Any, Final

_OWN_DIRECTORY: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_STEP: Final = "<step-"
_LIBRARY: Final = re.compile(r"^.*/(?:site-packages|dist-packages|lib/python3\.\d+)/")
_MAX_MESSAGE_CHARS: Final = 4_000
_MAX_TRACEBACK_CHARS: Final = 20_000


def describe(error: BaseException, filename: str) -> dict[str, Any]:
    """`error`, raised by the step whose source is called `filename`, as the host's `ExecError`."""
    # First of all: `traceback` would swallow an interrupt that ends an endless `__str__`.
    message = str(error)
    report = traceback.TracebackException.from_exception(error)
    _keep_what_matters(report)
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


def _keep_what_matters(report: traceback.TracebackException) -> None:
    """Reduce every part to the frames of the steps and the innermost one below them; causes within libraries go.

    A failed request of a library is fifty lines of its insides otherwise, which the model pays for and the cause
    is hard to find in, and they name directories of the host.
    """
    pending: list[traceback.TracebackException] = [report]
    seen: set[int] = set()
    while pending:
        part = pending.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        part.stack = traceback.StackSummary.from_list(_frames(part.stack))
        part.__cause__, part.__context__ = _from_steps(part.__cause__), _from_steps(part.__context__)
        linked = [part.__cause__, part.__context__, *(part.exceptions or ())]
        pending += [other for other in linked if other is not None]


def _frames(stack: traceback.StackSummary) -> list[traceback.FrameSummary]:
    frames = [frame for frame in stack if not frame.filename.startswith(_OWN_DIRECTORY)]
    kept = [frame for frame in frames if frame.filename.startswith(_STEP)]
    if kept and frames[-1] is not kept[-1]:
        kept.append(_shortened(frames[-1]))
    return kept


def _from_steps(part: traceback.TracebackException | None) -> traceback.TracebackException | None:
    if part is None or not any(frame.filename.startswith(_STEP) for frame in part.stack):
        return None
    return part


def _shortened(frame: traceback.FrameSummary) -> traceback.FrameSummary:
    """The frame with its file named from the library on: `pandas/core/frame.py`."""
    name = _LIBRARY.sub("", frame.filename)
    return traceback.FrameSummary(name, frame.lineno, frame.name, lookup_line=False, line=frame.line or "")


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
