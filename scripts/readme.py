"""What `make docs` writes into README.md, taken from the code so that it cannot go stale."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import get_args

from agentui.events import RunEvent

ROOT = Path(__file__).parent.parent


def front_matter() -> str:
    """The Space's settings as YAML lines; secrets and variables are not among them."""
    space = tomllib.loads((ROOT / "Spacefile").read_text(encoding="utf-8"))
    return "\n".join(f"{key}: {_yaml(value)}" for key, value in space.items() if not isinstance(value, dict))


def event_table() -> str:
    """Every record type with its fields and what it means."""
    rows = ["| type | fields | meaning |", "|---|---|---|"]
    for event in get_args(RunEvent):
        names = ", ".join(f"`{field.name}`" for field in fields(event) if field.name != "type")
        meaning = " ".join((inspect.getdoc(event) or "").split())
        rows.append(f"| `{event.__dataclass_fields__['type'].default}` | {names} | {meaning} |")
    return "\n".join(rows)


def command_help(command: str) -> str:
    """What `agentui COMMAND --help` prints, at 100 columns."""
    words = [sys.executable, "-m", "agentui", *command.split(), "--help"]
    text = subprocess.run(words, capture_output=True, text=True, check=True, env={"COLUMNS": "100", "PATH": ""}).stdout
    return f"```text\n{text.rstrip()}\n```"


def file_tree() -> str:
    """The package's modules, one phrase each: the first sentence of their docstrings."""
    lines = ["```text"]
    for path in sorted((ROOT / "agentui").rglob("*.py"), key=_reading_order):
        name = path.relative_to(ROOT / "agentui")
        doc = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0]
        phrase = " ".join(doc.split()).split(". ")[0].rstrip(".")
        depth = "  " * (len(name.parts) - 1)
        label = (
            f"{depth}{name.parts[-1]}"
            if name.name != "__init__.py"
            else f"{depth[:-2]}{name.parent.name or 'agentui'}/"
        )
        lines.append(f"{label:<28}{phrase}")
    return "\n".join([*lines, "```"])


def _reading_order(path: Path) -> tuple[object, ...]:
    parts = path.relative_to(ROOT / "agentui").parts
    return (parts[:-1], path.name != "__init__.py", path.name)


def _yaml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
