"""`agentui serve`: the playground."""

from __future__ import annotations

import argparse
import dataclasses
from importlib import import_module

from agentui.cli.options import add_command
from agentui.settings import Settings


def add_parser(commands: object) -> None:
    """Describe the command."""
    parser = add_command(
        commands,
        "serve",
        "Open the playground in the browser (the default command)",
        "agentui serve --port 7860 --no-browser",
    )
    parser.add_argument("--host", metavar="ADDRESS", help="address to listen on; anything but loopback is shared mode")
    parser.add_argument("--port", type=int, metavar="N", help="port to listen on; default 7860 or the next free one")
    parser.add_argument("--share", action="store_true", help="make a public link for a week (shared mode)")
    parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
    parser.set_defaults(command=serve)


def serve(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C.

    Raises:
        ConfigError: An option is wrong, or code could not be isolated although strangers may come.
    """
    settings = Settings.from_env()
    given = {name: value for name in ("host", "port") if (value := getattr(options, name)) is not None}
    settings = dataclasses.replace(settings, **given, share=options.share or settings.share)
    # Gradio takes seconds to import: only this command pays for it.
    import_module("agentui.ui.app").launch(settings, open_browser=not options.no_browser)
    return 0
