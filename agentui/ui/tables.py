"""A pandas table as an HTML table: the beginning of a large one, and how much is missing."""

from __future__ import annotations

import sys
from typing import Any

from agentui.ui.markdown import text_html

MAX_ROWS = 200
MAX_COLUMNS = 50


def table_html(value: Any) -> str | None:
    """The table that `value` is; None if it is none."""
    frame = _as_frame(value)
    if frame is None:
        return None
    shown = frame.iloc[:MAX_ROWS, :MAX_COLUMNS]
    rows = [_row("td", name, cells) for name, *cells in shown.itertuples(name=None)]
    head = _row("th", "", shown.columns)
    size = f"{len(frame):,} rows, {len(frame.columns):,} columns"
    cut = f"; the first {len(shown):,} rows and {len(shown.columns):,} columns are shown"
    note = f"{size}{cut if shown.shape != frame.shape else ''}"
    return (
        f'<div class="au-table"><table><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table></div>'
        f'<div class="au-note">{note}</div>'
    )


def _as_frame(value: Any) -> Any:
    # Whoever has a table has imported pandas already.
    pandas: Any = sys.modules.get("pandas")
    if pandas is None:
        return None
    if isinstance(value, pandas.Series):
        return value.to_frame()
    return value if isinstance(value, pandas.DataFrame) else None


def _row(tag: str, name: Any, cells: Any) -> str:
    return f"<tr><th>{_text(name)}</th>{''.join(f'<{tag}>{_text(cell)}</{tag}>' for cell in cells)}</tr>"


def _text(value: Any) -> str:
    return text_html(f"{value:.6g}" if isinstance(value, float) else str(value)[:500])
