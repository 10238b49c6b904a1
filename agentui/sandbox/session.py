"""A session's interpreter: one worker at a time, frozen between steps, replaced when it dies.

Stopping is the same for a timeout, a limit and a cancelled call: SIGINT, 50 ms to end the step, then SIGKILL. After
SIGINT the session's variables are still there; after SIGKILL the next call starts with a fresh worker.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, Protocol

from agentui.errors import SandboxError
from agentui.sandbox import codec
from agentui.sandbox.artifacts import FileMark
from agentui.sandbox.base import ExecError, ExecHost, ExecResult, SandboxInfo
from agentui.sandbox.channel import WorkerGone
from agentui.sandbox.frames import FrameError, pack
from agentui.sandbox.inputs import InputFiles, give
from agentui.sandbox.step import Outcome, OutputFlood, StepRun
from agentui.sandbox.worker_handle import Worker

GRACE_S: Final = 0.05
_MAX_GRACES: Final = 5
"On a machine so busy that the worker was given no time to end the step, it gets this many times the grace."
_PUT_TIMEOUT_S: Final = 10.0


class WorkerSource(Protocol):
    """Starts workers for a session."""

    async def start_worker(self, tools: Sequence[str]) -> Worker:
        """Start one that is ready for its first step."""
        ...


class LocalSandbox:
    """One session on this machine; see `agentui.sandbox.base.Sandbox` for what its methods promise."""

    def __init__(self, source: WorkerSource, info: SandboxInfo, tools: Sequence[str], worker: Worker) -> None:
        self.info = info
        self.grace_s = GRACE_S
        "Seconds between SIGINT and SIGKILL."
        self._source = source
        self._tools = tuple(tools)
        self._worker: Worker | None = worker
        self._disposed: Worker | None = None
        self._files: dict[str, FileMark] = {}
        self._inputs: dict[str, bytes | Path] = {}
        self._steps = 0
        self._running: Future[None] | None = None
        "Done when the call that runs has ended; None while none runs."
        self._closed = False
        self._lost = False
        "The variables are gone, and no result has said so yet."

    @property
    def pid(self) -> int | None:
        """Process id of the worker; None while there is none."""
        return self._worker.pid if self._worker is not None else None

    async def execute(
        self, code: str, host: ExecHost, *, timeout_s: float = 30.0, max_output_bytes: int = 1_000_000
    ) -> ExecResult:
        """Run `code`; see `Sandbox.execute`."""
        self._begin()
        started = asyncio.get_running_loop().time()
        try:
            worker = await self._live_worker()
            self._steps += 1
            run = StepRun(self._steps, worker.channel, host, tools=self._tools, max_output_bytes=max_output_bytes)
            outcome = await self._run(worker, run, code, timeout_s)
            if self._worker is worker:
                await self._collect(worker, run)
        finally:
            self._end()
        lost, self._lost = self._lost, False
        return ExecResult(
            value=outcome.value,
            value_repr=outcome.value_repr,
            is_final=outcome.is_final,
            error=outcome.error,
            state_lost=lost,
            duration_s=asyncio.get_running_loop().time() - started,
        )

    async def put(self, variables: Mapping[str, Any]) -> None:
        """Set variables; see `Sandbox.put`."""
        data, blob = codec.encode(dict(variables), strict=True)
        request = {"t": "put", "variables": data}
        try:
            pack(request, blob)
        except FrameError as error:
            raise ValueError(f"the variables are too large to be sent: {error}") from None
        self._begin()
        try:
            worker = await self._live_worker()
            worker.thaw()
            async with asyncio.timeout(_PUT_TIMEOUT_S):
                await worker.channel.send(request, blob)
                answer = await worker.channel.receive()
            if answer.header != {"t": "stored"}:
                raise FrameError("a frame of unknown kind")
            worker.freeze()
        except (WorkerGone, FrameError, TimeoutError) as error:
            self._give_up()
            raise SandboxError(f"the variables could not be stored in the sandbox: {error}") from None
        except asyncio.CancelledError:
            self._give_up()
            raise
        finally:
            self._end()

    async def put_files(self, files: InputFiles) -> None:
        """Store files where the code finds them; see `Sandbox.put_files`."""
        self._begin()
        try:
            worker = await self._live_worker()
            self._files |= await give(worker, files, besides=self._inputs)
            self._inputs |= files
        finally:
            self._end()

    async def close(self) -> None:
        """End the worker and delete its files; see `Sandbox.close`."""
        self._closed = True
        if self._worker is not None:
            self._worker.kill()
        # A call that runs, in whatever event loop, sees the worker die, and is the one to let it go.
        if self._running is not None:
            await asyncio.shield(asyncio.wrap_future(self._running))
        worker, self._worker = self._worker, None
        if worker is not None:
            self._disposed = worker
        if self._disposed is not None:
            await self._disposed.dispose()

    def _begin(self) -> None:
        if self._closed:
            raise SandboxError("this sandbox is closed: open another")
        if self._running is not None:
            raise SandboxError("code is running in this sandbox: its calls must not overlap")
        self._running = Future()

    def _end(self) -> None:
        if self._running is not None:
            self._running.set_result(None)
            self._running = None

    async def _live_worker(self) -> Worker:
        """The session's worker; a new one if the last is gone."""
        if self._worker is not None and not self._worker.channel.usable:
            self._give_up()
        if self._worker is None:
            self._worker = await self._source.start_worker(self._tools)
            self._files = await give(self._worker, self._inputs)
        return self._worker

    def _give_up(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            self._lost = True
            self._disposed = worker
            worker.dispose_later()

    async def _run(self, worker: Worker, run: StepRun, code: str, timeout_s: float) -> Outcome:
        """Run a step to its end, whatever end that is; a worker that cannot go on is given up."""
        worker.thaw()
        task = asyncio.create_task(run.drive(code, interrupts=worker.interrupts))
        watchdog = worker.watch()
        timed_out = False
        try:
            await asyncio.wait({task}, timeout=timeout_s)
            if not task.done():
                timed_out = True
                await self._stop(worker, run, task)
        except asyncio.CancelledError:
            await self._stop(worker, run, task)
            raise
        finally:
            watchdog.stop()
            healthy = task.done() and not task.cancelled() and task.exception() is None and worker.channel.usable
            if healthy:
                worker.freeze()
            else:
                self._give_up()
        if run.host_failure is not None and not isinstance(run.host_failure, FrameError | codec.CodecError):
            raise run.host_failure
        if healthy:
            outcome = task.result()
            return _timed_out(outcome, timeout_s) if timed_out else outcome
        if timed_out:
            return Outcome(error=_timeout_error(timeout_s))
        failure = run.host_failure or (None if task.cancelled() else task.exception())
        return Outcome(error=await _death(worker, failure, watchdog.breach))

    async def _stop(self, worker: Worker, run: StepRun, task: asyncio.Task[Outcome]) -> None:
        """Interrupt the step; kill the worker if that does not end it within the grace."""
        before = worker.main_thread()
        worker.interrupt()
        try:
            ending = asyncio.create_task(run.end_call())
            for _ in range(_MAX_GRACES):
                await asyncio.wait({task, ending}, timeout=self.grace_s)
                if task.done() or not worker.main_thread().starved_since(before):
                    break
        finally:
            if not task.done():
                worker.kill()
                task.cancel()

    async def _collect(self, worker: Worker, run: StepRun) -> None:
        """Hand the files that are new or changed since the last step to the host."""
        found = await worker.list_files()
        changed = sorted(name for name, mark in found.items() if self._files.get(name) != mark)
        self._files = found
        if changed:
            room = run.artifact_room
            for name in changed[:room]:
                await run.keep_file(worker.read_file, name)
            run.refuse_rest(changed[room:])


def _timeout_error(timeout_s: float, traceback: str = "", line: int | None = None) -> ExecError:
    message = f"the code ran longer than {timeout_s:g} s and was stopped"
    return ExecError(kind="Timeout", message=message, traceback=traceback, line=line)


def _timed_out(outcome: Outcome, timeout_s: float) -> Outcome:
    """What a step that ended in its grace is worth: an exception was ours, an answer stands."""
    if outcome.error is None:
        return outcome
    return Outcome(error=_timeout_error(timeout_s, outcome.error.traceback, outcome.error.line))


async def _death(worker: Worker, failure: BaseException | None, breach: str | None) -> ExecError:
    worker.kill()
    if isinstance(failure, OutputFlood):
        return ExecError(kind="OutputLimit", message=f"the worker was ended: {failure}")
    if isinstance(failure, FrameError | codec.CodecError):
        return ExecError(kind="WorkerDied", message=f"the worker was ended because it broke the protocol: {failure}")
    status = await worker.exit_status()
    return ExecError(kind="WorkerDied", message=_cause(status, breach))


def _cause(status: int, breach: str | None) -> str:
    if breach is not None:
        return f"the code was ended: {breach}"
    if status >= 0:
        return f"the code ended its own process with exit status {status}"
    name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
    hint = "; most likely memory ran out" if name == "SIGKILL" else ""
    return f"the Python process died of {name}{hint}"
