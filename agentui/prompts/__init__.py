"""Prompt texts, one Markdown file each, filled in by Jinja; a missing value is an error, not an empty gap."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("agentui", "prompts"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # the reader is a model, not a browser
    )


def render(name: str, **values: Any) -> str:
    """The prompt `name` (file name without `.md`) with `values` filled in."""
    return _environment().get_template(f"{name}.md").render(**values).strip()
