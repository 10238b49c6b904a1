"""The page's own scripts and styles, as the texts that stand in its head."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from agentui.ui.connections import Offer

WEB = Path(__file__).parent / "web"
SCRIPTS = tuple(
    f"{name}.js"
    for name in (
        "fold",
        "format",
        "store",
        "ask",
        "run",
        "compare",
        "row",
        "words",
        "highlight",
        "inline",
        "lines",
        "prose",
        "parts",
        "cards",
        "ending",
        "transcript",
        "timeline",
        "runbar",
        "details",
        "usage",
        "tabs",
        "inspector",
        "markdown",
        "copy",
        "marks",
        "levels",
        "presets",
        "suggest",
        "models",
        "follow",
        "press",
        "page",
    )
)
STYLES = tuple(
    f"{name}.css"
    for name in (
        "tokens",
        "page",
        "runbar",
        "settings",
        "models",
        "composer",
        "chat",
        "cards",
        "code",
        "transcript",
        "inspector",
        "steps",
        "tabs",
        "usage",
        "marks",
        "levels",
        "narrow",
    )
)


def read_web(names: Sequence[str]) -> str:
    """The page's own scripts or styles as one text."""
    return "\n".join((WEB / name).read_text(encoding="utf-8") for name in names)


def offers_script(offers: Sequence[Offer]) -> str:
    """What the presets stand for, for the page's scripts."""
    known = {offer.name: [offer.base_url, next(iter(offer.model_ids), "")] for offer in offers}
    text = json.dumps(known).replace("<", "\\u003c")
    return f"window.agentui = {{ offers: {text} }};"
