"""From a fresh process to a serving worker: descriptors, confinement, then the session's loop."""

from __future__ import annotations

import os
import signal
import socket
import sys
from contextlib import suppress
from typing import Final, NoReturn

from agentui.sandbox.confinement import WorkerOptions
from agentui.sandbox.frames import pack
from agentui.sandbox.worker import session
from agentui.sandbox.worker.confine import confine
from agentui.sandbox.worker.libc import PR_SET_PDEATHSIG, prctl

_CONNECTION: Final = 3


def in_forked_child(descriptor: int, options: WorkerOptions, parent: int) -> NoReturn:
    """Become the worker that serves `descriptor`; never returns into the zygote's code."""
    try:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == parent:
            os.setpgid(0, 0)
            serve(_keep_only(descriptor), options)
    finally:
        os._exit(1)


def serve(connection: socket.socket, options: WorkerOptions) -> NoReturn:
    """Confine this process and serve the host until it hangs up."""
    try:
        confine(options)
        _reseed()
        session.serve(connection, options)
    finally:
        with suppress(OSError):
            connection.sendall(pack({"t": "failed", "message": f"the worker failed: {sys.exc_info()[1]}"}))
        os._exit(1)


def _keep_only(descriptor: int) -> socket.socket:
    """Close every descriptor but the connection, which becomes number 3, and point 0 to 2 nowhere."""
    null = os.open("/dev/null", os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    if descriptor != _CONNECTION:
        os.dup2(descriptor, _CONNECTION, inheritable=False)
    os.closerange(_CONNECTION + 1, os.sysconf("SC_OPEN_MAX"))
    return socket.socket(fileno=_CONNECTION)


def _reseed() -> None:
    """Forked workers would all draw the same numbers from numpy's global generator; Python reseeds its own."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()
