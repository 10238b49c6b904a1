"""A session's interpreter: one worker at a time, frozen between steps, replaced when it dies.

Stopping is the same for a timeout, a limit and a cancelled call: SIGINT, 50 ms to end the step, then SIGKILL. After
SIGINT the session's variables are still there; after SIGKILL the next call starts with a fresh worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, Protocol

from agentui.errors import SandboxError
from agentui.sandbox import codec
from agentui.sandbox.artifacts import FileMark
from agentui.sandbox.attend import attend
from agentui.sandbox.base import ExecHost, ExecResult, SandboxInfo, Snapshot, SnapshotRefused
from agentui.sandbox.blobs import NoRoom, Segment
from agentui.sandbox.channel import WorkerGone
from agentui.sandbox.described import Told
from agentui.sandbox.endings import death, timed_out, timeout_error
from agentui.sandbox.frames import FrameError, pack
from agentui.sandbox.inputs import InputFiles, give
from agentui.sandbox.snapshot import LOAD_TIMEOUT_S, MAX_STATE_BYTES, SAVE_TIMEOUT_S, load_state, save_state
from agentui.sandbox.step import Outcome, StepRun
from agentui.sandbox.worker_handle import Worker

GRACE_S: Final = 0.05
_PUT_TIMEOUT_S: Final = 10.0
_SAVE_GRACE_S: Final = 1.0
"Nobody waits for a snapshot to be stopped, and killing the worker would lose what it was to keep."


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
        self.max_state_bytes = MAX_STATE_BYTES
        "Variables that take more are not kept by `snapshot`."
        self.snapshot_timeout_s = SAVE_TIMEOUT_S
        "Seconds after which `snapshot` gives up."
        self._source = source
        self._tools = tuple(tools)
        self._worker: Worker | None = worker
        self._disposed: Worker | None = None
        self._files: dict[str, FileMark] = {}
        self._told = Told()
        self._kept = Snapshot(state=Segment().append(b""))
        "The last snapshot: what has not changed since is not kept twice."
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
        self,
        code: str,
        host: ExecHost,
        *,
        timeout_s: float = 30.0,
        max_output_bytes: int = 1_000_000,
        step: int | None = None,
        whole_state: bool = False,
    ) -> ExecResult:
        """Run `code`; see `Sandbox.execute`."""
        self._begin()
        started = asyncio.get_running_loop().time()
        try:
            worker = await self._live_worker()
            self._steps += 1
            run = StepRun(
                self._steps, worker.channel, host, tools=self._tools, max_output_bytes=max_output_bytes, label=step or 0
            )
            run.whole_state = whole_state
            self._told.begin_step(whole=whole_state)
            known: dict[str, FileMark] | None = None
            try:
                outcome = await self._run(worker, run, code, timeout_s)
                found = known = await worker.list_files() if self._worker is worker else {}
            finally:
                self._tell(run, known)
            before, self._files = self._files, found
            await run.keep_files(worker.read_file, sorted(name for name in found if before.get(name) != found[name]))
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

    async def snapshot(self) -> Snapshot | SnapshotRefused:
        """Keep the session's state; see `Sandbox.snapshot`."""
        self._begin()
        try:
            worker = self._worker
            if worker is None or not worker.channel.usable:
                return SnapshotRefused("the variables are lost: the process that held them has ended")
            kept = await self._snapshot(worker)
            self._kept = kept if isinstance(kept, Snapshot) else self._kept
            return kept
        finally:
            self._end()

    async def restore(self, snapshot: Snapshot) -> Mapping[str, str]:
        """Take on a state; see `Sandbox.restore`."""
        self._begin()
        try:
            worker = await self._live_worker()
            if self._steps:
                raise SandboxError("a snapshot can only be restored into a sandbox that has run no code")
            return await self._restore(worker, snapshot)
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
            try:
                self._files = await give(self._worker, self._inputs)
            except OSError as error:
                self._give_up()
                reason = error.strerror or error
                raise SandboxError(f"a file that a new worker needs again cannot be read: {reason}") from error
        return self._worker

    def _give_up(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            self._lost = True
            self._told.lose()
            self._disposed = worker
            worker.dispose_later()

    async def _snapshot(self, worker: Worker) -> Snapshot | SnapshotRefused:
        segment = Segment()
        try:
            files = await worker.save_files(segment, {file.path: file for file in self._kept.files if file.content})
        except OSError as error:
            return SnapshotRefused(f"the work folder cannot be read: {error.strerror}")
        except NoRoom as error:
            return SnapshotRefused(str(error))
        exchange = save_state(
            worker.channel,
            self._steps,
            interrupts=worker.interrupts,
            segment=segment,
            earlier=self._kept,
            max_bytes=self.max_state_bytes,
        )
        end = await attend(
            worker, exchange, timeout_s=self.snapshot_timeout_s, grace_s=_SAVE_GRACE_S, give_up=self._give_up
        )
        if not end.healthy:
            return SnapshotRefused(f"the worker was lost: {(await death(worker, end.failure, end.breach)).message}")
        saved = end.task.result()
        if isinstance(saved, SnapshotRefused):
            late = f"it took longer than {self.snapshot_timeout_s:g} s to keep the variables"
            return SnapshotRefused(late) if end.timed_out else saved
        return Snapshot(
            state=saved.state,
            buffers=saved.buffers,
            files=tuple(files.files),
            missing=saved.missing | files.missing,
            steps=self._steps,
            inputs=dict(self._inputs),
        )

    async def _restore(self, worker: Worker, snapshot: Snapshot) -> Mapping[str, str]:
        self._inputs = dict(snapshot.inputs)
        try:
            if not self.info.opens_files:
                # The files are values there; the variables that come next say what became of them.
                await give(worker, self._inputs)
            await worker.restore_files(snapshot.files)
        except OSError as error:
            raise SandboxError(f"the files could not be restored: {error.strerror or error}") from None
        exchange = load_state(worker.channel, snapshot.steps, snapshot, interrupts=worker.interrupts)
        end = await attend(worker, exchange, timeout_s=LOAD_TIMEOUT_S, grace_s=self.grace_s, give_up=self._give_up)
        if not end.healthy:
            self._give_up()
            reason = "it took too long" if end.timed_out else end.failure or "the worker broke the protocol"
            raise SandboxError(f"the variables could not be restored: {reason}")
        self._steps, self._kept = snapshot.steps, snapshot
        self._files = await worker.list_files()
        return {**snapshot.missing, **end.task.result()}

    async def _run(self, worker: Worker, run: StepRun, code: str, timeout_s: float) -> Outcome:
        """Run a step to its end, whatever end that is."""
        drive = run.drive(code, interrupts=worker.interrupts)
        end = await attend(
            worker, drive, timeout_s=timeout_s, grace_s=self.grace_s, end_call=run.end_call, give_up=self._give_up
        )
        if run.host_failure is not None and not isinstance(run.host_failure, FrameError | codec.CodecError):
            raise run.host_failure
        if end.healthy:
            outcome = end.task.result()
            return timed_out(outcome, timeout_s) if end.timed_out else outcome
        if end.timed_out:
            return Outcome(error=timeout_error(timeout_s))
        return Outcome(error=await death(worker, run.host_failure or end.failure, end.breach))

    def _tell(self, run: StepRun, found: Mapping[str, FileMark] | None) -> None:
        """Tell the host what was there before the step, if it asks for that, and what the step has left."""
        if run.whole_state:
            self._told.tell(run.host, run.claim_before, self._files, step=0)
        self._told.tell(run.host, run.claim, found, step=run.label)
