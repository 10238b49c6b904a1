"""A sandbox for unit tests that is none: the code runs in this very process.

Covered: names persist between calls, `print` as live output, `final_answer`, host tools, the value of a last
expression, tracebacks, timeouts and cancellation of Python code, scripted results.
Not covered: isolation of any kind. The code sees every file, module and secret of the test. Not caught either: output
that does not go through `print`, figures, top-level `await`, and code that blocks inside C (`time.sleep`). What became
of variables is only said where a test scripts it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Any, TypeAlias

from agentui.errors import SandboxError, SandboxUnavailable
from agentui.models.gate import Gate
from agentui.sandbox.base import (
    Artifact,
    ExecError,
    ExecHost,
    ExecResult,
    SandboxInfo,
    Snapshot,
    SnapshotRefused,
)
from agentui.state_events import StateChanged
from agentui.testing.inprocess import CodeThread, Output

ExecPart: TypeAlias = str | Gate | Artifact | StateChanged | ExecResult | Exception
"""Printed text, a place to wait, what the code made or changed, how it ended, or a failure of the sandbox itself."""

FAKE_INFO = SandboxInfo(
    tier="U",
    promise="Nothing: the code runs inside the test's own process.",
    reason="This is a test double, not a sandbox.",
)


class FakeSandbox:
    """Runs code with `exec`, or plays scripted results in its place. Never give it code you did not write.

    Args:
        tools: Names of host tools that the code may call.
        results: Takes the place of really running the first pieces of code, one item each; the code after that
            runs. An item without an `ExecResult` ends as if the code had returned nothing.

    Attributes:
        executed: Every piece of code it was given.
        namespace: The names of the code.
        files: What it was given, by name.
        closed: Whether `close` was called.
    """

    def __init__(self, *, tools: Sequence[str] = (), results: Iterable[Sequence[ExecPart]] = ()) -> None:
        self.info = FAKE_INFO
        self.executed: list[str] = []
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        self.files: dict[str, bytes] = {}
        self.closed = False
        self._tools = tuple(tools)
        self._results = list(results)
        self._thread: CodeThread | None = None

    async def execute(
        self,
        code: str,
        host: ExecHost,
        *,
        timeout_s: float = 30.0,
        max_output_bytes: int = 1_000_000,
        step: int | None = None,
        whole_state: bool = False,
    ) -> ExecResult:
        """As `Sandbox.execute`.

        Raises:
            SandboxUnavailable: It is closed.
        """
        if self.closed:
            raise SandboxUnavailable("the sandbox is closed: open another one")
        self.executed.append(code)
        started = perf_counter()
        output = Output(host, max_output_bytes)
        try:
            async with asyncio.timeout(timeout_s):
                if self._results:
                    return await self._play(self._results.pop(0), host, output)
                return await self._run(code, host, output, len(self.executed) if step is None else step)
        except TimeoutError:
            error = ExecError(kind="Timeout", message=f"the code ran longer than {timeout_s} s and was stopped")
            return ExecResult(error=error, duration_s=perf_counter() - started)

    async def put(self, variables: Mapping[str, Any]) -> None:
        """Set variables; every value is taken, for nothing leaves the process."""
        self.namespace.update(variables)

    async def put_files(self, files: Mapping[str, bytes | Path]) -> None:
        """Keep files in `files`; nothing is written, so the code finds them in the variable `input_files` alone."""
        for name, content in files.items():
            self.files[name] = content if isinstance(content, bytes) else content.read_bytes()
        self.namespace["input_files"] = self.files

    async def snapshot(self) -> SnapshotRefused:
        """There is none: the code's values are those of the test, and no other process could take them."""
        return SnapshotRefused("the code runs in the test's own process, which keeps no snapshots")

    async def restore(self, snapshot: Snapshot) -> Mapping[str, str]:
        """Nothing can be restored here.

        Raises:
            SandboxError: Always.
        """
        raise SandboxError("the code runs in the test's own process: run it again instead")

    async def close(self) -> None:
        """Interrupt the code that runs."""
        self.closed = True
        if self._thread is not None:
            self._thread.interrupt()

    async def _run(self, code: str, host: ExecHost, output: Output, step: int) -> ExecResult:
        name = f"<step-{step}>"
        self._thread = thread = CodeThread(code, name, self.namespace, self._tools, host, output)
        running = asyncio.get_running_loop().run_in_executor(None, thread.run)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            thread.interrupt()
            with suppress(asyncio.CancelledError, KeyboardInterrupt):
                await running
            raise
        finally:
            self._thread = None

    async def _play(self, parts: Sequence[ExecPart], host: ExecHost, output: Output) -> ExecResult:
        for part in parts:
            match part:
                case str():
                    output.emit("stdout", part)
                case Gate():
                    await part.wait()
                case Artifact():
                    host.artifact(part)
                case StateChanged():
                    host.changed(part)
                case ExecResult():
                    return part
                case Exception():
                    raise part
            await asyncio.sleep(0)
        return ExecResult()


class FakePool:
    """Opens `FakeSandbox`es.

    Args:
        results: The scripted results of each sandbox, in the order they are opened; later ones run all code.
        error: Raised by every `open`.

    Attributes:
        opened: The sandboxes, in order.
        closed: Whether `close` was called.
    """

    def __init__(
        self, *, results: Iterable[Iterable[Sequence[ExecPart]]] = (), error: SandboxUnavailable | None = None
    ) -> None:
        self.opened: list[FakeSandbox] = []
        self.closed = False
        self._results = list(results)
        self._error = error

    async def info(self) -> SandboxInfo:
        """Tier U, and that this is a test double."""
        return FAKE_INFO

    async def open(self, *, tools: Sequence[str] = ()) -> FakeSandbox:
        """Open the next sandbox.

        Raises:
            SandboxUnavailable: The `error` of the pool, or the pool is closed.
        """
        if self._error is not None:
            raise self._error
        if self.closed:
            raise SandboxUnavailable("the pool is closed: make another one")
        sandbox = FakeSandbox(tools=tools, results=self._results.pop(0) if self._results else ())
        self.opened.append(sandbox)
        return sandbox

    async def close(self) -> None:
        """Close every sandbox."""
        self.closed = True
        for sandbox in self.opened:
            await sandbox.close()
