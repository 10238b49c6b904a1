"""The usage table in words: the columns that the page shows too, for documents and the terminal.

Every number that nobody reported carries `≈`; what nobody knows is `–`, and an unknown price is called unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from agentui.ledger import UsageRow, total_cost, usage_rows
from agentui.usage import Cost, TokenUsage
from agentui.view import RunView

UNKNOWN = "–"
_SMALLEST_USD = 0.0001


def marked(number: int | None, usage: TokenUsage) -> str:
    """A number of `usage`, with a mark if it is an estimate."""
    return UNKNOWN if number is None else f"{'' if usage.source == 'reported' else '≈'}{number:,}"


def money(cost: Cost | None, usage: TokenUsage) -> str:
    """What `usage` costs; "unknown" where nobody knows."""
    if cost is None:
        return "unknown"
    mark = "" if usage.source == "reported" else "≈"
    return f"{mark}${cost.usd:.4f}" if cost.usd >= _SMALLEST_USD or not cost.usd else "<$0.0001"


def usage_table(view: RunView) -> list[list[str]]:
    """The heads of the columns, a row a model call, and the total; nothing if no model was called."""
    rows = usage_rows(view)
    if not rows:
        return []
    total = UsageRow(model=_calls(len(rows)), step=0, kind="action", attempt=1, usage=view.usage, cost=total_cost(view))
    times = [row.generating_s for row in rows if row.generating_s is not None]
    if len(times) == len(rows):  # otherwise tokens of calls without a time would make it look fast
        total = replace(total, generating_s=sum(times))
    body = [[text(row) for _, text in _COLUMNS] for row in [*rows, total]]
    body[-1][0] = "Total"
    return [[name for name, _ in _COLUMNS], *body]


def without_empty(table: Sequence[Sequence[str]]) -> list[list[str]]:
    """`table` without the columns in which nothing is known."""
    known = [any(cell != UNKNOWN for cell in column[1:]) for column in zip(*table, strict=True)]
    return [[cell for cell, keep in zip(row, known, strict=True) if keep] for row in table]


def usage_notes(view: RunView) -> list[str]:
    """What the table does not say: how full the context is, and where the prices come from."""
    notes: list[str] = []
    if (context := view.context) is not None:
        window = f" of {view.context_window:,}" if view.context_window else ""
        notes.append(f"Context now {marked(context.total_tokens, context)}{window} tokens")
    rows = usage_rows(view)
    if sources := dict.fromkeys(row.cost.source for row in rows if row.cost):
        notes.append(f"Prices: {'; '.join(sources)}")
    if unknown := dict.fromkeys(row.model for row in rows if not row.cost):
        notes.append(f"Price unknown: {', '.join(unknown)}")
    return notes


_MANIFOLD = 9
"Errors from here on are said as a multiple: nobody thinks of them as a share."


def _step(row: UsageRow) -> str:
    agent = f"{row.agent} " if row.agent else ""
    return f"{agent}{row.step}{' (retried)' if row.failed else ''}"


def _output(row: UsageRow) -> str:
    margin = "" if row.margin is None else f" ±{_share(row.margin)}"
    return marked(row.usage.output_tokens, row.usage) + margin


def _estimate(row: UsageRow) -> str:
    if row.counted_output_tokens is None:
        return UNKNOWN
    off = row.estimate_error
    error = "" if off is None else f", {off:+.1%}" if off < _MANIFOLD else f", ×{off + 1:,.0f}"
    return f"≈{row.counted_output_tokens:,} → {row.usage.output_tokens:,}{error}"


def _share(margin: float) -> str:
    return f"{margin:.0%}" if margin < _MANIFOLD + 1 else f"×{margin:,.0f}"


def _seconds(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else f"{seconds:.2f} s"


def _speed(row: UsageRow) -> str:
    mark = "" if row.usage.source == "reported" else "≈"
    return UNKNOWN if row.tokens_per_s is None else f"{mark}{row.tokens_per_s:,.0f}"


def _calls(count: int) -> str:
    return f"{count} call{'s' * (count != 1)}"


_COLUMNS: list[tuple[str, Callable[[UsageRow], str]]] = [
    ("Step", _step),
    ("Model", lambda row: row.model),
    ("Input", lambda row: marked(row.usage.input_tokens, row.usage)),
    ("Cached", lambda row: marked(row.usage.cached_input_tokens, row.usage)),
    ("Output", _output),
    ("Estimate", _estimate),
    ("Reasoning", lambda row: marked(row.usage.reasoning_tokens, row.usage)),
    ("Total", lambda row: marked(row.usage.total_tokens, row.usage)),
    ("Source", lambda row: row.usage.source),
    ("First delta", lambda row: _seconds(row.first_delta_s)),
    ("Tok/s", _speed),
    ("Cost", lambda row: money(row.cost, row.usage)),
]
