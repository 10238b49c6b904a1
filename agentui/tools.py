"""Tools: Python functions that stay in the host and are called by name from the agent's code.

`@tool` and `Tool` take what they take in smolagents: a described signature. The code under test sees only names,
descriptions and values, never the functions themselves.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, ClassVar

from agentui.errors import ConfigError, ToolError
from agentui.jsonable import jsonable
from agentui.messages import ToolSchema
from agentui.signature import Parameter, from_function, from_inputs, python_type
from agentui.threads import in_thread

RESERVED = frozenset({"final_answer", "print"})
"Names that a tool may not have: the code needs them."


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
    is_initialized: bool = False
    _setup_lock: ClassVar[threading.RLock] = threading.RLock()

    @abstractmethod
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Do the work, here in the host."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the tool from Python, as its function was called."""
        return self._prepared(args, kwargs)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The arguments in order."""
        return from_inputs(self.inputs)

    @property
    def target(self) -> Callable[..., Any]:
        """The function that a call runs."""
        return self.forward

    def as_prompt(self) -> str:
        """The tool as a Python signature with its docstring: how the model reads it."""
        arguments = ", ".join(
            f"{p.name}: {p.annotation}" + ("" if p.default is None else f" = {p.default}") for p in self.parameters
        )
        lines = [f"def {self.name}({arguments}) -> {python_type(self.output_type)}:", f'    """{self.description}']
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
        """Run `forward` without blocking the event loop: async functions here, others in a thread of their own.

        Raises:
            ToolError: It failed, in whatever way; the message is `ExceptionName: text`.
        """
        outcome = await in_thread(self._prepared, args, kwargs)
        with outcome if outcome.error is None else nullcontext():
            if inspect.isawaitable(outcome.value):
                outcome.value = await outcome.value
        if isinstance(outcome.error, ToolError | asyncio.CancelledError):
            raise outcome.error
        if outcome.error is not None:
            raise ToolError(f"{type(outcome.error).__name__}: {outcome.error}") from outcome.error
        return outcome.value

    def setup(self) -> None:
        """Do what is needed once, before the first call; by default nothing."""
        return None

    def _prepared(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        with self._setup_lock:
            if not self.is_initialized:
                self.setup()
                self.is_initialized = True
        return self.target(*args, **kwargs)


class FunctionTool(Tool):
    """A tool made of a plain function; use `@tool`."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.name = function.__name__
        self.__doc__ = function.__doc__
        self.description, self._parameters, self.output_type = from_function(function)

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
        return from_inputs(self._inputs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self._item(*args, **kwargs)


def named_arguments(tool: Tool | None, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a call as JSON by name, as far as the tool's signature names them."""
    names = [parameter.name for parameter in tool.parameters] if tool else []
    names += [f"argument_{i}" for i in range(len(names) + 1, len(args) + 1)]
    given = {name: jsonable(value) for name, value in zip(names, args, strict=False)}
    return {**given, **{str(name): jsonable(value) for name, value in kwargs.items()}}
