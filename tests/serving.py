"""Serve a page in a test."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from agentui.ui.app import build_app, launch


@contextmanager
def served(settings, temporary, **parts) -> Iterator:
    """The page on a free loopback port, until the block ends."""
    os.environ["GRADIO_TEMP_DIR"] = str(temporary)
    demo = build_app(settings, **parts)
    launch(settings, demo=demo, prevent_thread_lock=True, quiet=True)
    try:
        yield demo
    finally:
        demo.close(verbose=False)


def eventually(claim: Callable[[], bool]) -> bool:
    """Whether `claim` becomes true within ten seconds."""
    deadline = time.monotonic() + 10
    while not claim() and time.monotonic() < deadline:
        time.sleep(0.01)
    return claim()
