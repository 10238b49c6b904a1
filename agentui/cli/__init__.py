"""The command line. This module is tiny, so that Ctrl-C is quiet from the first moment on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from agentui.cli.interrupts import leave_at_once


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    with leave_at_once():
        commands = import_module("agentui.cli.commands")
    return commands.run_command(sys.argv[1:] if arguments is None else arguments)
