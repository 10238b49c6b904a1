"""Native calls of a model that was asked for code: the code that they mean, or what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from agentui.jsonable import clean_text
from agentui.messages import ToolCall
from agentui.models.wire import as_object

_PYTHON_TOOLS = frozenset({"python", "python_interpreter", "code_interpreter", "code", "execute_python"})
_SHOWN_CHARS = 200


def code_of_calls(calls: Sequence[ToolCall]) -> str | None:
    """The code that `calls` mean; None where there is none, or where one of them means nothing."""
    lines = [_line(call) for call in calls]
    return "\n".join(line for line in lines if isinstance(line, str)) if None not in lines and lines else None


def bad_calls(calls: Sequence[ToolCall]) -> tuple[str, ...]:
    """Those of `calls` that mean no code, each with what is wrong with it."""
    return tuple(f"{_shown(call)}: {_wrong(call)}" for call in calls if _line(call) is None)


def _line(call: ToolCall) -> str | None:
    """One call as a line of code; None where it means none."""
    try:
        given = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        return call.arguments if call.name in _PYTHON_TOOLS else None
    arguments = as_object(given)
    if call.name in _PYTHON_TOOLS:
        return next((value for value in arguments.values() if isinstance(value, str) and value.strip()), None)
    if not isinstance(given, dict) or not call.name.isidentifier():
        return None
    if call.name == "final_answer":
        return f"final_answer({next(iter(arguments.values()), None)!r})"
    return f"print({call.name}(**{given!r}))"


def _wrong(call: ToolCall) -> str:
    if call.name not in _PYTHON_TOOLS and not call.name.isidentifier():
        return "there is no such function"
    try:
        given: Any = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError) as error:
        return f"the arguments are not valid JSON ({error})"
    if call.name in _PYTHON_TOOLS:
        return "there is no code in the arguments"
    return f"the arguments are a JSON {type(given).__name__}, not an object"


def _shown(call: ToolCall) -> str:
    text = clean_text(" ".join(f"{call.name or '(no name)'}({call.arguments})".split()))
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
