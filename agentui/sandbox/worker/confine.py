"""What a fresh worker does to itself, in order, before foreign code runs. No step can be undone from inside.

Each step narrows what the next may do, so the order matters: directories and limits while files can still be
written, then the user id, then Landlock or the host's file broker, and the system-call filter last.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import struct
import sys
import tempfile
from contextlib import suppress
from ctypes import create_string_buffer
from pathlib import Path
from typing import Final

from agentui.sandbox.confinement import NULL_DEVICE, SYSTEM_FILES, SYSTEM_LIBRARIES, ResourceLimits, WorkerOptions
from agentui.sandbox.worker import landlock, seccomp
from agentui.sandbox.worker.libc import (
    PR_CAP_AMBIENT,
    PR_CAP_AMBIENT_CLEAR_ALL,
    PR_CAPBSET_DROP,
    PR_SET_DUMPABLE,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    prctl,
    syscall,
)
from agentui.sandbox.worker.syscalls import this_machine

_LAST_CAPABILITY: Final = 63
_CAPABILITY_VERSION_3: Final = 0x20080522
_KEYCTL_JOIN_SESSION_KEYRING: Final = 1


def confine(options: WorkerOptions, broker: socket.socket | None = None) -> None:
    """Apply `options` to this process.

    Args:
        options: What is asked for.
        broker: Leads to the host's file broker; closed here. Needed where `options` asks for one.

    Raises:
        OSError: A means that `options` asks for is not to be had.
    """
    _enter_directory(options.session_dir)
    _be_expendable()
    set_limits(options.limits, own_uid=options.uid is not None)
    if sys.platform == "linux":
        _confine_linux(options, broker)


def set_limits(limits: ResourceLimits, *, own_uid: bool) -> None:
    """Lower this process's resource limits; where the host's are lower already they stay."""
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: limits.cpu_s,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_MEMLOCK: 0,
    }
    with suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        wanted[resource.RLIMIT_AS] = pages * resource.getpagesize() + limits.memory_bytes
    if own_uid:
        # The kernel counts all processes of a user, so this limit fits only a user that has no others.
        wanted[resource.RLIMIT_NPROC] = limits.threads
    if sys.platform == "linux":
        wanted |= {resource.RLIMIT_MSGQUEUE: 0, resource.RLIMIT_RTPRIO: 0}
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def _enter_directory(session_dir: str) -> None:
    scratch = os.path.join(session_dir, "tmp")
    os.umask(0o077)
    os.chdir(os.path.join(session_dir, "work"))
    os.environ.update(HOME=scratch, TMPDIR=scratch, MPLCONFIGDIR=scratch)
    tempfile.tempdir = scratch


def _be_expendable() -> None:
    """Give way to the host: less CPU, and first to go when memory runs out."""
    os.nice(5)
    if sys.platform == "linux":
        # The kernel's files of a process that is not dumpable belong to root.
        prctl(PR_SET_DUMPABLE, 1)
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
        prctl(PR_SET_DUMPABLE, 0)


def _confine_linux(options: WorkerOptions, broker: socket.socket | None) -> None:
    _leave_keyring()
    if options.uid is not None:
        os.setgroups([])
        os.setresgid(options.uid, options.uid, options.uid)
        os.setresuid(options.uid, options.uid, options.uid)
        # The change clears it: this worker ends when its zygote does.
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    _drop_capabilities()
    # The host looks at the descriptors of a confined worker, and its broker reads paths in the worker's memory.
    prctl(PR_SET_DUMPABLE, int(options.confinement.syscalls == "files"))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    if options.confinement.landlock:
        landlock.restrict(
            read=[*options.python_paths, *SYSTEM_LIBRARIES, *SYSTEM_FILES],
            read_write=[options.session_dir],
            devices=[NULL_DEVICE],
        )
    if options.confinement.broker:
        _hand_over_files(broker)
    if options.confinement.syscalls != "off":
        seccomp.install(options.confinement.syscalls, os.getpid())


def _hand_over_files(broker: socket.socket | None) -> None:
    """From here on every open of this process is a question to the host."""
    if broker is None:
        raise OSError("there is no connection to the file broker")
    listener = seccomp.install_listener()
    with broker:
        socket.send_fds(broker, [b"listener"], [listener])
    os.close(listener)


def _leave_keyring() -> None:
    machine = this_machine()
    if machine is not None:
        with suppress(OSError):
            syscall(machine.numbers["keyctl"], _KEYCTL_JOIN_SESSION_KEYRING, None)


def _drop_capabilities() -> None:
    """Without them a worker that is still root may do no more than any owner of its files."""
    machine = this_machine()
    if machine is None:
        return
    for capability in range(_LAST_CAPABILITY + 1):
        with suppress(OSError):
            prctl(PR_CAPBSET_DROP, capability)
    with suppress(OSError):
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    syscall(machine.numbers["capset"], create_string_buffer(header, 8), create_string_buffer(bytes(24), 24))
