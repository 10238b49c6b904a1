"""A run in the terminal: records in, text out as it happens."""

from __future__ import annotations

import re
import sys
from typing import Protocol

from agentui.cli.limits import error_in_flags
from agentui.events import (
    ArtifactCreated,
    CodeDelta,
    CodeStarted,
    ContextCompacted,
    Diverged,
    ModelRetried,
    OutputDelta,
    ReasoningDelta,
    Record,
    RunEvent,
    RunFinished,
    StepFinished,
    StepStarted,
    StopRequested,
    TextDelta,
    ToolCallFinished,
    ToolCallStarted,
    UpstreamClosed,
)
from agentui.export import note, spent
from agentui.usage_table import usage_notes, usage_table, without_empty
from agentui.view import RunView

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])|"
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]"
)
_DIM, _BOLD, _CODE, _ERROR, _PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[36m", "\x1b[31m", "\x1b[0m"
_TEXT_COLUMNS = 2
"Of the usage table: step and model."
_STATUS = {"completed": "Answer", "stopped": "Stopped", "limit": "Limit reached", "failed": "Failed"}


def clean(text: str) -> str:
    """`text` without terminal escapes and control characters: what a model or its code prints must not steer it."""
    return _ESCAPES.sub("", text)


def one_line(text: str) -> str:
    """A foreign text as part of a message: cleaned, and on one line."""
    return " ".join(clean(text).splitlines())


class Writer(Protocol):
    """Where text goes: a text file, or what can be used like one."""

    def write(self, text: str, /) -> int:
        """Write `text`."""
        ...

    def flush(self) -> None:
        """Make sure that it is seen."""
        ...

    def isatty(self) -> bool:
        """True where a person sees it."""
        ...


class Terminal:
    """Writes a run as it happens.

    Args:
        out: Where to write; standard output by default.
        errors: Where a quiet run says why it has no answer; standard error by default.
        quiet: Write the answer alone.
        colour: Use colours; by default where `out` is a terminal.
    """

    def __init__(
        self,
        out: Writer | None = None,
        errors: Writer | None = None,
        *,
        quiet: bool = False,
        colour: bool | None = None,
    ) -> None:
        self._out: Writer = out or sys.stdout
        self._errors: Writer = errors or sys.stderr
        self._quiet = quiet
        self._colour = self._out.isatty() if colour is None else colour
        self._view = RunView()
        self._at_line_start = True
        self._section: object = None
        self._code_shown = False

    def show(self, record: Record) -> None:
        """Write what `record` adds."""
        self._view.apply(record)
        event = record.event
        if isinstance(event, RunFinished):
            self._end(event)
        elif not self._quiet:
            self._live(event)
        self._out.flush()

    def _live(self, event: RunEvent) -> None:
        match event:
            case StepStarted():
                self._code_shown = False
                kind = "Plan" if event.kind == "planning" else "Step"
                self._block(f"{kind} {event.step}", _BOLD)
            case ReasoningDelta():
                self._stream("reasoning", event.text, _DIM)
            case TextDelta():
                self._stream("text", event.text)
            case CodeDelta():
                self._code_shown = True
                self._stream("code", event.text, _CODE)
            case CodeStarted():
                if not self._code_shown:
                    self._stream("code", event.code, _CODE)
                self._section = None
            case OutputDelta():
                self._stream("output", event.text, _DIM)
            case StepFinished():
                self._finished(event)
            case _:
                self._note(event)

    def _note(self, event: RunEvent) -> None:
        match event:
            case ToolCallStarted():
                arguments = ", ".join(f"{name}={value!r}" for name, value in event.arguments.items())
                self._block(f"→ {event.name}({arguments})", _DIM)
            case ToolCallFinished():
                self._block(f"← {event.error or event.result!r}", _DIM)
            case ArtifactCreated():
                self._block(f"+ {event.name} ({event.media_type}, {event.size_bytes:,} bytes)", _DIM)
            case ModelRetried():
                self._code_shown = False
                self._block(f"Retrying in {event.wait_s:.1f} s: {error_in_flags(event.reason)}", _ERROR)
            case Diverged():
                self._block(f"≠ Not as recorded ({event.what}): {event.recorded} → {event.now}", _ERROR)
            case ContextCompacted() | UpstreamClosed() | StopRequested():
                self._block(note(event), _DIM)
            case _:
                pass

    def _finished(self, event: StepFinished) -> None:
        if event.error:
            self._block(error_in_flags(event.error), _ERROR)
        usage = "" if event.usage is None else f", {spent(event.usage, event.cost)}"
        self._block(f"{event.timing.finished - event.timing.started:.1f} s{usage}", _DIM)
        self._write("\n")
        self._section = None

    def _end(self, event: RunFinished) -> None:
        error = error_in_flags(event.error or "")
        if self._quiet:
            if event.status == "completed":
                self._write(f"{clean(str(event.output))}\n")
            else:
                self._errors.write(f"agentui: {event.status}: {one_line(error)}\n")
                self._errors.flush()
            return
        text = str(event.output) if event.status == "completed" else error
        self._block(f"{_STATUS[event.status]}: {text}", _BOLD if event.status == "completed" else _ERROR)
        steps = len(self._view.steps)
        summary = f"{steps} step{'s' * (steps != 1)}, {event.duration_s:.1f} s, {spent(event.usage, event.cost)}"
        self._block(summary, _DIM)
        for line in [*_aligned(without_empty(usage_table(self._view))), *usage_notes(self._view)]:
            self._block(line, _DIM)

    def _block(self, text: str, style: str = "") -> None:
        self._new_line()
        self._write(f"{self._styled(clean(text), style)}\n")
        self._section = None

    def _stream(self, section: str, text: str, style: str = "") -> None:
        if section != self._section:
            self._new_line()
            self._section = section
        self._write(self._styled(clean(text), style), ends_line=text.endswith("\n"))

    def _new_line(self) -> None:
        if not self._at_line_start:
            self._write("\n")

    def _styled(self, text: str, style: str) -> str:
        return f"{style}{text}{_PLAIN}" if style and self._colour else text

    def _write(self, text: str, *, ends_line: bool | None = None) -> None:
        if text:
            self._out.write(text)
            self._at_line_start = text.endswith("\n") if ends_line is None else ends_line


def _aligned(table: list[list[str]]) -> list[str]:
    """The rows of a table as lines; all but the first two columns are numbers."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if i < _TEXT_COLUMNS else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
