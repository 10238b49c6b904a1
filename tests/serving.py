"""Serve a page in a test."""

import gc
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from agentui.ui.app import build_app, launch


@contextmanager
def served(settings, temporary, **parts) -> Iterator:
    """The page on a free loopback port, until the block ends."""
    os.environ["GRADIO_TEMP_DIR"] = str(temporary)
    # Gradio forgets to close event loops while it builds an app; collected here, they disturb no other test.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        demo = build_app(settings, **parts)
        launch(settings, demo=demo, prevent_thread_lock=True, quiet=True)
        gc.collect()
    try:
        yield demo
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            demo.close(verbose=False)
            gc.collect()


def eventually(claim: Callable[[], bool]) -> bool:
    """Whether `claim` becomes true within ten seconds."""
    deadline = time.monotonic() + 10
    while not claim() and time.monotonic() < deadline:
        time.sleep(0.01)
    return claim()
