"""The usage table as CSV for spreadsheets: plain numbers, and beside each whether it is an estimate.

What nobody knows is empty, and the source of an unknown cost is `unknown`. The page's file is the same text: its
columns stand in `ui/web/usage_csv.js`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Final

from agentui.ledger import UsageRow, usage_rows
from agentui.view import RunView


def as_usage_csv(view: RunView) -> str:
    """One row a model call."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(name for name, _ in _COLUMNS)
    for row in usage_rows(view):
        writer.writerow(cell(row) for _, cell in _COLUMNS)
    return buffer.getvalue()


_Cell = Callable[[UsageRow], object]


def _plain(text: str) -> str:
    """A foreign text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _decimal(number: float | None, digits: int) -> str | None:
    return None if number is None else f"{number:.{digits}f}"


def _dollars(row: UsageRow) -> str | None:
    return None if row.cost is None else f"{row.cost.usd:.10f}".rstrip("0").rstrip(".")


def _number(name: str, cell: _Cell) -> list[tuple[str, _Cell]]:
    """The columns of a number that may be an estimate."""

    def estimated(row: UsageRow) -> bool | None:
        return None if cell(row) is None else row.usage.source != "reported"

    return [(name, cell), (f"{name}_estimated", estimated)]


_COLUMNS: Final[list[tuple[str, _Cell]]] = [
    ("agent", lambda row: _plain(row.agent)),
    ("model", lambda row: _plain(row.model)),
    ("step", lambda row: row.step),
    ("kind", lambda row: row.kind),
    ("attempt", lambda row: row.attempt),
    ("failed", lambda row: row.failed),
    *_number("input_tokens", lambda row: row.usage.input_tokens),
    *_number("output_tokens", lambda row: row.usage.output_tokens),
    *_number("total_tokens", lambda row: row.usage.total_tokens),
    *_number("cached_input_tokens", lambda row: row.usage.cached_input_tokens),
    *_number("reasoning_tokens", lambda row: row.usage.reasoning_tokens),
    ("source", lambda row: row.usage.source),
    ("margin", lambda row: _decimal(row.margin, 4)),
    ("counted_output_tokens", lambda row: row.counted_output_tokens),
    ("estimate_error", lambda row: _decimal(row.estimate_error, 4)),
    *_number("cost_usd", _dollars),
    ("cost_source", lambda row: _plain(row.cost.source) if row.cost else "unknown"),
    ("first_delta_s", lambda row: _decimal(row.first_delta_s, 6)),
    ("generating_s", lambda row: _decimal(row.generating_s, 6)),
    *_number("tokens_per_s", lambda row: _decimal(row.tokens_per_s, 1)),
]
