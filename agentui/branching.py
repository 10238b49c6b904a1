"""Other ways from a run: fork it after a step, re-run it from its recording, repeat it.

Three verbs. A fork goes on from a step, with its conversation, variables and files. A re-run does the task again with
the recorded answers of the model, which costs nothing, while code and tools, those of today, really run; the first
difference is recorded as `diverged`. A repetition does the task again and asks the model. The run that they come from
stays as it is, and is the `parent` that the new one names.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self, TypeAlias

from agentui.again import Relation
from agentui.agent_runs import AgentRuns
from agentui.before import do_again, session_before, session_of_record
from agentui.events import Record
from agentui.fork import Method
from agentui.input_files import Files
from agentui.limits import Limits
from agentui.past_run import PastRun, past_run
from agentui.recorded import forked_session
from agentui.recorded_agent import rerunning
from agentui.result import RunResult
from agentui.runner import Run
from agentui.session import Session
from agentui.spec import AgentSpec

Recording: TypeAlias = Run | RunResult | Iterable[Record]
"""A run, or its records from the first on."""


class Branching(ABC):
    """What an agent can do with a run that there was."""

    spec: AgentSpec
    _runs: AgentRuns

    @property
    def keeps_memory(self) -> bool:
        """Whether it keeps its conversations itself, so that there is no way back into one."""
        return False

    def fork(self, step: int, run_id: str | None = None, *, method: Method | None = None) -> Self:
        """A copy of this agent whose own conversation is that of this one after a step; see `Session.fork`.

        `fork(2).resume()` goes on with the task from there, `fork(2).run("…", reset=False)` says something first.
        """
        return self._with(self._runs.session(reset=False).fork(step, run_id, method=method))

    def fork_recorded(self, records: Iterable[Record], step: int) -> Self:
        """The same for a run of which there are only records, of this agent or one like it; its code runs again.

        Args:
            records: Of one run, from its first, as `recording.read_records` gives them.
            step: Number of a finished step.

        Raises:
            ConfigError: The step is not in the records, or they begin in another run.
        """
        return self._with(forked_session(records, step, self.spec))

    def rerun(
        self,
        recording: Recording,
        *,
        speed: float = 0.0,
        stream: bool = False,
        images: Sequence[Any] | None = None,
        additional_args: Mapping[str, Any] | None = None,
        files: Files | None = None,
        limits: Limits | None = None,
        return_full_result: bool | None = None,
    ) -> Any:
        """Do the task of a run again with the recorded answers of its model, and of the agents that it called.

        No model is called and nothing is paid; code and tools really run. The first thing that is not as recorded is
        said by a `diverged` record, and the run goes on. Where the recording has no answer left, it ends as failed.

        Args:
            recording: The run. Of one of this agent's own conversation, what came with the task is known and it
                begins with what the conversation held; of any other one only what its records tell.
            speed: Times the recorded speed at which answers come; 0 for at once.
            stream: As in `run`.
            images: As in `run`; where they are not known, the same as came with the task.
            additional_args: Likewise.
            files: Likewise.
            limits: Instead of the run's where that is known, or the agent's own.
            return_full_result: As in `run`.

        Returns:
            What `run` returns, and it raises the same.

        Raises:
            ConfigError: The records do not fit together, or do not hold what the task needs; or an argument is wrong.
        """
        past = past_run(_records(recording))
        given = {"images": images, "additional_args": additional_args, "files": files}
        twin = self._again(past, "rerun", given)
        twin.spec = rerunning(twin.spec, past, twin._runs.session(reset=False), speed=speed)
        return twin._run(None, stream=stream, full=return_full_result, limits=limits)

    def repeat(
        self,
        recording: Recording,
        *,
        stream: bool = False,
        images: Sequence[Any] | None = None,
        additional_args: Mapping[str, Any] | None = None,
        files: Files | None = None,
        limits: Limits | None = None,
        return_full_result: bool | None = None,
    ) -> Any:
        """Do the task of a run again, live: the model is called and paid. The arguments are those of `rerun`."""
        past = past_run(_records(recording))
        given = {"images": images, "additional_args": additional_args, "files": files}
        return self._again(past, "repeated", given)._run(None, stream=stream, full=return_full_result, limits=limits)

    @abstractmethod
    def _run(self, task: str | None, *, stream: bool, full: bool | None, **options: Any) -> Any: ...

    def _again(self, past: PastRun, relation: Relation, given: Mapping[str, Any]) -> Self:
        own = self._runs.known(past.run_id)
        anew = own is None or any(value is not None for value in given.values())
        session = (
            session_of_record(past, self.spec, **given) if anew or own is None else session_before(own, past.run_id)
        )
        do_again(session, past, relation)
        return self._with(session)

    def _with(self, session: Session) -> Self:
        twin = copy.copy(self)
        twin._runs = AgentRuns(twin)
        twin._runs.adopt(session)
        return twin


def _records(recording: Recording) -> Iterable[Record]:
    return recording.records if isinstance(recording, Run | RunResult) else recording
