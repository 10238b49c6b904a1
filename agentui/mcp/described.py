"""A tool as its server describes it, as our tools are described: parameters with Python types, and names that are one.

The description is a stranger's: lengths are bounded, and what is no description is refused with a reason.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast

from mcp.types import Tool as ServerTool
from pydantic import ValidationError

from agentui.models.redact import plain_text
from agentui.signature import Parameter, python_type
from agentui.tools import RESERVED

MAX_DESCRIPTION = 4_000
_MAX_DEPTH = 4
_MAX_CHOICES = 20

Schema = Mapping[str, Any]


class NotDescribed(Exception):
    """The description cannot be used; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What is known of a server's tool."""

    server_name: str
    "Its name there."
    name: str
    "Its name here: a Python identifier."
    description: str
    parameters: tuple[Parameter, ...]
    original_names: Mapping[str, str]
    "Names of the arguments there, by their names here."
    nullable: frozenset[str]
    "Arguments, by their names here, that take None as a value."
    schema: dict[str, Any]
    "JSON schema of all arguments, as the server gave it."
    wrapped: bool
    "Whether results are objects whose only field, `result`, holds the value."


def describe(given: Any) -> Described:
    """Read a description.

    Raises:
        NotDescribed: It is none.
    """
    try:
        tool = ServerTool.model_validate(given)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise NotDescribed(f"its description is wrong at {where!r}") from error
    schema = tool.inputSchema
    properties = schema.get("properties", {})
    if schema.get("type", "object") != "object" or not isinstance(properties, dict):
        raise NotDescribed("the schema of its arguments is no object")
    named = cast("dict[str, Any]", properties)
    originals = name_all(named)
    required = schema.get("required")
    needed = set(cast("list[Any]", required)) if _is_texts(required) else set[Any]()
    parameters = [_parameter(name, original, named, needed, schema) for name, original in originals.items()]
    output: Any = (tool.outputSchema or {}).get("properties")
    return Described(
        server_name=tool.name,
        name=_apart_from_builtins(identifier(tool.name)),
        description=plain_text(tool.description or tool.title or tool.name, MAX_DESCRIPTION),
        parameters=tuple(sorted(parameters, key=lambda parameter: parameter.default is not None)),
        original_names=originals,
        nullable=frozenset(name for name, original in originals.items() if _takes_null(named[original])),
        schema=schema,
        wrapped=isinstance(output, dict) and set(cast("dict[str, Any]", output)) == {"result"},
    )


def identifier(text: str) -> str:
    """The nearest Python identifier of ASCII letters that is no keyword."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", text)[:64].strip("_") or "tool"
    return f"_{name}" if name[0].isdigit() else f"{name}_" if keyword.iskeyword(name) else name


def _apart_from_builtins(name: str) -> str:
    """`name`, unless the agent's code needs it for something else."""
    return f"{name}_" if name in RESERVED or hasattr(builtins, name) else name


def distinct(name: str, taken: Collection[str]) -> str:
    """`name`, numbered if it is taken."""
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    return candidate


def name_all(originals: Collection[str]) -> dict[str, str]:
    """Original names by identifiers that are all different."""
    named: dict[str, str] = {}
    for original in originals:
        named[distinct(identifier(original), named)] = original
    return named


def _parameter(name: str, original: str, properties: Schema, needed: Collection[Any], root: Schema) -> Parameter:
    schema = _resolved(properties[original], root)
    default = None if original in needed else repr(schema.get("default"))
    text = " ".join(filter(None, (str(schema.get("description") or ""), _keys(schema, root))))
    return Parameter(
        name=name,
        annotation=_annotation(schema, root),
        description=plain_text(text or original, MAX_DESCRIPTION),
        schema=dict(schema),
        default=default,
    )


def _resolved(schema: Any, root: Schema) -> Schema:
    """What a schema says, or what it refers to within the tool's own."""
    if not isinstance(schema, dict):
        return {}
    found = cast("dict[str, Any]", schema)
    reference = found.get("$ref")
    if not isinstance(reference, str):
        return found
    definitions: Any = root.get("$defs")
    target: Any = None
    if isinstance(definitions, dict):
        target = cast("dict[str, Any]", definitions).get(reference.removeprefix("#/$defs/"))
    return {**cast("dict[str, Any]", target), **found} if isinstance(target, dict) else found


def _annotation(given: Any, root: Schema, depth: int = 0) -> str:
    schema = _resolved(given, root)
    choices: Any = schema.get("enum")
    if depth > _MAX_DEPTH:
        return "Any"
    if isinstance(choices, list) and 0 < len(cast("list[Any]", choices)) <= _MAX_CHOICES:
        return f"Literal[{', '.join(repr(choice) for choice in cast('list[Any]', choices))}]"
    options: Any = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(options, list):
        return _union([_annotation(option, root, depth + 1) for option in cast("list[Any]", options)[:_MAX_CHOICES]])
    kind: Any = schema.get("type", "any")
    if _is_texts(kind):
        return _union([python_type(option) for option in cast("list[str]", kind)])
    if kind == "array" and isinstance(schema.get("items"), dict):
        return f"list[{_annotation(schema['items'], root, depth + 1)}]"
    return _known(kind)


def _known(kind: Any) -> str:
    name = python_type(kind) if isinstance(kind, str) else "Any"
    return name if name.isidentifier() else "Any"


def _union(options: list[str]) -> str:
    return " | ".join(dict.fromkeys(options)) or "Any"


def _keys(schema: Schema, root: Schema) -> str:
    """The fields of an object in words: nothing else in a signature tells of them."""
    fields: Any = schema.get("properties")
    if not isinstance(fields, dict):
        return ""
    told = [f"{name} ({_annotation(field, root, 1)})" for name, field in cast("dict[str, Any]", fields).items()]
    return f"Keys: {', '.join(told)}." if told else ""


def _takes_null(schema: Any) -> bool:
    return "None" in _annotation(schema, {}).split(" | ") or schema in ({}, True)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in cast("list[Any]", value))
