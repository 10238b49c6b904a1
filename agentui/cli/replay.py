"""`agentui replay`: a recorded run in the terminal, at its own pace. Calls nothing."""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path

from agentui.cli.options import add_command
from agentui.cli.terminal import Terminal, one_line
from agentui.errors import ConfigError
from agentui.events import Record
from agentui.recording import end_missing, read_records

_LONGEST_WAIT_S = 86_400


def add_parser(commands: object) -> None:
    """Describe the command."""
    parser = add_command(
        commands,
        "replay",
        "Play a recorded run in the terminal; nothing is called",
        "agentui replay run.jsonl --speed 4",
    )
    parser.add_argument("file", type=Path, help="records, as `agentui run --json` prints them")
    parser.add_argument("--speed", type=float, default=1.0, help="times real time; 0 shows everything at once")
    parser.add_argument(
        "--max-wait", type=float, default=2.0, metavar="S", help="shorten longer waits to this (default 2)"
    )
    parser.set_defaults(command=replay)


def replay(options: argparse.Namespace) -> int:
    """Play the file.

    Raises:
        ConfigError: The file is no recording, or an option makes no sense.
    """
    if not (0 <= options.speed < math.inf and 0 <= options.max_wait <= _LONGEST_WAIT_S):
        raise ConfigError(f"--speed has to be a number from 0, --max-wait one from 0 to {_LONGEST_WAIT_S:,} seconds")
    terminal = Terminal()
    before = 0.0
    last: list[Record] = []
    for record in read_records(options.file):
        last = [record]
        if options.speed:
            time.sleep(min((record.t - before) / options.speed, options.max_wait) if record.t > before else 0)
        before = record.t
        terminal.show(record)
    if (cut := end_missing(last)) is not None:
        print(f"agentui: {one_line(str(options.file))}: {cut}", file=sys.stderr)
    return 0
