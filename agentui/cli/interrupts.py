"""Ctrl-C while modules are imported.

A `KeyboardInterrupt` there comes out of whatever code is half imported, also wrapped in errors of its own. Nothing is
under way yet, so the process ends instead.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager

EXIT_STOPPED = 130


@contextmanager
def leave_at_once() -> Generator[None]:
    """Have Ctrl-C end the process quietly meanwhile, unless it means something else than usual."""
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not usual or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(number: int, frame: object) -> None:
    os._exit(EXIT_STOPPED)
