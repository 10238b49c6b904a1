"""The commands: `agentui [serve]`, `run`, `replay`, `rerun`, `export`, `deploy`, `doctor`.

Bad input ends with one line on standard error and exit status 2, never with a traceback.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from agentui.cli import deploy, doctor, export, replay, rerun, run, serve
from agentui.cli.interrupts import EXIT_STOPPED
from agentui.cli.terminal import one_line
from agentui.errors import AgentUIError, ConfigError
from agentui.version import __version__

_COMMANDS = (serve, run, replay, rerun, export, deploy, doctor)
EXIT_FAILED, EXIT_USAGE = 1, 2


def run_command(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    words = [_text(word) for word in arguments]
    if not words or (words[0].startswith("-") and words[0] not in {"-h", "--help", "--version"}):
        words.insert(0, "serve")
    options = build_parser().parse_args(words)
    try:
        status = options.command(options)
        sys.stdout.flush()
        return status
    except ConfigError as error:
        print(f"agentui: {one_line(str(error))}", file=sys.stderr)
        return EXIT_USAGE
    except AgentUIError as error:
        print(f"agentui: {one_line(str(error))}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_STOPPED
    except BrokenPipeError:  # the reader has gone: end quietly, and keep Python from flushing into the closed pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_STOPPED


def build_parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    parser = _Parser(
        prog="agentui",
        description="Watch LLM agents write and run code, in the browser (serve, the default) or the terminal (run).",
        epilog='Example: agentui run "What is 17 * 23?"',
    )
    parser.add_argument("--version", action="version", version=f"agentui {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in _COMMANDS:
        module.add_parser(commands)
    return parser


class _Parser(argparse.ArgumentParser):
    """A parser, and so its commands' parsers, that says what is wrong without all that could be said instead."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_USAGE, f"{self.prog}: {one_line(message)} (see {self.prog} --help)\n")


def _text(word: str) -> str:
    """An argument whose bytes are no UTF-8, as text that can be sent and recorded."""
    return word.encode("utf-8", "replace").decode()
