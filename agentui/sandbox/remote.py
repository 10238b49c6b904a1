"""Sandboxes at Hugging Face: each session has a virtual machine of its own, through `huggingface_hub.Sandbox`.

Covered: the code runs on another machine, which holds nothing of this one but the worker's own code; other sessions
run in other machines; models, keys and tools stay here; what the machine sends is checked as from a local worker, and
can neither run code here nor hang a step. Inside, the worker is confined as far as the machine's kernel allows.
Not covered: what the service itself sees and stores; where the inner confinement is not to be had, the internet, and
the token, should the service's proxy pass it on to code that took the machine over: let it run jobs and nothing else;
what a tool does with the host's rights. It was tried against a stand-in that speaks the same interface, and has not
been run against the service. A machine takes seconds to start, costs money while it runs, and is ended with its
session, after idle time, and when this process ends.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final
from weakref import WeakSet

from huggingface_hub import Sandbox as HubSandbox
from huggingface_hub import get_token

from agentui.errors import SandboxUnavailable
from agentui.sandbox.base import SandboxInfo
from agentui.sandbox.confinement import ResourceLimits
from agentui.sandbox.remote_client import PATIENCE_S, BridgeClient
from agentui.sandbox.remote_machine import CreateMachine, MachineOptions, start_machine
from agentui.sandbox.remote_source import Machine, MachineSource, RemoteSandbox

REQUIREMENTS: Final = ("numpy", "pandas", "matplotlib", "pillow", "cloudpickle")
_CLOSED: Final = "the sandbox pool is closed"
_PROMISE: Final = (
    "Each session runs in a virtual machine of its own at Hugging Face, which holds nothing of this machine; inside, "
    "the code is confined as far as that machine's kernel allows."
)


class HuggingFaceSandboxPool:
    """Opens sandboxes in virtual machines; usable from any event loop and thread.

    Args:
        token: Hugging Face token that may run jobs; None for HF_TOKEN or the one of `hf auth login`. It stays here.
        image: Container image with `/bin/sh` and Python 3.11 or newer.
        flavor: Hardware of a machine, such as "cpu-basic".
        namespace: User or organisation that pays; None for the token's own.
        requirements: Packages to install when a machine starts; () where the image has what the code needs, which
            starts faster.
        python: The image's Python.
        idle_timeout_s: Seconds without a step after which a machine is ended and its variables are lost.
        start_timeout_s: Seconds that a machine may take until it can be used, packages included.
        patience_s: Seconds that a broken connection is given to come back before the machine is given up.
        limits: What each worker may use.
        create: Makes the machines; for tests.
    """

    def __init__(
        self,
        *,
        token: str | None = None,
        image: str = "python:3.12",
        flavor: str = "cpu-basic",
        namespace: str | None = None,
        requirements: Sequence[str] = REQUIREMENTS,
        python: str = "python3",
        idle_timeout_s: float = 600.0,
        start_timeout_s: float = 240.0,
        patience_s: float = PATIENCE_S,
        limits: ResourceLimits | None = None,
        create: CreateMachine = HubSandbox.create,
    ) -> None:
        self._token = token
        self._create = create
        self._limits = limits or ResourceLimits()
        self._image, self._flavor, self._namespace = image, flavor, namespace
        self._requirements = tuple(requirements)
        self._python = python
        self._idle_timeout_s = idle_timeout_s
        self._start_timeout_s = start_timeout_s
        self._patience_s = patience_s
        self._machines: set[Machine] = set()
        self._sources: WeakSet[MachineSource] = WeakSet()
        self._sandboxes: set[RemoteSandbox] = set()
        "Those that may have a machine; one that nobody closes is ended after its idle time, and looked for here."
        self._lock = threading.Lock()
        self._closed = False
        self._threads = ThreadPoolExecutor(16, "agentui-remote")
        self._process = os.getpid()
        atexit.register(self._end_with_process)

    async def info(self) -> SandboxInfo:
        """What the tier promises; starts no machine, because that costs money.

        Raises:
            SandboxUnavailable: There is no token.
        """
        self._options()
        return SandboxInfo(tier="R", promise=_PROMISE, reason="")

    async def open(self, *, tools: Sequence[str] = ()) -> RemoteSandbox:
        """Start a machine with an interpreter that knows `tools` and `final_answer` as functions.

        Raises:
            SandboxUnavailable: The service or the token does not allow it, or it did not start in time.
        """
        info = await self.info()
        source = MachineSource(self._start, self._limits, self._idle_timeout_s)
        with self._lock:
            self._sources.add(source)
        try:
            sandbox = RemoteSandbox(source, info, tools, await source.start_worker(tools))
        except (SandboxUnavailable, asyncio.CancelledError):
            await source.end()
            raise
        with self._lock:
            self._sandboxes = {kept for kept in self._sandboxes if not kept.closed} | {sandbox}
        return sandbox

    async def close(self) -> None:
        """End every machine of the pool, also those that are still starting."""
        self._want_no_more()
        with self._lock:
            sandboxes = list(self._sandboxes)
        await asyncio.gather(*(sandbox.close() for sandbox in sandboxes))
        await asyncio.to_thread(self.shutdown)

    def shutdown(self) -> None:
        """`close` for code that has no event loop; blocks until the service has ended the machines."""
        self._want_no_more()
        self._threads.shutdown(wait=True)
        self._end_machines()
        atexit.unregister(self._end_with_process)

    def _want_no_more(self) -> None:
        with self._lock:
            self._closed = True
            for source in self._sources:
                source.abandon()

    def _end_machines(self) -> None:
        with self._lock:
            machines, self._machines = list(self._machines), set()
        for machine in machines:
            machine.end()

    def _end_with_process(self) -> None:
        # A forked child has inherited this, and the machines are its parent's.
        if os.getpid() == self._process:
            self.shutdown()

    def _start(self, abandoned: threading.Event) -> Future[Machine]:
        """Start a machine in a thread."""
        options = self._options()

        def work() -> Machine:
            started = start_machine(self._create, options, abandoned)
            client = BridgeClient(started, options.token, patience_s=self._patience_s)
            machine = Machine(client, started, self._submit)
            with self._lock:
                self._machines = {kept for kept in self._machines if not kept.ended} | {machine}
            return machine

        with self._lock:
            if self._closed:
                raise SandboxUnavailable(_CLOSED)
            return self._threads.submit(work)

    def _submit(self, end: Callable[[], None]) -> Future[None]:
        return self._threads.submit(end)

    def _options(self) -> MachineOptions:
        token = self._token or get_token()
        if not token:
            raise SandboxUnavailable(
                "there is no Hugging Face token to start virtual machines with: set HF_TOKEN, or run `hf auth login`"
            )
        return MachineOptions(
            image=self._image,
            flavor=self._flavor,
            namespace=self._namespace,
            requirements=self._requirements,
            python=self._python,
            idle_timeout_s=self._idle_timeout_s,
            start_timeout_s=self._start_timeout_s,
            limits=self._limits,
            token=token,
        )
