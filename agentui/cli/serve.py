"""`agentui serve`: the playground."""

from __future__ import annotations

import argparse
import dataclasses
from importlib import import_module

from agentui.adopt import load_agent
from agentui.cli.interrupts import leave_at_once
from agentui.cli.options import (
    add_command,
    add_mcp_options,
    add_model_options,
    add_sandbox_option,
    mcp_from,
    sandbox_from,
    server_from,
    with_model,
)
from agentui.errors import ConfigError
from agentui.settings import Settings


def add_parser(commands: object) -> None:
    """Describe the command."""
    parser = add_command(
        commands,
        "serve",
        "Open the playground in the browser (the default command)",
        "agentui serve --base-url http://127.0.0.1:8080/v1 --no-browser",
    )
    parser.add_argument(
        "agent", nargs="?", metavar="MODULE:NAME", help="your own agent, or a function that makes one; else the demo's"
    )
    parser.add_argument("--host", metavar="ADDRESS", help="address to listen on; anything but loopback is shared mode")
    parser.add_argument("--port", type=int, metavar="N", help="port to listen on; default 7860 or the next free one")
    parser.add_argument("--share", action="store_true", help="make a public link for a week (shared mode)")
    parser.add_argument(
        "--max-runs", type=int, metavar="N", help="tasks of all visitors that run at once; more of them wait in line"
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
    add_sandbox_option(parser)
    add_mcp_options(parser, "; all visitors share the server and its tools, which take the place of the demo's")
    add_model_options(parser)
    parser.set_defaults(command=serve)


def serve(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C.

    Raises:
        ConfigError: An option is wrong, or code could not be isolated although strangers may come.
    """
    settings = Settings.from_env()
    given = {name: value for name in ("host", "port") if (value := getattr(options, name)) is not None}
    share, sandbox = options.share or settings.share, sandbox_from(options)
    settings = dataclasses.replace(settings, **given, share=share, sandbox=sandbox)
    if options.max_runs is not None:
        if options.max_runs < 1:
            raise ConfigError(f"--max-runs {options.max_runs} is not a whole number above 0: correct it")
        settings = dataclasses.replace(settings, max_running=options.max_runs)
    settings = with_connection(settings, options)
    if options.agent and options.mcp:
        raise ConfigError(
            "--mcp gives tools to the page's own agent: give them to yours where it is made, with mcp_tools"
        )
    agent = load_agent(options.agent) if options.agent else None
    servers = mcp_from(options)
    # Gradio takes seconds to import: only this command pays for it.
    with leave_at_once():
        page = import_module("agentui.ui.app")
    with servers as tools:
        page.launch(settings, agent=agent, tools=tools or None, open_browser=not options.no_browser)
    return 0


def with_connection(settings: Settings, options: argparse.Namespace) -> Settings:
    """`settings` whose own endpoint, which the page opens with, is the one that the options name, if they name any.

    Raises:
        ConfigError: As `server_from` and `with_model`.
    """
    if not any((options.model, options.base_url, options.api_key_env, options.preset)):
        return settings
    server = server_from(options)
    if server is None:
        return settings
    if server.model_id is None:
        server = with_model(dataclasses.replace(server, model_id=settings.openai_model))
    resolve = import_module("agentui.models.settings").ServerSettings.resolve
    found = resolve(server.base_url, server.api_key, {}, None, None, {})
    return dataclasses.replace(
        settings,
        openai_base_url=found.base_url,
        openai_api_key=found.api_key.reveal() or None,
        openai_model=server.model_id,
    )
