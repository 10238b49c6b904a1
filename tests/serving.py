"""Serve a page in a test."""

import dataclasses
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from agentui.ui.app import build_app, launch


@contextmanager
def served(settings, temporary, **parts) -> Iterator:
    """The page on a free loopback port, until the block ends.

    The port is the system's choice: processes that test at the same time would look for the first free one at once, and
    Gradio leaves a socket open where it comes too late.
    """
    settings = dataclasses.replace(settings, port=settings.port or free_port())
    os.environ["GRADIO_TEMP_DIR"] = str(temporary)
    demo = build_app(settings, **parts)
    launch(settings, demo=demo, prevent_thread_lock=True, quiet=True)
    try:
        yield demo
    finally:
        demo.close(verbose=False)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as looked:
        looked.bind(("127.0.0.1", 0))
        return looked.getsockname()[1]


def eventually(claim: Callable[[], bool]) -> bool:
    """Whether `claim` becomes true within ten seconds."""
    deadline = time.monotonic() + 10
    while not claim() and time.monotonic() < deadline:
        time.sleep(0.01)
    return claim()
