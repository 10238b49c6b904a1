"""What a tool takes and gives, read from a function's type hints and docstring or from a declared table."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from pydantic import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError, TypeAdapter

from agentui.errors import ConfigError

_JSON_TYPES: dict[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    list: "array",
    tuple: "array",
    dict: "object",
    type(None): "null",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One argument of a tool."""

    name: str
    annotation: str
    "The type as Python writes it, shown to the model."
    description: str
    schema: dict[str, Any]
    "JSON schema of its value; empty for anything."
    default: str | None = None
    "The default as Python writes it; None for an argument that must be given."


class Signature(NamedTuple):
    """What a function tells of itself."""

    description: str
    parameters: tuple[Parameter, ...]
    output_type: str


def from_function(function: Callable[..., Any]) -> Signature:
    """The signature of a described function.

    Raises:
        ConfigError: The docstring is missing, or an argument has no type hint or no description.
    """
    description, described = _docstring(function)
    hints = _hints(function)
    arguments = inspect.signature(function).parameters.values()
    return Signature(
        description,
        tuple(_parameter(function.__name__, argument, hints, described) for argument in arguments),
        _json_type(hints.get("return", Any)),
    )


def from_inputs(inputs: Mapping[str, Mapping[str, Any]]) -> tuple[Parameter, ...]:
    """The arguments of a tool that declares them in a table."""
    return tuple(
        Parameter(
            name=name,
            annotation=python_type(str(spec.get("type", "any"))),
            description=str(spec.get("description", "")),
            schema={} if spec.get("type", "any") == "any" else {"type": spec["type"]},
            default="None" if spec.get("nullable", False) else None,
        )
        for name, spec in inputs.items()
    )


def _parameter(
    tool_name: str, parameter: inspect.Parameter, hints: Mapping[str, Any], described: Mapping[str, str]
) -> Parameter:
    name = parameter.name
    if name not in hints:
        raise ConfigError(f"tool {tool_name!r}: argument {name!r} has no type hint: add one")
    if not described.get(name):
        raise ConfigError(f"tool {tool_name!r}: argument {name!r} is not described: add it to `Args:` in the docstring")
    return Parameter(
        name=name,
        annotation=inspect.formatannotation(hints[name]),
        description=described[name],
        schema=_schema(hints[name]),
        default=None if parameter.default is inspect.Parameter.empty else repr(parameter.default),
    )


def _schema(hint: Any) -> dict[str, Any]:
    try:
        return TypeAdapter(hint).json_schema()
    except (PydanticSchemaGenerationError, PydanticInvalidForJsonSchema):
        return {}


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function)
    except NameError as error:
        raise ConfigError(f"tool {function.__name__!r}: a type hint names something unknown: {error}") from error


def _docstring(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """The description, and the text of each argument, of a Google-style docstring."""
    doc = inspect.getdoc(function)
    if not doc:
        raise ConfigError(f"tool {function.__name__!r} has no docstring: say what it does and describe its arguments")
    sections = re.split(r"(?m)^(Args|Arguments|Returns|Raises|Yields|Example|Examples):[ \t]*$", doc)
    described: dict[str, str] = {}
    for title, body in zip(sections[1::2], sections[2::2], strict=True):
        if title in {"Args", "Arguments"}:
            for match in re.finditer(
                r"(?m)^\s+\**(\w+)(?:\s*\([^)]*\))?:\s*(.+(?:\n(?!\s+\**\w+(?:\s*\([^)]*\))?:).+)*)", body
            ):
                described[match[1]] = " ".join(match[2].split())
    return sections[0].strip(), described


def python_type(json_type: str) -> str:
    """A JSON schema type as Python writes it."""
    return {
        "string": "str",
        "integer": "int",
        "number": "float",
        "boolean": "bool",
        "array": "list",
        "object": "dict",
        "null": "None",
    }.get(json_type, "Any" if json_type == "any" else json_type)


def _json_type(hint: Any) -> str:
    if get_origin(hint) in {Union, UnionType}:
        kinds = {_json_type(option) for option in get_args(hint) if option is not type(None)}
        return kinds.pop() if len(kinds) == 1 else "any"
    return _JSON_TYPES.get(get_origin(hint) or hint, "any")
