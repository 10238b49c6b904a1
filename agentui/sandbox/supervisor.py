"""Owns the zygote and everything that blocks: starting processes, waiting for them, deleting files. All in threads.

One thread starts workers, in turn; it keeps the zygote alive, replaces a dead one, and after `recycle_after` workers
gets a new one ready beside the old, which ends with its last worker. Other threads wait for dead workers.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sysconfig
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from site import getsitepackages
from typing import Final, TypeVar

from agentui.errors import SandboxUnavailable
from agentui.sandbox.confinement import Confinement, ResourceLimits, WorkerOptions
from agentui.sandbox.files import delete_tree
from agentui.sandbox.process import Spawner, WorkerProcess, Zygote
from agentui.sandbox.worker_handle import Disposal, Worker

T = TypeVar("T")

_UIDS: Final = range(61_184, 65_520)
"User ids that systemd reserves for services without an account; no file on disk belongs to them."
_WAIT_S: Final = 10.0
_POLL_S: Final = 0.002


def import_directories() -> tuple[str, ...]:
    """Where the running interpreter finds the standard library and installed packages; not the working directory."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    paths = [sysconfig.get_path(name) for name in names]
    dynamic = sysconfig.get_config_var("DESTSHARED")
    return tuple(path for path in dict.fromkeys([*paths, dynamic, *getsitepackages()]) if path and os.path.isdir(path))


class _Parent:
    """A zygote with the number of its workers that live."""

    def __init__(self, process: Zygote | Spawner) -> None:
        self.process = process
        self.lock = threading.Lock()
        self.live = 0
        self.retired = False


class Supervisor:
    """Starts workers and ends them."""

    def __init__(self, *, python: str, python_paths: Sequence[str] | None, recycle_after: int, spawn: bool) -> None:
        self._python = python
        self._python_paths = tuple(python_paths) if python_paths is not None else import_directories()
        self._recycle_after = recycle_after
        self._spawn = spawn
        self._parent: _Parent | None = None
        self._retired: list[_Parent] = []
        self._next: Future[Zygote | Spawner] | None = None
        self._numbers = itertools.count(1)
        self._uids: set[int] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._starter = ThreadPoolExecutor(1, "agentui-sandbox-start")
        self._helpers = ThreadPoolExecutor(4, "agentui-sandbox-help")

    def run_in_thread(self, function: Callable[[], T]) -> Future[T]:
        """Run `function` in a thread that starts no workers."""
        return self._helpers.submit(function)

    async def start(self, confinement: Confinement, limits: ResourceLimits, tools: tuple[str, ...]) -> Worker:
        """Start a worker; it is not ready yet.

        Raises:
            SandboxUnavailable: The process could not be started.
        """
        future = self._submit(lambda: self._start(confinement, limits, tools))
        try:
            return await asyncio.shield(asyncio.wrap_future(future))
        except asyncio.CancelledError:
            future.add_done_callback(_dispose_unwanted)
            raise

    def close(self) -> None:
        """End all workers and their zygotes; blocks until they are gone."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._starter.shutdown(wait=True)
        parents = [*self._retired, *([self._parent] if self._parent is not None else [])]
        for parent in parents:
            with parent.lock:
                parent.process.close()
        if self._next is not None and self._next.exception() is None:
            self._next.result().close()
        self._helpers.shutdown(wait=True)

    def _submit(self, function: Callable[[], Worker]) -> Future[Worker]:
        with self._lock:
            if self._closed:
                raise SandboxUnavailable("the sandbox pool is closed")
            return self._starter.submit(function)

    def _start(self, confinement: Confinement, limits: ResourceLimits, tools: tuple[str, ...]) -> Worker:
        parent = self._live_parent()
        uid = self._take_uid() if confinement.own_uid else None
        session_dir = os.path.join(parent.process.directory, f"session-{next(self._numbers)}")
        _make_session_dir(session_dir, uid)
        options = WorkerOptions(
            session_dir=session_dir,
            tools=tools,
            confinement=confinement,
            limits=limits,
            uid=uid,
            python_paths=self._python_paths,
        )
        with parent.lock:
            process = parent.process.fork(options)
            parent.live += 1
        return Worker(process, session_dir, limits, lambda: self._dispose(parent, process, session_dir, uid))

    def _live_parent(self) -> _Parent:
        """The zygote to fork from. Only called in the starter thread."""
        parent = self._parent
        if parent is not None and not parent.process.alive:
            self._retire(parent)
            parent = None
        if parent is not None and parent.process.forked >= self._recycle_after:
            parent = self._recycled(parent)
        if parent is None:
            parent = _Parent(self._new_process())
        self._parent = parent
        return parent

    def _recycled(self, old: _Parent) -> _Parent | None:
        """The zygote's successor, once it is ready; until then the old one goes on."""
        if self._next is None:
            self._next = self._helpers.submit(self._new_process)
        if not self._next.done():
            return old
        successor, self._next = self._next, None
        self._retire(old)
        return None if successor.exception() is not None else _Parent(successor.result())

    def _retire(self, parent: _Parent) -> None:
        with parent.lock:
            parent.retired = True
            unused = parent.live == 0
        if unused:
            parent.process.close()
        else:
            self._retired.append(parent)

    def _new_process(self) -> Zygote | Spawner:
        return Spawner(self._python) if self._spawn else Zygote(self._python, self._python_paths)

    def _take_uid(self) -> int:
        with self._lock:
            uid = next((uid for uid in _UIDS if uid not in self._uids), None)
            if uid is None:
                raise SandboxUnavailable("every user id for sandboxes is in use: close sessions first")
            self._uids.add(uid)
        return uid

    def _dispose(self, parent: _Parent, process: WorkerProcess, session_dir: str, uid: int | None) -> Disposal:
        status: Future[int] = Future()

        def clean() -> None:
            process.signal(signal.SIGKILL)
            status.set_result(_wait(parent, process))
            process.forget()
            delete_tree(session_dir)
            with self._lock:
                self._uids.discard(uid or -1)
            with parent.lock:
                parent.live -= 1
                last = parent.retired and parent.live == 0
            if last:
                parent.process.close()

        try:
            return Disposal(status, self._helpers.submit(clean))
        except RuntimeError:
            # The pool was closed: the zygote has ended its workers and deleted their files.
            status.set_result(-signal.SIGKILL)
            cleaned: Future[None] = Future()
            cleaned.set_result(process.forget())
            return Disposal(status, cleaned)


def _make_session_dir(path: str, uid: int | None) -> None:
    for directory in (path, os.path.join(path, "work"), os.path.join(path, "tmp")):
        os.mkdir(directory, 0o700)
        if uid is not None:
            os.chown(directory, uid, uid)


def _wait(parent: _Parent, process: WorkerProcess) -> int:
    """Wait until a killed worker is gone; killing one that holds much memory takes a few 100 ms."""
    deadline = time.monotonic() + _WAIT_S
    while time.monotonic() < deadline:
        with parent.lock:
            status = parent.process.exit_status(process.pid)
        if status is not None:
            return status
        time.sleep(_POLL_S)
    return -signal.SIGKILL


def _dispose_unwanted(future: Future[Worker]) -> None:
    if not future.cancelled() and future.exception() is None:
        future.result().dispose_later()
