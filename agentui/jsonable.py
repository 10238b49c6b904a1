"""Python values as JSON, for records: what JSON has keeps its type, everything else becomes its text.

Records are for reading: the exact Python value stays with the run, and a value that cannot be shown is still
shown as its `repr` rather than lost or raised over.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Mapping
from typing import Any, cast

logger = logging.getLogger(__name__)

MAX_DEPTH = 12
MAX_TEXT = 200_000
"Characters of one text; a longer one is cut and says so."
_SAFE_INT = 2**53


def jsonable(value: Any, depth: int = 0) -> Any:
    """The nearest JSON value to `value`. Never raises for a well-behaved value; cuts at `MAX_DEPTH` levels."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) <= _SAFE_INT else _text(str(value))
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return _text(value)
    if depth < MAX_DEPTH:
        if isinstance(value, Mapping):
            pairs = cast(Mapping[Any, Any], value)
            return {_text(_repr(key)): jsonable(item, depth + 1) for key, item in pairs.items()}
        if isinstance(value, list | tuple | set | frozenset):
            items = cast(Collection[Any], value)
            return [jsonable(item, depth + 1) for item in items]
    return _text(_repr(value))


def clean_text(text: str) -> str:
    """`text` without the lone surrogates that no JSON can hold."""
    return text.encode("utf-8", "replace").decode()


def _text(text: str) -> str:
    clean = clean_text(text)
    return clean if len(clean) <= MAX_TEXT else f"{clean[:MAX_TEXT]}… (cut after {MAX_TEXT:,} characters)"


def _repr(value: Any) -> str:
    try:
        return str(value) if type(value).__str__ is not object.__str__ else repr(value)
    except Exception:
        logger.debug("a %s cannot be printed", type(value).__name__, exc_info=True)
        return object.__repr__(value)
