"""The system-call filter: a list of what a Python script needs; everything else fails with EPERM.

Covered: no sockets, processes, signals to others, tracing, keys, mounts, links, io_uring, or calls of another
architecture (int 0x80, x32). `chmod` and `utime` pretend to succeed, so that `shutil.copy` works. Files are opened
by what Landlock leaves, by the host in the worker's place (`install_listener`), or not at all (`no_files`).
Not covered: errors of the kernel behind the calls that are left.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from agentui.sandbox.confinement import SyscallFilter
from agentui.sandbox.worker.libc import PR_SET_NO_NEW_PRIVS, prctl, syscall
from agentui.sandbox.worker.syscalls import Machine, this_machine, words

_EPERM: Final = 1
_EACCES: Final = 13
_ENOSYS: Final = 38
_EOPNOTSUPP: Final = 95

# The kernel runs the list from the top: the calls of every step come first.
_ALLOWED: Final = words("""
read write futex poll ppoll recvfrom clock_gettime mmap munmap mprotect madvise brk rt_sigaction rt_sigprocmask
rt_sigreturn close fstat newfstatat lseek getdents64 readv writev pread64 pwrite64 preadv pwritev mremap msync
rt_sigtimedwait rt_sigpending rt_sigsuspend sigaltstack select pselect6 epoll_create1 epoll_create epoll_ctl epoll_wait
epoll_pwait eventfd2 pipe pipe2 dup dup2 dup3 stat lstat statx access faccessat faccessat2 readlink readlinkat getcwd
statfs fstatfs ftruncate fallocate fsync fdatasync fadvise64 flock umask close_range nanosleep clock_nanosleep
clock_getres gettimeofday time times timerfd_create timerfd_settime timerfd_gettime setitimer getitimer alarm pause
getpid gettid getppid getuid geteuid getgid getegid getgroups getpgrp getpgid getsid getrusage sysinfo uname
set_robust_list rseq sched_yield sched_getaffinity getcpu getrandom arch_prctl set_tid_address exit
exit_group restart_syscall getrlimit getpriority sched_getparam sched_getscheduler shutdown getsockopt getsockname
getpeername copy_file_range sendfile
""")
_ALLOWED_WITH_FILES: Final = words("chdir fchdir rmdir unlink unlinkat rename renameat renameat2")
BROKERED: Final = words("""
open openat readlink readlinkat mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2
""")
"Calls that the host's file broker makes in the worker's place."
_PRETENDED: Final = words("chmod fchmod fchmodat fchmodat2 utime utimes utimensat futimesat")
_UNSUPPORTED: Final = words("""
setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr
fremovexattr
""")
"As on a file system without attributes, so that `shutil.copy2` and `copytree` work."
_MISSING: Final = words("clone3 io_uring_setup memfd_create openat2 seccomp")

_CLONE_THREAD: Final = 0x10F00
"CLONE_THREAD with all that threads share: memory, directories, descriptors, signal handlers."
_CLONE_OPTIONS: Final = 0x17C0000
"What a C library asks for besides, which is harmless: where to store ids, thread-local storage."
_O_ACCMODE: Final = 3
_O_TRUNC: Final = 0x200
_SET_ID_BITS: Final = 0o6000
"A program with these runs as its owner, who may be the user of the host."
_AF_UNIX: Final = 1
_SOCK_STREAM: Final = 1
_SOCK_TYPE_MASK: Final = 0xF

_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_RETURN_ALLOW: Final = 0x7FFF0000
_RETURN_ERRNO: Final = 0x00050000
_RETURN_ASK_HOST: Final = 0x7FC00000
_OFFSET_NUMBER, _OFFSET_ARCH, _OFFSET_ARGUMENTS = 0, 4, 16
_SET_MODE_FILTER: Final = 1
_NEW_LISTENER: Final = 1 << 3
_WAIT_KILLABLE: Final = 1 << 5
"A signal does not interrupt a call that the host has begun to answer: it would be made twice."


class Check(NamedTuple):
    """`(argument & mask) == value`, on one 32-bit half of a system call's argument."""

    argument: int
    value: int
    mask: int = 0xFFFFFFFF
    upper_half: bool = False


_Rule = Sequence[Sequence[Check]]
"""Alternatives, each a list of checks that must all hold."""


def install(syscalls: SyscallFilter, pid: int) -> None:
    """Filter the system calls of this process, all its threads and whatever it becomes, for ever.

    Raises:
        OSError: The kernel has no seccomp filters, or this machine's calls are not known.
    """
    machine = this_machine()
    if machine is None:
        raise OSError("no table of system calls for this machine")
    _install(machine, program(machine, syscalls, pid), 0)


def install_listener() -> int:
    """Have the host asked about every call in `BROKERED`; returns the descriptor on which it is asked.

    Raises:
        OSError: The kernel has no user notification (before Linux 5.0), or something hides it.
    """
    machine = this_machine()
    if machine is None:
        raise OSError("no table of system calls for this machine")
    try:
        return _install(machine, listener_program(machine), _NEW_LISTENER | _WAIT_KILLABLE)
    except OSError:
        # Before Linux 5.19 the second flag does not exist.
        return _install(machine, listener_program(machine), _NEW_LISTENER)


def _install(machine: Machine, instructions: Iterable[bytes], flags: int) -> int:
    code = b"".join(instructions)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    filter_at = ctypes.create_string_buffer(header, len(header))
    return syscall(machine.numbers["seccomp"], _SET_MODE_FILTER, flags, filter_at)


def listener_program(machine: Machine) -> Iterator[bytes]:
    """The filter that asks the host; what it allows, the other filter judges.

    The kernel takes the strictest answer of both, and refusing is stricter than asking.
    """
    yield from _known_calls_only(machine)
    for name in BROKERED:
        if name in machine.numbers:
            yield _instruction(_JUMP_IF_EQUAL, machine.numbers[name], 0, 1)
            yield _instruction(_RETURN, _RETURN_ASK_HOST)
    yield _instruction(_RETURN, _RETURN_ALLOW)


def program(machine: Machine, syscalls: SyscallFilter, pid: int) -> Iterator[bytes]:
    """The filter as BPF instructions."""
    numbers = machine.numbers
    yield from _known_calls_only(machine)
    for name, rule in _rules(syscalls, pid).items():
        if name in numbers:
            yield from _checked(numbers[name], rule)
    answers = dict.fromkeys(_ALLOWED, _RETURN_ALLOW)
    answers |= dict.fromkeys(_ALLOWED_WITH_FILES, _RETURN_ALLOW) if syscalls == "files" else {}
    answers |= dict.fromkeys(_PRETENDED, _RETURN_ERRNO)
    answers |= dict.fromkeys(_UNSUPPORTED, _RETURN_ERRNO | _EOPNOTSUPP)
    answers |= dict.fromkeys(_MISSING, _RETURN_ERRNO | _ENOSYS)
    answers |= dict.fromkeys(("open", "openat"), _RETURN_ERRNO | _EACCES) if syscalls == "no_files" else {}
    for name, answer in answers.items():
        if name in numbers:
            yield _instruction(_JUMP_IF_EQUAL, numbers[name], 0, 1)
            yield _instruction(_RETURN, answer)
    yield _instruction(_RETURN, _RETURN_ERRNO | _EPERM)


def _known_calls_only(machine: Machine) -> Iterator[bytes]:
    """Refuse the calls of other architectures; leaves the call's number in the accumulator."""
    yield _instruction(_LOAD, _OFFSET_ARCH)
    yield _instruction(_JUMP_IF_EQUAL, machine.audit_arch, 1, 0)
    yield _instruction(_RETURN, _RETURN_ERRNO | _EPERM)
    yield _instruction(_LOAD, _OFFSET_NUMBER)
    if machine.x32:
        yield _instruction(_JUMP_IF_AT_LEAST, 0x40000000, 0, 1)
        yield _instruction(_RETURN, _RETURN_ERRNO | _EPERM)


def _rules(syscalls: SyscallFilter, pid: int) -> Mapping[str, _Rule]:
    """Calls that are allowed for some arguments only."""
    rules: dict[str, _Rule] = {
        # A datagram could be addressed to any socket on the machine; on a stream an address has no effect.
        "sendto": [[Check(4, 0), Check(4, 0, upper_half=True)]],
        "socketpair": [[Check(0, _AF_UNIX), Check(1, _SOCK_STREAM, _SOCK_TYPE_MASK)]],
        "clone": [[Check(0, _CLONE_THREAD, ~_CLONE_OPTIONS)]],
        "kill": [[Check(0, pid)]],
        "tgkill": [[Check(0, pid)]],
        # GET_DUMPABLE, SET_NAME, GET_NAME, and the name of a memory area, which glibc's allocator sets.
        "prctl": [[Check(0, option)] for option in (3, 15, 16, 0x53564D41)],
        # TCGETS (isatty), TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX.
        "ioctl": [[Check(1, request)] for request in (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)],
        # Duplicate, flags and locks; F_SETOWN and F_SETSIG, which signal others, are not among them.
        "fcntl": [[Check(1, command)] for command in (0, 1, 2, 3, 4, 5, 6, 7, 1030)],
        "prlimit64": [[Check(0, 0)]],
    }
    if syscalls == "files":
        # Landlock before ABI 3 does not see O_TRUNC: only a descriptor opened for writing may truncate. Access mode
        # 3 is neither reading nor writing to Landlock, yet truncates.
        for name, flags in (("open", 1), ("openat", 2)):
            plain = Check(flags + 1, 0, _SET_ID_BITS)
            rules[name] = [
                [Check(flags, 0, _O_ACCMODE | _O_TRUNC), plain],
                [Check(flags, 1, _O_ACCMODE), plain],
                [Check(flags, 2, _O_ACCMODE), plain],
            ]
        rules |= {"mkdir": [[Check(1, 0, _SET_ID_BITS)]], "mkdirat": [[Check(2, 0, _SET_ID_BITS)]]}
    return rules


def _checked(number: int, rule: _Rule) -> Iterator[bytes]:
    """Allow call `number` where an alternative holds; the accumulator holds the number again afterwards."""
    body = [instruction for alternative in rule for instruction in _alternative(alternative)]
    yield _instruction(_JUMP_IF_EQUAL, number, 0, len(body) + 1)
    yield from body
    yield _instruction(_RETURN, _RETURN_ERRNO | _EPERM)


def _alternative(checks: Sequence[Check]) -> list[bytes]:
    lines: list[bytes] = [_instruction(_RETURN, _RETURN_ALLOW)]
    for check in reversed(checks):
        offset = _OFFSET_ARGUMENTS + 8 * check.argument + 4 * check.upper_half
        lines[:0] = [
            _instruction(_LOAD, offset),
            _instruction(_AND, check.mask),
            _instruction(_JUMP_IF_EQUAL, check.value, 0, len(lines)),
        ]
    return lines


def _instruction(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, operand & 0xFFFFFFFF)
