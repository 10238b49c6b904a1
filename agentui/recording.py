"""Records in a file, one a line: what `agentui run --json` prints, `replay` plays and `export` reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from agentui.errors import ConfigError
from agentui.events import RECORD, Record, RunEvent, SubagentEvent

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
