"""Runs a program where a part of the kernel is hidden: `python -m tests.sandbox.outer_filter WHAT... -- PROGRAM`.

WHAT is `landlock` (as before Linux 5.13), `listener` (no user notification, as under gVisor) or `seccomp` (no filters
at all): what a container runtime or an older kernel would answer. A number becomes the user and group id.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable, Iterator

from agentui.sandbox.worker.syscalls import this_machine

LOAD, JUMP_IF_EQUAL, AND, RETURN = 0x20, 0x15, 0x54, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
EINVAL, ENOSYS = 22, 38
NUMBER, SECOND_ARGUMENT, FIRST_ARGUMENT = 0, 24, 16
NEW_LISTENER = 1 << 3
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, MODE_FILTER = 38, 22, 2


def instruction(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, operand)


def program(hidden: Iterable[str]) -> Iterator[bytes]:
    machine = this_machine()
    assert machine is not None
    numbers = machine.numbers
    yield instruction(LOAD, NUMBER)
    if "landlock" in hidden:
        for name in ("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"):
            yield instruction(JUMP_IF_EQUAL, numbers[name], 0, 1)
            yield instruction(RETURN, ERRNO | ENOSYS)
    if "seccomp" in hidden:
        yield instruction(JUMP_IF_EQUAL, numbers["seccomp"], 0, 1)
        yield instruction(RETURN, ERRNO | EINVAL)
        yield instruction(JUMP_IF_EQUAL, numbers["prctl"], 0, 4)
        yield instruction(LOAD, FIRST_ARGUMENT)
        yield instruction(JUMP_IF_EQUAL, PR_SET_SECCOMP, 0, 1)
        yield instruction(RETURN, ERRNO | EINVAL)
        yield instruction(LOAD, NUMBER)
    if "listener" in hidden:
        yield instruction(JUMP_IF_EQUAL, numbers["seccomp"], 0, 4)
        yield instruction(LOAD, SECOND_ARGUMENT)
        yield instruction(AND, NEW_LISTENER)
        yield instruction(JUMP_IF_EQUAL, 0, 1, 0)
        yield instruction(RETURN, ERRNO | EINVAL)
    yield instruction(RETURN, ALLOW)


def hide(what: Iterable[str]) -> None:
    """Hide a part of the kernel from this process and all that it starts."""
    code = b"".join(program(set(what)))
    buffer = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer)), 16)
    library = ctypes.CDLL(None, use_errno=True)
    for option, value, pointer in ((PR_SET_NO_NEW_PRIVS, 1, None), (PR_SET_SECCOMP, MODE_FILTER, header)):
        arguments = (ctypes.c_ulong(value), pointer, ctypes.c_ulong(0), ctypes.c_ulong(0))
        if library.prctl(ctypes.c_int(option), *arguments) != 0:
            raise OSError(ctypes.get_errno(), f"prctl({option})")


def main() -> None:
    at = sys.argv.index("--")
    what, command = sys.argv[1:at], sys.argv[at + 1 :]
    hide(name for name in what if not name.isdecimal())
    for user in (int(name) for name in what if name.isdecimal()):
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
