"""Access to parsed JSON of a shape that nobody promised: what is not there, or of another type, is empty (rule 16)."""

from __future__ import annotations

from typing import Any, TypeAlias, cast

JSONObject: TypeAlias = dict[str, Any]

_NOTHING: JSONObject = {}


def as_object(value: Any) -> JSONObject:
    """`value` if it is a JSON object, else an empty one, which is not to be written to."""
    return cast(JSONObject, value) if isinstance(value, dict) else _NOTHING


def as_objects(value: Any) -> list[JSONObject]:
    """The JSON objects in `value` if it is a list, else none."""
    return [cast(JSONObject, item) for item in as_list(value) if isinstance(item, dict)]


def as_list(value: Any) -> list[Any]:
    """`value` if it is a list, else an empty one."""
    return cast(list[Any], value) if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """`value` if it is text, else ""."""
    return value if isinstance(value, str) else ""
