"""From a fresh process to a serving worker: descriptors, confinement, then the session's loop."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NoReturn

from agentui.sandbox.confinement import WorkerOptions
from agentui.sandbox.frames import pack
from agentui.sandbox.worker import session
from agentui.sandbox.worker.confine import confine
from agentui.sandbox.worker.libc import PR_SET_PDEATHSIG, prctl

_CONNECTION: Final = 3
_BROKER: Final = 4


def in_forked_child(descriptors: Sequence[int], options: WorkerOptions, parent: int) -> NoReturn:
    """Become the worker that serves the first of `descriptors`; never returns into the zygote's code.

    A second one leads to the host's file broker.
    """
    try:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == parent:
            os.setpgid(0, 0)
            connection, *broker = _keep_only(descriptors)
            serve(connection, options, broker[0] if broker else None)
    finally:
        os._exit(1)


def serve(connection: socket.socket, options: WorkerOptions, broker: socket.socket | None = None) -> NoReturn:
    """Confine this process and serve the host until it hangs up."""
    try:
        confine(options, broker)
        _reseed()
        session.serve(connection, options)
    finally:
        with suppress(OSError):
            connection.sendall(pack({"t": "failed", "message": f"the worker failed: {sys.exc_info()[1]}"}))
        os._exit(1)


def _keep_only(descriptors: Sequence[int]) -> list[socket.socket]:
    """Close all others, number these from 3 on, and point 0 to 2 nowhere."""
    # Out of the way first: one may have the number that another shall get.
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _BROKER + 1) for descriptor in descriptors]
    null = os.open("/dev/null", os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    wanted = range(_CONNECTION, _CONNECTION + len(moved))
    for descriptor, number in zip(moved, wanted, strict=True):
        os.dup2(descriptor, number, inheritable=False)
    os.closerange(wanted.stop, os.sysconf("SC_OPEN_MAX"))
    return [socket.socket(fileno=number) for number in wanted]


def _reseed() -> None:
    """Forked workers would all draw the same numbers from numpy's global generator; Python reseeds its own."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()
