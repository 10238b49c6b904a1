"""Processes of workers as the host sees them: how they are started, signalled and waited for."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from agentui.errors import SandboxUnavailable
from agentui.sandbox.broker import Broker
from agentui.sandbox.broker_files import Libraries, SessionFiles
from agentui.sandbox.claims import claim_directory
from agentui.sandbox.confinement import WorkerOptions
from agentui.sandbox.frames import pack

_BOOT: Final = str(Path(__file__).with_name("worker") / "boot.py")
_START_TIMEOUT_S: Final = 60.0
_REPLY_TIMEOUT_S: Final = 10.0
_MAX_REPLY_BYTES: Final = 1 << 16
_FIGURES: Final = "module://agentui.sandbox.worker.figures"


class Exits(Protocol):
    """Whoever is the parent of a worker."""

    def exit_status(self, pid: int) -> int | None:
        """How it ended, negative for a signal; None while it runs. Blocks for a moment; to be called in a thread."""
        ...


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """A running worker: its ids, its socket and its parent."""

    pid: int
    pidfd: int | None
    connection: socket.socket
    parent: Exits
    leads_group: bool
    "It may have children of its own, which signals must reach as well."

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; does nothing if it has ended."""
        with suppress(OSError):
            if self.leads_group:
                os.killpg(self.pid, number)
            elif self.pidfd is not None:
                signal.pidfd_send_signal(self.pidfd, number)
            else:
                os.kill(self.pid, number)

    def forget(self) -> None:
        """Close what the host holds of it, besides the connection."""
        if self.pidfd is not None:
            with suppress(OSError):
                os.close(self.pidfd)


def clean_environment(directory: str) -> dict[str, str]:
    """The whole environment of a worker: nothing of the host's is in it."""
    threads = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": directory,
        "TMPDIR": directory,
        "MPLCONFIGDIR": directory,
        "MPLBACKEND": _FIGURES,
        **dict.fromkeys(threads, "1"),
    }


class Zygote:
    """The process from which workers are forked, with a directory for their files. Not thread-safe.

    Raises:
        SandboxUnavailable: It could not be started.
    """

    def __init__(self, python: str, python_paths: tuple[str, ...]) -> None:
        self._claim = claim_directory()
        self.directory = self._claim.path
        cache = os.path.join(self.directory, "cache")
        os.mkdir(cache, 0o755)
        self.forked = 0
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(_START_TIMEOUT_S)
        with theirs, tempfile.TemporaryFile() as errors:
            self._process = subprocess.Popen(
                [python, "-I", "-B", _BOOT, "zygote", str(theirs.fileno())],
                env=clean_environment(cache),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd="/",
            )
            theirs.close()
            self._start(python_paths, errors)
        self._control.settimeout(_REPLY_TIMEOUT_S)
        self._libraries = Libraries(python_paths)

    @property
    def alive(self) -> bool:
        """Whether it can still fork."""
        return self._process.poll() is None

    def fork(self, options: WorkerOptions) -> WorkerProcess:
        """Start a worker.

        Raises:
            SandboxUnavailable: The zygote does not answer.
        """
        with ExitStack() as handed_over:
            ours, theirs = _pair(handed_over)
            links = [_pair(handed_over)] if options.confinement.broker else []
            try:
                pid = self._fork(options, [theirs.fileno(), *(their_link.fileno() for _, their_link in links)])
                for link, _ in links:
                    Broker(link, SessionFiles(options.session_dir, self._libraries))
            except (SandboxUnavailable, OSError) as error:
                for end in (ours, *(link for link, _ in links)):
                    end.close()
                raise SandboxUnavailable(f"no worker could be started: {error}") from None
        self.forked += 1
        return WorkerProcess(pid, _open_pidfd(pid), ours, self, options.confinement.syscalls == "off")

    def exit_status(self, pid: int) -> int | None:
        """How a worker ended, negative for a signal; None while it runs."""
        try:
            status = self._request({"wait": pid}).get("status")
        except SandboxUnavailable:
            # The zygote died and its children with it.
            return -signal.SIGKILL
        return status if isinstance(status, int) else None

    def close(self) -> None:
        """End it and its workers; their files go too."""
        self._control.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_REPLY_TIMEOUT_S)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._claim.release()

    def _fork(self, options: WorkerOptions, descriptors: Sequence[int]) -> int:
        pid = self._request({"fork": options.to_json()}, descriptors).get("pid")
        if not isinstance(pid, int):
            raise SandboxUnavailable("the zygote gave no process id")
        return pid

    def _start(self, python_paths: tuple[str, ...], errors: Any) -> None:
        settings = {"python_paths": python_paths, "directory": self.directory}
        try:
            self._control.send(json.dumps(settings).encode())
            reply = self._control.recv(_MAX_REPLY_BYTES)
        except OSError:
            reply = b""
        if not reply:
            self.close()
            errors.seek(0)
            lines = errors.read().decode("utf-8", "replace").strip().splitlines()
            detail = lines[-1] if lines else "it ended without a word"
            raise SandboxUnavailable(f"the process that starts workers did not start: {detail}")

    def _request(self, request: dict[str, Any], descriptors: Sequence[int] = ()) -> dict[str, Any]:
        text = json.dumps(request).encode()
        try:
            if descriptors:
                socket.send_fds(self._control, [text], descriptors)
            else:
                self._control.send(text)
            reply = self._control.recv(_MAX_REPLY_BYTES)
        except OSError:
            reply = b""
        if not reply:
            raise SandboxUnavailable("the process that starts workers has died; it is started anew with the next call")
        return json.loads(reply)


class Spawner:
    """Starts each worker as a program of its own: where a zygote cannot be had. Not thread-safe."""

    def __init__(self, python: str) -> None:
        self._claim = claim_directory()
        self.directory = self._claim.path
        self.forked = 0
        self.alive = True
        self._python = python
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def fork(self, options: WorkerOptions) -> WorkerProcess:
        """Start a worker."""
        ours, theirs = socket.socketpair()
        with theirs:
            child = subprocess.Popen(
                [self._python, "-I", "-B", _BOOT, "spawn", str(theirs.fileno())],
                env=clean_environment(os.path.join(options.session_dir, "tmp")),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                process_group=0,
            )
        self._children[child.pid] = child
        ours.sendall(pack({"options": options.to_json()}))
        self.forked += 1
        return WorkerProcess(child.pid, None, ours, self, leads_group=True)

    def exit_status(self, pid: int) -> int | None:
        """How a worker ended, negative for a signal; None while it runs."""
        child = self._children.get(pid)
        status = child.poll() if child is not None else 0
        if status is not None:
            self._children.pop(pid, None)
        return status

    def close(self) -> None:
        """End all workers; their files go too."""
        for child in self._children.values():
            with suppress(OSError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        self._children.clear()
        self._claim.release()


def _pair(theirs: ExitStack) -> tuple[socket.socket, socket.socket]:
    """A pair of sockets, of which the second is closed with `theirs`."""
    ours, handed_over = socket.socketpair()
    return ours, theirs.enter_context(handed_over)


def _open_pidfd(pid: int) -> int | None:
    if sys.platform != "linux":
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None
