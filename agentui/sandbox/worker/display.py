"""What a step shows besides text: figures, tables and images, handed to the host as files."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any, Final

from agentui.sandbox.codec_data import png_bytes

MAX_FIGURES: Final = 10
"Figures shown at once."
MAX_CSV_ROWS: Final = 10_000
_DPI: Final = 100

Emit = Callable[[str, str, bytes], None]
"""Takes the stem of a name, a media type and the bytes."""


class _Display:
    emit: Emit | None = None


def connect(emit: Emit) -> None:
    """Send what is shown from now on to `emit`."""
    _Display.emit = emit


def show_figures() -> None:
    """Hand every open figure of pyplot to the host, and close it."""
    pyplot: Any = sys.modules.get("matplotlib.pyplot")
    if pyplot is None or _Display.emit is None:
        return
    try:
        for number in pyplot.get_fignums()[:MAX_FIGURES]:
            out = io.BytesIO()
            pyplot.figure(number).savefig(out, format="png", dpi=_DPI)
            _Display.emit("figure", "image/png", out.getvalue())
    finally:
        pyplot.close("all")


def show_value(value: Any) -> None:
    """Hand a table or an image, as the value of a step, to the host."""
    if _Display.emit is None:
        return
    pandas: Any = sys.modules.get("pandas")
    images: Any = sys.modules.get("PIL.Image")
    if pandas is not None and isinstance(value, pandas.DataFrame):
        numbered = isinstance(value.index, pandas.RangeIndex)
        text = value.iloc[:MAX_CSV_ROWS].to_csv(index=not numbered)
        _Display.emit("table", "text/csv", text.encode("utf-8", "replace"))
        if len(value) > MAX_CSV_ROWS:
            sys.stderr.write(f"[table: the first {MAX_CSV_ROWS:,} of {len(value):,} rows are kept]\n")
    elif images is not None and isinstance(value, images.Image):
        _Display.emit("image", "image/png", png_bytes(value))
