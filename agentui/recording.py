"""Records in a file, one a line: what `agentui run --json` prints, `replay` plays and `export` reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from agentui.errors import ConfigError
from agentui.events import RECORD, Record, RunEvent

_KNOWN = {kind.__dataclass_fields__["type"].default for kind in get_args(RunEvent)}


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
        kind = data["event"]["type"]
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"{place} is not a record: expected a line that `agentui run --json` printed") from error
    if kind not in _KNOWN:
        return None
    try:
        return RECORD.validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{place} is not a valid {kind} record: {where}: {first['msg']}") from error
