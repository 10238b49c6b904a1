"""Matplotlib backend of the sandbox: draws with Agg; `plt.show()` hands all open figures to the host."""

from __future__ import annotations

from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg

from agentui.sandbox.worker import display

FigureCanvas = FigureCanvasAgg


def show(*_: Any, **__: Any) -> None:
    """Hand every open figure to the host and close it."""
    display.show_figures()
