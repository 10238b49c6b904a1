"""Options that several commands share, and what they mean together."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import inspect
import json
import os
import sys
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, cast

from agentui.cli.interrupts import leave_at_once
from agentui.cli.limits import error_in_flags
from agentui.errors import ConfigError, ModelError
from agentui.models.base import Model
from agentui.models.presets import PRESETS, Preset
from agentui.models.redact import public_url
from agentui.settings import SANDBOX_PLACES, SandboxChoice, sandbox_choice
from agentui.tools import Tool

_NOT_SENT = ("timeout", "model", "messages", "stream")
"Names that a model takes without sending them as they are."
_OBJECTS = ("extra_body", "extra_headers", "extra_query")


def add_command(commands: Any, name: str, about: str, example: str) -> argparse.ArgumentParser:
    """A command whose help ends with an example."""
    return commands.add_parser(name, help=about, description=f"{about}.", epilog=f"Example: {example}")


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """`--model`, `--base-url`, `--api-key-env` and `--preset`."""
    group = parser.add_argument_group("model (without any of these: OPENAI_API_KEY and OPENAI_BASE_URL, else the demo)")
    group.add_argument("--model", metavar="ID", help="model id as the server knows it, or the name of a preset")
    group.add_argument(
        "--base-url",
        metavar="URL",
        help="an OpenAI-compatible server, such as http://127.0.0.1:8080/v1; OPENAI_API_KEY is sent to it only if it "
        "is OPENAI_BASE_URL or OpenAI's own, any other key needs --api-key-env",
    )
    group.add_argument("--api-key-env", metavar="NAME", help="environment variable with the key to send")
    group.add_argument(
        "--preset", metavar="NAME", help=f"a known server: {', '.join(preset.name for preset in PRESETS)}"
    )


def add_sandbox_option(parser: argparse.ArgumentParser) -> None:
    """`--sandbox`."""
    parser.add_argument(
        "--sandbox",
        choices=tuple(SANDBOX_PLACES),
        help="where code runs: on this machine, or in a virtual machine at Hugging Face for each session, which needs "
        "HF_TOKEN; default: AGENTUI_SANDBOX, or local",
    )


def sandbox_from(options: argparse.Namespace) -> SandboxChoice:
    """The sandbox that was asked for.

    Raises:
        ConfigError: AGENTUI_SANDBOX names none, and there is no option.
    """
    if options.sandbox is None:
        return sandbox_choice()
    return sandbox_choice({**os.environ, "AGENTUI_SANDBOX": options.sandbox})


def add_mcp_options(parser: argparse.ArgumentParser, note: str = "") -> None:
    """`--mcp` and `--mcp-env`; `note` follows what the first one does."""
    parser.add_argument(
        "--mcp",
        action="append",
        default=[],
        metavar="SERVER",
        help=f"give the agent the tools of an MCP server: a command in quotes, or an http or https address{note}",
    )
    parser.add_argument(
        "--mcp-env",
        action="append",
        default=[],
        metavar="NAME",
        help="environment variable that the commands of --mcp may read, which else get PATH and HOME only",
    )


def mcp_from(options: argparse.Namespace, taken: Collection[str] = ()) -> AbstractContextManager[Sequence[Tool]]:
    """The tools of the MCP servers that were asked for, while they run.

    Raises:
        ConfigError: A variable is not set, or an address is none; when entered, that a server cannot be used.
    """
    if not options.mcp:
        return nullcontext(())
    if missing := [name for name in options.mcp_env if name not in os.environ]:
        raise ConfigError(f"environment variable {missing[0]} is not set: --mcp-env cannot hand it over")
    env = {name: os.environ[name] for name in options.mcp_env}
    # Half a second to import: only those who need it pay for it.
    with leave_at_once():
        several = import_module("agentui.mcp.several")
    return several.mcp_tools(*(several.server_from(text, env) for text in options.mcp), taken=taken)


def add_parameter_option(parser: argparse.ArgumentParser) -> None:
    """`--set`."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="send this with every request, such as --set temperature=0",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A model server that was asked for. `repr` does not show the key."""

    base_url: str | None
    "None for OpenAI's own."
    api_key: str | None = field(repr=False)
    "None: the model takes OPENAI_API_KEY where that belongs."
    model_id: str | None
    "None if it was left open."


def server_from(options: argparse.Namespace) -> Server | None:
    """The server that the options and the environment name; None where they name none, which means the demo.

    Raises:
        ConfigError: The preset is unknown, the key is missing, or there is a model but no server.
    """
    preset = _preset(options)
    model_id = None if preset and options.preset is None else options.model
    if model_id is None and preset and preset.model_ids:
        model_id = preset.model_ids[0]
    base_url = options.base_url or (preset.base_url if preset else os.environ.get("OPENAI_BASE_URL"))
    key = _key(options, preset)
    if base_url or key or os.environ.get("OPENAI_API_KEY"):
        return Server(base_url=base_url or None, api_key=key, model_id=model_id)
    if model_id is not None:
        raise ConfigError(f"no server for model {model_id!r}: give --base-url or --preset, or set OPENAI_API_KEY")
    return None


def model_from(options: argparse.Namespace) -> Model | None:
    """The model that was asked for; None for the demo.

    Raises:
        ConfigError: As `server_from`; or no model was named, and the server does not list any.
    """
    parameters = parameters_from(options.set)
    server = server_from(options)
    return None if server is None else connect(with_model(server), **parameters)


def with_model(server: Server) -> Server:
    """`server` with a model: its first one where none was named.

    Raises:
        ConfigError: The server does not list any.
    """
    return server if server.model_id else dataclasses.replace(server, model_id=_first_model(server))


def connect(server: Server, **parameters: Any) -> Any:
    """The model of a server; `parameters` go with every request.

    Raises:
        ConfigError: The address is none, or a parameter is none.
    """
    # The client takes most of a second to import: only those who need it pay for it.
    with leave_at_once():
        made = import_module("agentui.models.openai_server").OpenAIServerModel
    own = {*inspect.signature(made).parameters, *_NOT_SENT}
    if refused := sorted(own & set(parameters)):
        raise ConfigError(
            f"--set {refused[0]}=… is no parameter of a request: use the options for the server's settings"
        )
    try:
        return made(model_id=server.model_id or "", api_base=server.base_url, api_key=server.api_key, **parameters)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"the model does not take these settings: {error}") from error


def address(server: Server) -> str:
    """Where a server is, without anything secret."""
    return public_url(server.base_url) if server.base_url else "OpenAI"


async def list_models(server: Server) -> list[str]:
    """Model ids that `server` offers.

    Raises:
        ModelError: It does not answer, or not with a list.
    """
    return await connect(server).list_models()


def probe(server: Server) -> Any:
    """What `server` answers to a tiny request, as a `Probe`.

    Raises:
        ConfigError: The address is none.
    """
    with leave_at_once():
        probe_server = import_module("agentui.models.probe").probe_server
    try:
        return asyncio.run(probe_server(server.model_id, server.base_url, server.api_key))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"the model does not take these settings: {error}") from error


def announce_demo() -> None:
    """Say that no model is connected."""
    print(
        "agentui: no model is connected, so the scripted demo answers. Connect one with --preset NAME, with "
        "--model ID --base-url URL, or with OPENAI_API_KEY.",
        file=sys.stderr,
    )


def parameters_from(words: Sequence[str]) -> dict[str, Any]:
    """What `--set` was given, as JSON where it is and as text where it is not.

    Raises:
        ConfigError: One is not NAME=VALUE, or cannot be sent.
    """
    return dict(map(_parameter, words))


def _parameter(word: str) -> tuple[str, Any]:
    name, equals, text = word.partition("=")
    if not equals or not name.isidentifier():
        raise ConfigError(f"--set {word!r} is not of the form NAME=VALUE, such as temperature=0")
    try:
        value: Any = json.loads(text)
    except ValueError:
        value = text
    except RecursionError as error:
        raise ConfigError(f"--set {name}=… is nested too deeply to be sent") from error
    try:
        json.dumps(value, allow_nan=False)
    except ValueError as error:
        raise ConfigError(f"--set {word!r} cannot be sent: JSON has no such number") from error
    if name in _OBJECTS:
        _check_object(name, value)
    return name, value


def _check_object(name: str, value: Any) -> None:
    if not isinstance(value, dict):
        raise ConfigError(f'--set {name}=… has to be a JSON object, such as {name}=\'{{"a": "b"}}\'')
    texts = cast("dict[str, Any]", value).values()
    if name == "extra_headers" and not all(isinstance(text, str) for text in texts):
        raise ConfigError("--set extra_headers=… has to be a JSON object of texts")


def _preset(options: argparse.Namespace) -> Preset | None:
    known = {preset.name: preset for preset in PRESETS}
    if options.preset is not None:
        if options.preset not in known:
            raise ConfigError(f"unknown preset {options.preset!r}: use one of {', '.join(known)}")
        return known[options.preset]
    return known.get(options.model or "") if options.base_url is None else None


def _key(options: argparse.Namespace, preset: Preset | None) -> str | None:
    """The key to send whatever the server is; a preset's belongs to the preset's own address."""
    elsewhere = preset is not None and options.base_url not in {None, preset.base_url}
    name = options.api_key_env or (preset.api_key_env if preset and not elsewhere else None)
    if name is None:
        return None
    key = os.environ.get(name)
    if not key:
        raise ConfigError(f"environment variable {name} is not set: put the API key there")
    return key


def _first_model(server: Server) -> str:
    try:
        models = asyncio.run(list_models(server))
    except ModelError as error:
        raise ConfigError(
            f"no --model given, and the server did not list its models: {error_in_flags(str(error))}"
        ) from error
    if not models:
        raise ConfigError(f"no --model given, and {address(server)} lists none: give --model ID")
    return models[0]
