"""Records in a file, one a line: what `agentui run --json` prints, `replay` plays and `export` reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from agentui.errors import ConfigError
from agentui.events import RECORD, Record, RunEvent, RunFinished, SubagentEvent

_KNOWN = {kind.__dataclass_fields__["type"].default for kind in get_args(RunEvent)}
_WRAPPER = SubagentEvent.__dataclass_fields__["type"].default
_MAX_DEPTH = 32
"Agents that called each other."


def read_records(path: Path) -> Iterator[Record]:
    """The records of a file. Types that this version does not know are skipped, as are fields.

    Raises:
        ConfigError: The file cannot be read, or a line is no record; the message names file and line.
    """
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip() and (record := _read(line, f"{path}, line {number}")) is not None:
                    yield record
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def end_missing(records: Sequence[Record]) -> str | None:
    """That a recording is cut short, in a line for its reader; None if its run has ended."""
    if records and isinstance(records[-1].event, RunFinished):
        return None
    last = f"its last record is number {records[-1].seq}" if records else "it has no records"
    return f"the recording has no end: {last}, and none says how the run ended"


def _read(line: str, place: str) -> Record | None:
    try:
        data: Any = json.loads(line)
        kinds = list(_kinds(data["event"]))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ConfigError(f"{place} is not a record: expected a line that `agentui run --json` printed") from error
    if not _KNOWN.issuperset(kinds):
        return None
    try:
        return RECORD.validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{place} is not a valid {kinds[0]} record: {where}: {first['msg']}") from error


def _kinds(event: Any) -> Iterator[str]:
    """The type of an event, and of those that it wraps.

    Raises:
        TypeError: It is no event.
        KeyError: It lacks what an event has.
        ValueError: It wraps too many.
    """
    for _ in range(_MAX_DEPTH):
        kind = event["type"]
        yield f"{kind}"
        if kind != _WRAPPER:
            return
        event = event["event"]
    raise ValueError(f"agents called each other more than {_MAX_DEPTH} deep")
