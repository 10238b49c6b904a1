"""Landlock: the kernel opens only the files below the directories named here, whoever asks, root included.

Covered: opening, listing, creating, deleting, renaming; from ABI 3 truncating; from ABI 4 TCP; from ABI 6 signals and
abstract sockets. Not covered: metadata (`stat`) and `chmod`-like calls, which is why `seccomp.py` is needed as well.
The right to make symlinks, FIFOs, sockets and devices is never given, so the host meets none in a session's files.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from agentui.sandbox.worker.libc import PR_SET_NO_NEW_PRIVS, prctl, syscall
from agentui.sandbox.worker.syscalls import this_machine

_WRITE_FILE: Final = 1 << 1
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_REMOVE_DIR: Final = 1 << 4
_REMOVE_FILE: Final = 1 << 5
_MAKE_DIR: Final = 1 << 7
_MAKE_FILE: Final = 1 << 8
_REFER: Final = 1 << 13
_TRUNCATE: Final = 1 << 14

READ: Final = _READ_FILE | _READ_DIR
_WRITE: Final = _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_FILE | _REFER | _TRUNCATE
READ_WRITE: Final = READ | _WRITE
_FILE_RIGHTS: Final = _READ_FILE | _WRITE_FILE | _TRUNCATE

_GET_VERSION: Final = 1
_RULE_PATH_BENEATH: Final = 1
_RIGHTS_BY_ABI: Final = {1: 13, 2: 14, 3: 15, 4: 15}
_RIGHTS_FROM_ABI_5: Final = 16


def abi() -> int:
    """Version of Landlock that the kernel offers; 0 where there is none."""
    machine = this_machine()
    if machine is None:
        return 0
    try:
        return syscall(machine.numbers["landlock_create_ruleset"], None, 0, _GET_VERSION)
    except OSError:
        return 0


def restrict(*, read: Iterable[str], read_write: Iterable[str], devices: Iterable[str]) -> None:
    """Leave this process the trees `read` and `read_write` and the files `devices`, as far as they exist.

    Raises:
        OSError: The kernel has no Landlock, or refused.
    """
    machine, version = this_machine(), abi()
    if machine is None or version < 1:
        raise OSError("the kernel offers no Landlock")
    handled = (1 << _RIGHTS_BY_ABI.get(version, _RIGHTS_FROM_ABI_5)) - 1
    ruleset = _create_ruleset(machine.numbers["landlock_create_ruleset"], handled, version)
    add_rule = machine.numbers["landlock_add_rule"]
    for paths, rights in ((read, READ), (read_write, READ_WRITE), (devices, _READ_FILE | _WRITE_FILE)):
        for path in paths:
            with suppress(FileNotFoundError, PermissionError):
                _allow(add_rule, ruleset, path, rights & handled)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    syscall(machine.numbers["landlock_restrict_self"], ruleset, 0)
    os.close(ruleset)


def _create_ruleset(number: int, handled: int, version: int) -> int:
    """All file rights, both TCP rights (bind, connect) and both scopes (abstract sockets, signals) that exist."""
    fields = [handled, *([3] if version >= 4 else []), *([3] if version >= 6 else [])]
    attributes = struct.pack(f"{len(fields)}Q", *fields)
    return syscall(number, ctypes.create_string_buffer(attributes, len(attributes)), len(attributes), 0)


def _allow(number: int, ruleset: int, path: str, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        granted = rights if os.path.isdir(path) else rights & _FILE_RIGHTS
        rule = ctypes.create_string_buffer(struct.pack("=Qi", granted, descriptor), 12)
        syscall(number, ruleset, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(descriptor)
