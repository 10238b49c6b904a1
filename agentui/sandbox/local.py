"""Sandboxes on this machine: worker processes forked from a clean one, confined by the kernel.

Covered, at tiers A to D, as found by trying it at the start: code cannot read the host's environment, memory or
files, nor those of other sessions; it has no network, starts no processes and signals nobody; its memory, files,
output and time are bounded; its replies cannot run code in the host or hang it. A adds a user id a session; at C
this process opens the files for the code (`broker.py`); at D no file is opened at all.
Not covered: errors of the kernel itself, which all share; timing and cache side channels; fair shares of CPU beyond
`nice`; names, sizes and dates of files (B, C, D); what a tool does with the host's rights; text that native code writes
to descriptors 1 and 2, which is dropped. Tier U is no sandbox: it covers crashes, time, output and, on Linux, memory
only. Windows has no tier at all; macOS has U, which was not tried there.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from weakref import WeakSet

from agentui.errors import SandboxUnavailable
from agentui.sandbox.base import SandboxInfo, Tier
from agentui.sandbox.confinement import ResourceLimits
from agentui.sandbox.selftest import choose_tier
from agentui.sandbox.session import LocalSandbox
from agentui.sandbox.supervisor import Supervisor
from agentui.sandbox.tiers import LADDER, TierSpec
from agentui.sandbox.worker.libc import PR_SET_DUMPABLE, prctl
from agentui.sandbox.worker_handle import Worker
from agentui.settings import sandbox_tier


class LocalSandboxPool:
    """Opens sandboxes on this machine; usable from any event loop and thread.

    Args:
        tier: The tier to use; `SandboxUnavailable` if the machine does not offer it. None takes the best it offers.
        limits: What each worker may use.
        python: Interpreter of the workers; None for the one that runs this.
        python_paths: Directories that the workers import from; None for those of the running interpreter that hold
            the standard library and installed packages. Everything in them can be read by the code.
        recycle_after: Workers after which the zygote is replaced; what all workers of one zygote share (the hash
            seed, the layout of memory) changes then.
        spawn: Start every worker as a program of its own, without a zygote: slower, and the only way where forking
            is not safe. None decides by the system. Only for tier U.
    """

    def __init__(
        self,
        *,
        tier: Tier | None = None,
        limits: ResourceLimits | None = None,
        python: str | None = None,
        python_paths: Sequence[str] | None = None,
        recycle_after: int = 200,
        spawn: bool | None = None,
    ) -> None:
        self._tier = tier
        self._limits = limits or ResourceLimits()
        self._supervisor = Supervisor(
            python=python or sys.executable,
            python_paths=python_paths,
            recycle_after=recycle_after,
            spawn=sys.platform != "linux" if spawn is None else spawn,
        )
        self._sandboxes: WeakSet[LocalSandbox] = WeakSet()
        self._lock = threading.Lock()
        self._chosen: Future[tuple[TierSpec, SandboxInfo]] | None = None
        if sys.platform == "linux":
            # The code of tier U, and any process of the same user, could otherwise read this one's memory.
            prctl(PR_SET_DUMPABLE, 0)

    async def info(self) -> SandboxInfo:
        """What the self-test found; run once, in a thread, and kept.

        Raises:
            SandboxUnavailable: No worker can be started, or not at the tier that was asked for.
        """
        return (await self._choose())[1]

    async def open(self, *, tools: Sequence[str] = ()) -> LocalSandbox:
        """Start an interpreter that knows `tools` and `final_answer` as functions.

        Raises:
            SandboxUnavailable: No worker could be started.
        """
        spec, info = await self._choose()
        source = _Source(self._supervisor, spec, self._limits)
        sandbox = LocalSandbox(source, info, tools, await source.start_worker(tools))
        with self._lock:
            self._sandboxes.add(sandbox)
        return sandbox

    async def close(self) -> None:
        """End every worker of the pool and delete their files."""
        with self._lock:
            sandboxes = list(self._sandboxes)
        await asyncio.gather(*(sandbox.close() for sandbox in sandboxes))
        await asyncio.to_thread(self.shutdown)

    def shutdown(self) -> None:
        """`close` for code that has no event loop; blocks for some milliseconds."""
        self._supervisor.close()

    async def _choose(self) -> tuple[TierSpec, SandboxInfo]:
        with self._lock:
            if self._chosen is None:
                self._chosen = self._supervisor.run_in_thread(lambda: asyncio.run(self._test()))
            chosen = self._chosen
        try:
            return await asyncio.shield(asyncio.wrap_future(chosen))
        except SandboxUnavailable:
            with self._lock:
                self._chosen = None if self._chosen is chosen else self._chosen
            raise

    async def _test(self) -> tuple[TierSpec, SandboxInfo]:
        ladder = [spec for spec in LADDER if self._tier in {None, spec.tier}]

        async def open_at(spec: TierSpec, info: SandboxInfo) -> LocalSandbox:
            source = _Source(self._supervisor, spec, self._limits)
            return LocalSandbox(source, info, (), await source.start_worker(()))

        return await choose_tier(ladder, open_at)


class _Source:
    """Starts workers of one tier."""

    def __init__(self, supervisor: Supervisor, spec: TierSpec, limits: ResourceLimits) -> None:
        self._supervisor = supervisor
        self._spec = spec
        self._limits = limits

    async def start_worker(self, tools: Sequence[str]) -> Worker:
        """Start one and wait until it is ready.

        Raises:
            SandboxUnavailable: It did not get ready.
        """
        worker = await self._supervisor.start(self._spec.confinement, self._limits, tuple(tools))
        await worker.become_ready(f"a worker of tier {self._spec.tier}")
        return worker


class _Default:
    lock = threading.Lock()
    pool: LocalSandboxPool | None = None


def default_pool() -> LocalSandboxPool:
    """The pool of this process, made on first use and closed when the process ends.

    It offers the best tier of this machine, or the one that `AGENTUI_SANDBOX_TIER` names.

    Raises:
        ConfigError: The variable names no tier.
    """
    with _Default.lock:
        if _Default.pool is None:
            _Default.pool = LocalSandboxPool(tier=sandbox_tier())
            atexit.register(_Default.pool.shutdown)
        return _Default.pool


def _forget_default() -> None:
    """A forked child has no threads to serve the pool, and must not end its parent's workers."""
    _Default.lock = threading.Lock()
    if _Default.pool is not None:
        atexit.unregister(_Default.pool.shutdown)
        _Default.pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_default)
