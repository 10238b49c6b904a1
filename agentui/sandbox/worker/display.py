"""What a step shows besides text: figures, tables, images and charts, handed to the host as files.

Charts of altair become pictures where `vl-convert` is installed; those of plotly need a browser for that, so they are
kept as JSON. HTML is never made: the host would not render it.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any, Final

from agentui.sandbox.codec_data import png_bytes
from agentui.sandbox.worker.caught import Caught

MAX_FIGURES: Final = 10
"Figures, or parts of a list, shown at once."
MAX_CSV_ROWS: Final = 10_000
_DPI: Final = 100

Emit = Callable[[str, str, bytes], None]
"""Takes the stem of a name, a media type and the bytes."""


class _Display:
    emit: Emit | None = None


def connect(emit: Emit) -> None:
    """Send what is shown from now on to `emit`, what `image.show()` shows too."""
    _Display.emit = emit
    with suppress(ImportError):
        viewers: Any = import_module("PIL.ImageShow")
        viewers.show = _show_image


def show(*values: Any) -> None:
    """Show values: figures, images and tables as such, anything else as its `repr`."""
    for value in values:
        if not show_value(value):
            sys.stdout.write(f"{value!r}\n")


def show_figures() -> None:
    """Hand every open figure of pyplot to the host, and close it."""
    pyplot: Any = sys.modules.get("matplotlib.pyplot")
    if pyplot is None or _Display.emit is None:
        return
    try:
        numbers = pyplot.get_fignums()
        for number in numbers[:MAX_FIGURES]:
            _emit_figure(pyplot.figure(number))
        if len(numbers) > MAX_FIGURES:
            _note(f"the first {MAX_FIGURES} of {len(numbers):,} figures are shown")
    finally:
        pyplot.close("all")


def show_value(value: Any) -> bool:
    """Hand a table, image, figure or chart, or a few of them, to the host; False for anything else.

    One that cannot be shown is named on stderr: the code itself did not fail.
    """
    if _Display.emit is None:
        return False
    parts = _parts(value)
    if parts is not None:
        for part in parts:
            show_value(part)
        return bool(parts)
    make = _maker(value)
    if make is None:
        return False
    with Caught() as failed:
        make(value)
    if failed.error is not None and not isinstance(failed.error, Exception):
        raise failed.error
    if failed.error is not None:
        _note(f"this {type(value).__name__} cannot be shown: {type(failed.error).__name__}")
    return True


def _parts(value: Any) -> list[Any] | None:
    """The values of a short list or dict of nothing but things that can be shown; None for anything else."""
    if type(value) not in {list, tuple, dict}:
        return None
    if len(value) > MAX_FIGURES:
        return []
    parts: list[Any] = [*(value.values() if hasattr(value, "values") else value)]
    return parts if all(_maker(part) is not None for part in parts) else []


def _maker(value: Any) -> Callable[[Any], None] | None:
    for module, name, make in _MAKERS:
        kind = getattr(sys.modules.get(module), name, None)
        if isinstance(kind, type) and isinstance(value, kind):
            return make
    return None


def _emit(stem: str, media_type: str, data: bytes) -> None:
    if _Display.emit is not None:
        _Display.emit(stem, media_type, data)


def _emit_table(table: Any) -> None:
    pandas: Any = sys.modules["pandas"]
    text = table.iloc[:MAX_CSV_ROWS].to_csv(index=not isinstance(table.index, pandas.RangeIndex))
    _emit("table", "text/csv", text.encode("utf-8", "replace"))
    if len(table) > MAX_CSV_ROWS:
        _note(f"table: the first {MAX_CSV_ROWS:,} of {len(table):,} rows are kept")


def _emit_column(column: Any) -> None:
    _emit_table(column.to_frame())


def _emit_styler(styler: Any) -> None:
    _emit_table(styler.data)


def _emit_image(image: Any) -> None:
    _emit("image", "image/png", png_bytes(image))


def _emit_figure(figure: Any) -> None:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=_DPI)
    _emit("figure", "image/png", out.getvalue())


def _emit_closed_figure(figure: Any) -> None:
    """Show a figure, unless pyplot has it: then it is shown with all others at the end of the step."""
    pyplot: Any = sys.modules.get("matplotlib.pyplot")
    if pyplot is None or not pyplot.fignum_exists(getattr(figure, "number", None)):
        _emit_figure(figure)


def _emit_altair(chart: Any) -> None:
    out = io.BytesIO()
    with Caught() as failed:
        chart.save(out, format="png")
    if failed.error is None:
        _emit("chart", "image/png", out.getvalue())
    elif not isinstance(failed.error, Exception):
        raise failed.error
    else:
        _emit("chart", "application/json", chart.to_json().encode("utf-8", "replace"))
        _note("the chart is kept as JSON: a picture of it needs the package vl-convert-python")


def _emit_plotly(figure: Any) -> None:
    _emit("chart", "application/json", figure.to_json().encode("utf-8", "replace"))
    _note("the chart is kept as JSON: a picture of it needs a browser, which is not here; matplotlib needs none")


def _show_image(image: Any, *_: Any, **__: Any) -> bool:
    return show_value(image)


def _note(text: str) -> None:
    sys.stderr.write(f"[{text}]\n")


_MAKERS: Final[tuple[tuple[str, str, Callable[[Any], None]], ...]] = (
    ("pandas", "DataFrame", _emit_table),
    ("pandas", "Series", _emit_column),
    ("pandas.io.formats.style", "Styler", _emit_styler),
    ("PIL.Image", "Image", _emit_image),
    ("matplotlib.figure", "Figure", _emit_closed_figure),
    ("altair", "TopLevelMixin", _emit_altair),
    ("plotly.basedatatypes", "BaseFigure", _emit_plotly),
)
"Modules that are not loaded cannot have made a value."
