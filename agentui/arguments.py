"""Arguments of an agent and a run, checked where they come in, so that a mistake is named before a run starts."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from agentui.errors import ConfigError
from agentui.images import task_content
from agentui.jsonable import clean_text
from agentui.messages import ChatMessage
from agentui.models.base import Model
from agentui.observe import shorten
from agentui.parse import MARKDOWN, TAGS, CodeTags
from agentui.sandbox.codec import CodecError, encode
from agentui.spec import IMPORTS

MAX_VALUE_CHARS = 4_000
"Characters of a value that is written into a task."


def as_task(
    task: Any, images: Sequence[Any] | None, variables: Mapping[str, Any] | None, *, native: bool = False
) -> tuple[ChatMessage, Mapping[str, Any]]:
    """A task as its message, and the variables that the code will find.

    Args:
        task: The text.
        images: Its pictures.
        variables: Values by name.
        native: The agent runs no code, so the values themselves go into the text.

    Raises:
        ConfigError: The task is empty, or a picture, a value or its name cannot be used.
    """
    if not isinstance(task, str):
        raise ConfigError(f"the task is a {type(task).__name__}, not a text: say what the agent is to do")
    task = clean_text(task)
    if not task.strip():
        raise ConfigError("the task is empty: say what the agent is to do")
    variables = variables or {}
    for name, value in variables.items():
        _check_variable(name, value)
    if variables:
        task = f"{task}\n\n{_told(variables, native=native)}"
    return ChatMessage(role="user", content=task_content(task, images or ())), variables


def _check_variable(name: object, value: object) -> None:
    if not isinstance(name, str) or not name.isidentifier():
        raise ConfigError(f"additional_args: {name!r} is not a Python identifier: rename it")
    try:
        encode(value, strict=True)
    except CodecError as error:
        raise ConfigError(f"additional_args: {name!r} cannot be sent to the sandbox: {error}") from error


def _told(variables: Mapping[str, Any], *, native: bool) -> str:
    if native:
        return "\n".join(f"{name} = {shorten(repr(value), MAX_VALUE_CHARS)}" for name, value in variables.items())
    names = ", ".join(f"{name} ({type(value).__name__})" for name, value in variables.items())
    return f"These variables are already defined: {names}."


def as_model(model: Any) -> Model:
    """`model`, if it is one.

    Raises:
        ConfigError: It is something else, such as the name of a model.
    """
    if not isinstance(model, Model):
        raise ConfigError(f"model={model!r} is no model: make one, such as OpenAIServerModel(model_id=…, api_base=…)")
    return model


def authorized_imports(additional: Sequence[str]) -> tuple[str, ...]:
    """The usual modules and `additional` ones.

    Raises:
        ConfigError: One of them is not installed.
    """
    for name in additional:
        if name != "*" and importlib.util.find_spec(name.partition(".")[0]) is None:
            raise ConfigError(f"additional_authorized_imports: {name!r} is not installed: install it or leave it out")
    return tuple(dict.fromkeys([*IMPORTS, *additional]))


def code_tags(tags: Literal["markdown"] | tuple[str, str] | None) -> CodeTags:
    """What the model puts around its code.

    Raises:
        ConfigError: `tags` is neither `"markdown"` nor a pair of texts.
    """
    if tags is None:
        return TAGS
    if tags == "markdown":
        return MARKDOWN
    if len(tags) != 2 or not all(tag.strip() for tag in tags):
        raise ConfigError(f"code_block_tags={tags!r} is neither 'markdown' nor an opening and a closing text")
    return CodeTags(*tags)


def positive(name: str, value: int | None) -> int | None:
    """`value`, if it is None or a whole number above 0.

    Raises:
        ConfigError: It is not.
    """
    if value is not None and value < 1:
        raise ConfigError(f"{name}={value!r} is not a whole number above 0")
    return value
