"""`agentui export`: a recorded run as a document."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from agentui.cli.options import add_command
from agentui.cli.terminal import clean, one_line
from agentui.errors import ConfigError
from agentui.export import as_markdown
from agentui.recording import end_missing, read_records
from agentui.usage_csv import as_usage_csv
from agentui.view import fold

_FORMATS = {"markdown": as_markdown, "md": as_markdown, "usage-csv": as_usage_csv}


def add_parser(commands: object) -> None:
    """Describe the command."""
    parser = add_command(
        commands,
        "export",
        "Turn a recorded run into a document",
        "agentui export run.jsonl --format markdown --output run.md",
    )
    parser.add_argument("file", type=Path, help="records, as `agentui run --json` prints them")
    parser.add_argument("--format", choices=_FORMATS, default="markdown")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write it; standard output by default")
    parser.set_defaults(command=export)


def export(options: argparse.Namespace) -> int:
    """Write the document.

    Raises:
        ConfigError: The input is no recording, or the output cannot be written.
    """
    records = list(read_records(options.file))
    if (cut := end_missing(records)) is not None:
        print(f"agentui: {one_line(str(options.file))}: {cut}", file=sys.stderr)
    text = _FORMATS[options.format](fold(records)).encode("utf-8", "replace").decode()
    if options.output is None:
        sys.stdout.write(clean(text) if sys.stdout.isatty() else text)
        return 0
    try:
        options.output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {options.output}: {error.strerror}") from error
    return 0
