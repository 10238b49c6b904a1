"""The process that workers are forked from: imports what they need once, then forks one on request.

It is started by exec with an environment of its own, so no byte of the host's memory is in it. It has one thread,
runs no foreign code, and answers one request at a time: `fork` with a socket to hand over, or `wait` for how a child
ended. A dead child stays a zombie until it is waited for, so its process id is not reused meanwhile. When the host
goes, its end of the control socket closes: then the zygote kills its children, deletes their files and ends.
"""

from __future__ import annotations

import array
import gc
import io
import json
import os
import signal
import socket
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any, Final

from agentui.sandbox.confinement import WorkerOptions
from agentui.sandbox.files import delete_tree
from agentui.sandbox.worker import run
from agentui.sandbox.worker.libc import PR_SET_DUMPABLE, prctl
from agentui.sandbox.worker.syscalls import words

PREIMPORTED: Final = words("""
abc argparse array asyncio base64 binascii bisect bz2 calendar cloudpickle cmath codecs collections colorsys
concurrent.futures configparser contextlib copy csv ctypes.util dataclasses datetime decimal difflib
email.message encodings.idna enum fractions functools glob gzip hashlib heapq hmac html html.parser
http.client inspect io itertools json keyword linecache locale logging lzma math mimetypes numbers operator
pathlib pickle platform pprint queue random re sched secrets shlex shutil sqlite3 statistics string struct
subprocess tarfile tempfile textwrap threading time timeit traceback types typing unicodedata unittest
urllib.parse urllib.request uuid warnings weakref xml.etree.ElementTree zipfile zlib zoneinfo numpy pandas
PIL.Image PIL.ImageDraw PIL.ImageFont PIL.ImageShow PIL.PngImagePlugin PIL.JpegImagePlugin matplotlib.pyplot
matplotlib.backends.backend_agg agentui.sandbox.worker.figures
""")
_MAX_REQUEST_BYTES: Final = 1 << 16


def main(descriptor: int) -> None:
    """Serve requests on the control socket `descriptor`."""
    control = socket.socket(fileno=descriptor)
    settings = json.loads(control.recv(_MAX_REQUEST_BYTES))
    sys.path[:] = settings["python_paths"]
    prctl(PR_SET_DUMPABLE, 0)
    _preimport()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    control.send(b"ready")
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 2)
    children: set[int] = set()
    while True:
        text, descriptors = _receive(control)
        if not text:
            break
        control.send(json.dumps(_answer(control, json.loads(text), descriptors, children)).encode())
    _kill_all(children)
    delete_tree(settings["directory"])


def _answer(
    control: socket.socket, request: dict[str, Any], descriptors: list[int], children: set[int]
) -> dict[str, Any]:
    match request:
        case {"fork": str(options)}:
            pid = _fork(control, descriptors, WorkerOptions.from_json(options))
            children.add(pid)
            return {"pid": pid}
        case {"wait": int(pid)} if pid in children:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                return {"status": None}
            children.remove(pid)
            return {"status": os.waitstatus_to_exitcode(status)}
        case _:
            return {"status": 0}


def _fork(control: socket.socket, descriptors: list[int], options: WorkerOptions) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        control.close()
        run.in_forked_child(descriptors, options, parent)
    for descriptor in descriptors:
        os.close(descriptor)
    return pid


def _preimport() -> None:
    """Import what scripts use most and is installed, and have the libraries do once what they do on first use."""
    for name in PREIMPORTED:
        with suppress(ImportError):
            import_module(name)
    pyplot: Any = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.figure().text(0, 0, "x")
        pyplot.savefig(io.BytesIO())
        pyplot.close("all")
    pandas: Any = sys.modules.get("pandas")
    if pandas is not None:
        table = pandas.DataFrame({"a": [1]})
        table.to_string()
        table.to_csv()


def _receive(control: socket.socket) -> tuple[bytes, list[int]]:
    text, ancillary, _, _ = control.recvmsg(_MAX_REQUEST_BYTES, socket.CMSG_SPACE(2 * array.array("i").itemsize))
    descriptors = array.array("i")
    for _, _, data in ancillary:
        descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    return text, list(descriptors)


def _kill_all(children: set[int]) -> None:
    for pid in children:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    for pid in children:
        with suppress(OSError):
            os.waitpid(pid, 0)
