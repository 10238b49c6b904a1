"""Why a step, or its worker, has ended, as the `ExecError` that the model and people read."""

from __future__ import annotations

import signal

from agentui.sandbox import codec
from agentui.sandbox.base import ExecError
from agentui.sandbox.frames import FrameError
from agentui.sandbox.printed import OutputFlood
from agentui.sandbox.step import Outcome
from agentui.sandbox.worker_handle import Worker


def timeout_error(timeout_s: float, traceback: str = "", line: int | None = None) -> ExecError:
    """A step that was stopped because its time was up."""
    message = f"the code ran longer than {timeout_s:g} s and was stopped"
    return ExecError(kind="Timeout", message=message, traceback=traceback, line=line)


def timed_out(outcome: Outcome, timeout_s: float) -> Outcome:
    """What a step that ended in its grace is worth: an exception was ours, an answer stands."""
    if outcome.error is None:
        return outcome
    return Outcome(error=timeout_error(timeout_s, outcome.error.traceback, outcome.error.line))


async def death(worker: Worker, failure: BaseException | None, breach: str | None) -> ExecError:
    """Why a worker was lost.

    Args:
        worker: The one that is given up.
        failure: What was raised while its frames were served.
        breach: The limit that it exceeded, if it did.
    """
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
