"""The worker owns the runs of a server: many at once, each of them apart from any page that looks at it.

Pages and programs start runs here, find them again by their id and read their records. Where a run really happens
is behind this seam; nothing outside asks for more than `Run` offers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agentui.approval import Approvals
from agentui.events import Record, RunFinished
from agentui.input_files import Files
from agentui.limits import Limits
from agentui.line import Line, Turn
from agentui.runnable import Runnable
from agentui.runner import Run
from agentui.session import Session


class Worker:
    """Runs agents on the event loop that calls it.

    Args:
        max_running: Runs at the same time.
        max_artifact_bytes: Pictures and files that all finished runs together keep; the oldest runs lose theirs first.
        max_kept: Finished runs that can still be found by id, the oldest forgotten first.
    """

    def __init__(self, *, max_running: int = 64, max_kept: int = 500, max_artifact_bytes: int = 512_000_000) -> None:
        self._max_artifact_bytes = max_artifact_bytes
        self.line = Line(max_running)
        "Who may start next: join it, and start in the turn."
        self._max_kept = max_kept
        self._runs: dict[str, Run] = {}

    @property
    def running(self) -> list[Run]:
        """Runs that have not ended."""
        return [run for run in self._runs.values() if not run.done]

    def start(
        self,
        agent: Runnable,
        task: str | None,
        *,
        session: Session,
        images: Sequence[Any] | None = None,
        additional_args: Mapping[str, Any] | None = None,
        files: Files | None = None,
        limits: Limits | None = None,
        first_code: str | None = None,
        approval: Approvals | None = None,
        on_record: Callable[[Record], None] | None = None,
        turn: Turn | None = None,
    ) -> Run:
        """Start a run and return at once; the arguments are those of `Runnable.start`.

        A `turn` must have come. Without one the run does not wait.

        Raises:
            ConfigError: An argument is wrong, the session is busy, or without a turn no place is free.
        """
        ended = (turn or self.line.at_once(session)).take()

        def take(record: Record) -> None:
            if isinstance(record.event, RunFinished):
                ended()  # first: whatever becomes of the listener, the place is free
            if on_record is not None:
                on_record(record)

        try:
            run = agent.start(
                task,
                session=session,
                images=images,
                additional_args=additional_args,
                files=files,
                limits=limits,
                first_code=first_code,
                approval=approval,
                on_record=take,
            )
        except BaseException:
            ended()
            raise
        self._runs[run.run_id] = run
        self._forget()
        return run

    def get(self, run_id: str) -> Run | None:
        """The run with this id; None if there is none, or it is forgotten."""
        return self._runs.get(run_id)

    async def close(self) -> None:
        """Stop every run, let none begin, and wait for their ends."""
        self.line.close()
        for run in self.running:
            run.stop()
        await asyncio.gather(*(run.wait() for run in self.running))

    def _forget(self) -> None:
        finished = [run_id for run_id, run in self._runs.items() if run.done]
        for run_id in finished[: max(0, len(finished) - self._max_kept)]:
            del self._runs[run_id]
        kept = sum(run.artifact_bytes for run in self._runs.values())
        for run in self._runs.values():
            if kept <= self._max_artifact_bytes:
                return
            if run.done:
                kept -= run.artifact_bytes
                run.artifacts.clear()
