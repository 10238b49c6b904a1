"""Arguments of a call as the JSON that an MCP server gets: the names it knows, and nothing that was not given."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agentui.errors import ToolError
from agentui.mcp.described import Described


def sent_arguments(tool: Described, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """What to send for a call.

    An optional argument that is None, and cannot be, is left out: that is what None means in a signature.

    Raises:
        ToolError: An argument is missing, unknown, given twice, or no JSON value.
    """
    names = [parameter.name for parameter in tool.parameters]
    if len(args) > len(names):
        raise ToolError(f"{tool.name}() takes {len(names)} arguments, and {len(args)} were given")
    given = dict(zip(names, args, strict=False))
    here = {original: name for name, original in tool.original_names.items()}
    for key, value in kwargs.items():
        name = key if key in names else here.get(key)
        if name is None:
            raise ToolError(f"{tool.name}() has no argument {key!r}; it takes: {', '.join(names) or 'none'}")
        if name in given:
            raise ToolError(f"{tool.name}() got argument {name!r} twice")
        given[name] = value
    sent: dict[str, Any] = {}
    for parameter in tool.parameters:
        name = parameter.name
        if name not in given:
            if parameter.default is None:
                raise ToolError(f"{tool.name}() needs argument {name!r}")
        elif given[name] is not None or parameter.default is None or name in tool.nullable:
            sent[tool.original_names[name]] = _plain(tool.name, name, given[name])
    return sent


def _plain(tool_name: str, name: str, value: Any) -> Any:
    try:
        return json.loads(json.dumps(value, default=_as_list, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ToolError(f"{tool_name}(): argument {name!r} is no JSON value: {error}") from error


def _as_list(value: Any) -> Any:
    """Arrays and numbers of NumPy as lists and numbers; sets and bytes are not guessed at."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has to be converted first")
