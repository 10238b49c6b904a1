"""A worker without a zygote, for systems where forking a prepared process is not safe (macOS): slower to start.

The first frame from the host holds the options. Nothing is imported in advance.
"""

from __future__ import annotations

import _thread
import os
import socket
import sys
import time

from agentui.sandbox.confinement import WorkerOptions
from agentui.sandbox.frames import HEADER, parse
from agentui.sandbox.worker.run import serve

_LOOK_FOR_PARENT_S = 1.0


def main(descriptor: int) -> None:
    """Serve the host on the socket `descriptor`."""
    connection = socket.socket(fileno=descriptor)
    json_bytes, _ = HEADER.unpack(connection.recv(HEADER.size, socket.MSG_WAITALL))
    options = WorkerOptions.from_json(parse(connection.recv(json_bytes, socket.MSG_WAITALL))["options"])
    sys.path[:] = options.python_paths
    _thread.start_new_thread(_end_with_parent, (os.getppid(),))
    serve(connection, options)


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_FOR_PARENT_S)
    os._exit(1)
