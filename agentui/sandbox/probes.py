"""What the self-test tries from inside a worker: each attempt reaches for something that the code must not have.

The text of this file is run as a step's code. An attempt that raises `OSError` was refused; one that returns was
not, and says what it got.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import platform
import socket
import sys
from collections.abc import Callable
from importlib import import_module

_LIBC = ctypes.CDLL(None, use_errno=True)
_IO_URING_SETUP = 425
_X32_GETPID = 0x40000000 + 39
_INT_80_GETPID = bytes.fromhex("b814000000cd80c3")
_PTRACE_ATTACH = 16
_F_SETOWN = 8


def attempts(host: int, canary: str, needs_files: bool) -> tuple[str, list[tuple[str, bool, str]]]:
    """Try everything; returns why a script could not work here ("" if it could), and each attempt's name and end."""
    tried = {
        "the host's environment": lambda: _read(f"/proc/{host}/environ"),
        "the host's memory": lambda: _read(f"/proc/{host}/maps"),
        "the host's files": lambda: _read(canary),
        "system files": lambda: _read("/etc/passwd"),
        "the directory tree": lambda: str(len(os.listdir("/"))),
        "writing elsewhere": lambda: _write(f"{canary}-made"),
        "changing modes": lambda: _change_mode(canary),
        "changing dates": lambda: _change_date(canary),
        "links": lambda: os.symlink(canary, "link"),
        "internet sockets": lambda: socket.socket(socket.AF_INET).close(),
        "local sockets": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).close(),
        "datagrams": lambda: [part.close() for part in socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)],
        "processes": _fork,
        "programs": lambda: os.execv("/bin/true", ["true"]),
        "signals to the host": lambda: os.kill(host, 0),
        "signals to the parent": lambda: os.kill(os.getppid(), 0),
        "the host's priority": lambda: os.setpriority(os.PRIO_PROCESS, host, 19),
        "signals by descriptors": lambda: _set_owner(host),
        "tracing": lambda: _call("ptrace", _PTRACE_ATTACH, host, 0, 0),
        "memory of processes": lambda: _call("process_vm_readv", host, 0, 0, 0, 0, 0),
        "io_uring": lambda: _call("syscall", _IO_URING_SETUP, 1, 0),
        "keys": lambda: _call("syscall", 219 if platform.machine() == "aarch64" else 250, 0, -3, 0),
        **({"32-bit calls": _int_80, "x32 calls": _x32} if platform.machine() == "x86_64" else {}),
    }
    return (_unusable() if needs_files else ""), [_attempt(name, action) for name, action in tried.items()]


def _attempt(name: str, action: Callable[[], object]) -> tuple[str, bool, str]:
    try:
        return name, False, str(action())
    except OSError as error:
        return name, True, os.strerror(error.errno or 0)


def _unusable() -> str:
    """Why Python does not work in this worker; "" if it does."""
    try:
        import_module("fileinput")
        _write("probe.txt")
        os.unlink("probe.txt")
    except (OSError, ImportError) as error:
        return f"Python under {sys.base_prefix} cannot be read by the worker ({error})"
    return ""


def _read(path: str) -> str:
    with open(path, "rb") as file:
        return f"{len(file.read(100))} bytes"


def _write(path: str) -> str:
    with open(path, "w", encoding="utf-8") as file:
        return f"{file.write('x')} characters"


def _change_mode(path: str) -> str:
    before = os.stat(path).st_mode
    os.chmod(path, 0o777)
    return _changed(before, os.stat(path).st_mode)


def _change_date(path: str) -> str:
    before = os.stat(path).st_mtime_ns
    os.utime(path, (1, 1))
    return _changed(before, os.stat(path).st_mtime_ns)


def _changed(before: int, after: int) -> str:
    if before == after:
        raise OSError(1, "the call only pretends to succeed")
    return f"{before} became {after}"


def _fork() -> str:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return f"process {pid}"


def _set_owner(host: int) -> None:
    ends = os.pipe()
    try:
        fcntl.fcntl(ends[0], _F_SETOWN, host)
    finally:
        for end in ends:
            os.close(end)


def _call(name: str, *arguments: int) -> str:
    result = getattr(_LIBC, name)(*(ctypes.c_long(argument) for argument in arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return str(result)


def _x32() -> str:
    return _call("syscall", _X32_GETPID)


def _int_80() -> str:
    """Ask for the process id by the 32-bit way, with the machine's own instruction."""
    with mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as memory:
        memory.write(_INT_80_GETPID)
        place = ctypes.c_char.from_buffer(memory)
        result = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(place))()
        del place
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return str(result)
