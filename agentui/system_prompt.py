"""The system prompt: the one of this package, or a text in its place.

What may be imported, the tools and the instructions reach the model either way: a text in its place says where with
placeholders, and what it does not place is added at its end. The text is data: nothing else in it is ever filled in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from agentui.prompts import render

IMPORTS, TOOLS, INSTRUCTIONS = "{{imports}}", "{{tools}}", "{{instructions}}"
_PLACEHOLDER = re.compile(r"\{\{\s*(imports|tools|instructions)\s*\}\}")
_BLANK_LINES = re.compile(r"\n{3,}")


def own_system_prompt(tags: Mapping[str, str], *, native: bool) -> str:
    """The prompt of this package as a text that can be changed and given back; `tags` surround code."""
    if native:
        return render("system_native", instructions=INSTRUCTIONS)
    return render("system", **tags, imports=IMPORTS, tools=TOOLS, instructions=INSTRUCTIONS)


def system_prompt(
    text: str | None, tags: Mapping[str, str], *, imports: str, tools: str, instructions: str | None, native: bool
) -> str:
    """What the model reads first.

    Args:
        text: In place of the package's own; None for that.
        tags: What surrounds code, as `opening` and `closing`.
        imports: The modules that may be imported, in words.
        tools: The functions that are defined, as a section; "" for none.
        instructions: Of the agent's owner; None for none.
        native: The model calls tools natively: it reads neither imports nor functions here.
    """
    if text is None:
        if native:
            return render("system_native", instructions=instructions)
        return render("system", **tags, imports=imports, tools=tools, instructions=instructions)
    values = {"instructions": instructions or ""}
    if not native:
        values = {"imports": imports, "tools": tools, **values}
    placed = {found[1] for found in _PLACEHOLDER.finditer(text)}
    filled = _PLACEHOLDER.sub(lambda found: values.get(found[1], ""), text)
    sentences = {**values, "imports": f"You can import {imports}."} if not native else values
    rest = [sentences[name] for name in values if name not in placed and values[name]]
    return _BLANK_LINES.sub("\n\n", "\n\n".join([filled.strip(), *rest])).strip()
