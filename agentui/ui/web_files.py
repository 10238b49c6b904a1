"""The page's own scripts and styles, as the texts that stand in its head."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from agentui.demo import Example
from agentui.ui.connections import Offer

WEB = Path(__file__).parent / "web"
SCRIPTS = tuple(
    f"{name}.js"
    for name in (
        "fold",
        "format",
        "store",
        "ask",
        "stream",
        "connection",
        "run",
        "compare",
        "row",
        "words",
        "highlight",
        "inline",
        "lines",
        "prose",
        "parts",
        "decisions",
        "cards",
        "ending",
        "transcript",
        "timeline",
        "runbar",
        "line",
        "details",
        "usage_csv",
        "usage",
        "requests",
        "request_code",
        "call_messages",
        "call",
        "timing_fold",
        "timing_charts",
        "timing",
        "state_fold",
        "state",
        "tabs",
        "playhead",
        "inspector",
        "markdown",
        "copy",
        "marks",
        "levels",
        "notice",
        "links",
        "splitter",
        "sheet",
        "reach",
        "keys",
        "scrubber",
        "past",
        "presets",
        "suggest",
        "models",
        "settings",
        "attach",
        "follow",
        "press",
        "branches",
        "approvals",
        "queue",
        "race_lane",
        "race_steps",
        "race_table",
        "race_form",
        "race_setup",
        "race_view",
        "race",
        "race_page",
        "page",
    )
)
STYLES = tuple(
    f"{name}.css"
    for name in (
        "tokens",
        "page",
        "runbar",
        "scrubber",
        "settings",
        "models",
        "composer",
        "attach",
        "chat",
        "cards",
        "code",
        "transcript",
        "inspector",
        "steps",
        "tabs",
        "usage",
        "call",
        "timing",
        "state",
        "marks",
        "levels",
        "branches",
        "steering",
        "race",
        "race_lanes",
        "race_table",
        "race_setup",
        "notice",
        "links",
        "splitter",
        "sheet",
        "dialog",
        "checks",
        "narrow",
    )
)


def read_web(names: Sequence[str]) -> str:
    """The page's own scripts or styles as one text."""
    return "\n".join((WEB / name).read_text(encoding="utf-8") for name in names)


def offers_script(
    offers: Sequence[Offer], examples: Sequence[Example] = (), kinds: Mapping[str, str] | None = None
) -> str:
    """What the page's scripts know: the presets, tasks to begin a race with, and titles of agent kinds by name."""
    known = {
        offer.name: [offer.base_url, next(iter(offer.model_ids), ""), offer.title, offer.model_ids] for offer in offers
    }
    tasks = [[example.title, example.task] for example in examples]
    text = json.dumps({"offers": known, "examples": tasks, "kinds": kinds or {}}).replace("<", "\\u003c")
    return f"window.agentui = {text};"
