"""Tools: Python functions that stay in the host and are called by name from the agent's code.

`@tool` and `Tool` take what they take in smolagents: a described signature. The code under test sees only names,
descriptions and values, never the functions themselves.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Any, ClassVar, Union, get_args, get_origin, get_type_hints

from pydantic import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError, TypeAdapter

from agentui.errors import ConfigError, ToolError
from agentui.messages import ToolSchema

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
RESERVED = frozenset({"final_answer", "print"})
"Names that a tool may not have: the code needs them."


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


class Tool(ABC):
    """A host function that the agent's code may call.

    Subclasses set `name`, `description`, `inputs` and `output_type` and define `forward`, which may be async.

    Attributes:
        name: A Python identifier.
        description: What it does, for the model.
        inputs: `{argument: {"type": …, "description": …, "nullable": …}}`.
        output_type: JSON schema type, or `any`, `image`, `audio`.
    """

    name: str
    description: str
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    output_type: str = "any"

    @abstractmethod
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Do the work, here in the host."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the tool from Python, as its function was called."""
        return self.forward(*args, **kwargs)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The arguments in order."""
        return _from_inputs(self.inputs)

    @property
    def target(self) -> Callable[..., Any]:
        """The function that a call runs."""
        return self.forward

    def as_prompt(self) -> str:
        """The tool as a Python signature with its docstring: how the model reads it."""
        arguments = ", ".join(
            f"{p.name}: {p.annotation}" + ("" if p.default is None else f" = {p.default}") for p in self.parameters
        )
        lines = [f"def {self.name}({arguments}) -> {_python_type(self.output_type)}:", f'    """{self.description}']
        if self.parameters:
            lines += ["", "    Args:", *(f"        {p.name}: {p.description}" for p in self.parameters)]
        return "\n".join([*lines, '    """'])

    def as_schema(self) -> ToolSchema:
        """The tool as a model reads it that calls tools natively."""
        properties = {p.name: {**p.schema, "description": p.description} for p in self.parameters}
        required = [p.name for p in self.parameters if p.default is None]
        parameters = {"type": "object", "properties": properties, "required": required}
        function = {"name": self.name, "description": self.description, "parameters": parameters}
        return {"type": "function", "function": function}

    async def call(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run `forward` without blocking the event loop: async functions here, others in a thread.

        Raises:
            ToolError: It failed; the message is `ExceptionName: text`.
        """
        try:
            if inspect.iscoroutinefunction(self.target):
                return await self.target(*args, **kwargs)
            result = await asyncio.to_thread(self.target, *args, **kwargs)
            return await result if inspect.isawaitable(result) else result
        except ToolError:
            raise
        except Exception as error:  # whatever the tool's author lets through is the code's to handle
            raise ToolError(f"{type(error).__name__}: {error}") from error


class FunctionTool(Tool):
    """A tool made of a plain function; use `@tool`."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.name = function.__name__
        self.__doc__ = function.__doc__
        self.description, described = _docstring(function)
        hints = _hints(function)
        self.output_type = _json_type(hints.get("return", Any))
        self._parameters = tuple(
            _parameter(self.name, parameter, hints, described)
            for parameter in inspect.signature(function).parameters.values()
        )

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The function's arguments."""
        return self._parameters

    @property
    def target(self) -> Callable[..., Any]:
        """The function itself."""
        return self._function

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self._function(*args, **kwargs)


class FinalAnswer(Tool):
    """How a model that calls tools natively ends a run. It is never called: the loop takes the argument."""

    name = "final_answer"
    description = "End the task with its answer."
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {"answer": {"type": "any", "description": "The answer."}}

    def forward(self, answer: Any) -> Any:
        """Give the answer back."""
        return answer


FINAL_ANSWER = FinalAnswer()


def tool(function: Callable[..., Any]) -> Tool:
    """Make a tool of a function with type hints and a docstring whose `Args:` describe each argument.

    Raises:
        ConfigError: The docstring is missing, or an argument has no type hint or no description.
    """
    return FunctionTool(function)


def as_tools(tools: Sequence[Tool | Callable[..., Any]]) -> dict[str, Tool]:
    """Tools by name, checked.

    Raises:
        ConfigError: A name is taken twice, reserved or no Python identifier; or something is not a tool.
    """
    named: dict[str, Tool] = {}
    for item in tools:
        found = item if isinstance(item, Tool) else _adopt(item)
        if not found.name.isidentifier() or found.name in RESERVED:
            raise ConfigError(f"tool name {found.name!r} cannot be used: give it another Python identifier")
        if found.name in named:
            raise ConfigError(f"two tools are called {found.name!r}: rename one of them")
        named[found.name] = found
    return named


def _adopt(item: Any) -> Tool:
    """Take a foreign tool object with smolagents' attributes, or a plain described function."""
    if inspect.isroutine(item):
        return tool(item)
    if all(hasattr(item, attribute) for attribute in ("name", "description", "inputs", "output_type", "forward")):
        return _ForeignTool(item)
    raise ConfigError(f"{item!r} is not a tool: decorate a function with @tool, or subclass Tool")


class _ForeignTool(Tool):
    def __init__(self, item: Any) -> None:
        self._item = item
        self.name, self.description, self.output_type = item.name, item.description, item.output_type
        self._inputs: Mapping[str, Mapping[str, Any]] = item.inputs

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return _from_inputs(self._inputs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self._item(*args, **kwargs)


def _from_inputs(inputs: Mapping[str, Mapping[str, Any]]) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(
            name=name,
            annotation=_python_type(str(spec.get("type", "any"))),
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


def _python_type(json_type: str) -> str:
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
