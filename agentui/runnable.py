"""What can be done with an agent: start a run, follow it, go on with it, stop it.

A run's state lives in its `Run` and `Session`, so two runs of one agent at the same time never mix. The core is
`stream`, which is async; `run` and `resume` are the same thing for code that is not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, ClassVar

from agentui.agent_runs import AgentRuns, Job, RunBody
from agentui.approval import Approval, Approvals, approval_of
from agentui.arguments import as_task
from agentui.branching import Branching
from agentui.budget import Budget
from agentui.code_loop import CodeLoop
from agentui.errors import ConfigError
from agentui.events import Record
from agentui.input_files import Files, as_files
from agentui.jsonable import clean_text
from agentui.limits import Limits, checked_limits
from agentui.loop_thread import iterate, run_sync
from agentui.managed import ManagedAgent
from agentui.models.base import Model
from agentui.result import RunResult, answer_of
from agentui.runner import Run
from agentui.session import Assignment, Session
from agentui.spec import AgentSpec


class Runnable(Branching):
    """The runs of an agent.

    Args:
        spec: What the agent is.
        return_full_result: Make `run` return a `RunResult` unless it is told otherwise.
    """

    loop_class: ClassVar[type[RunBody]] = CodeLoop
    adjustable: ClassVar[bool] = True
    "Whether its system prompt, tools and imports are those of the spec, and no other library's."
    name: str | None = None
    description: str | None = None

    def __init__(self, spec: AgentSpec, *, return_full_result: bool = False) -> None:
        self.spec = spec
        self.return_full_result = return_full_result
        self._runs = AgentRuns(self)

    @property
    def model(self) -> Model:
        """The model it asks."""
        return self.spec.model

    @property
    def limits(self) -> Limits:
        """What a run may spend."""
        return self.spec.limits

    @property
    def unisolated(self) -> str | None:
        """Why code that the model writes is not held back by the sandbox of the agent; None where it is."""
        return None

    def run(
        self,
        task: str,
        stream: bool = False,
        reset: bool = True,
        images: Sequence[Any] | None = None,
        additional_args: Mapping[str, Any] | None = None,
        files: Files | None = None,
        max_steps: int | None = None,
        return_full_result: bool | None = None,
        limits: Limits | None = None,
    ) -> Any:
        """Run a task to its end.

        Args:
            task: What to do.
            stream: Return an iterator of records instead; closing it stops the run.
            reset: Start a new conversation; False goes on with the last one, its variables included.
            images: PIL images, file paths or URLs that belong to the task; part of its message alone.
            additional_args: Variables that the code finds under these names.
            files: Paths, or bytes and paths by name, which the code finds in its directory under plain names.
            max_steps: Instead of the agent's own.
            limits: Instead of the agent's own, all of them.
            return_full_result: Return a `RunResult`, which also tells of runs that ended without an answer.

        Returns:
            The value given to `final_answer(...)`, or what the arguments ask for.

        Raises:
            RunFailed: The model or the sandbox failed; its cause is the original error.
            RunLimitReached: A limit was used up.
            RunStopped: Somebody stopped the run.
            ConfigError: An argument is wrong.
        """
        return self._run(
            task,
            stream=stream,
            full=return_full_result,
            reset=reset,
            images=images,
            additional_args=additional_args,
            files=files,
            max_steps=max_steps,
            limits=limits,
        )

    def resume(
        self,
        *,
        stream: bool = False,
        limits: Limits | None = None,
        max_steps: int | None = None,
        return_full_result: bool | None = None,
    ) -> Any:
        """Go on with the task of the agent's own conversation that a limit, a stop or a failure has ended.

        What the task has spent so far counts: the limits are those of the task as a whole.

        Args:
            stream: As in `run`.
            limits: Instead of those of the run that ended; one that is used up has to be raised.
            max_steps: The same for the steps alone.
            return_full_result: As in `run`.

        Returns:
            What `run` returns, and it raises the same.

        Raises:
            ConfigError: There is no unfinished run, or the limits leave nothing for it.
        """
        return self._run(None, stream=stream, full=return_full_result, limits=limits, max_steps=max_steps)

    async def stream(
        self,
        task: str | None,
        *,
        reset: bool = True,
        images: Sequence[Any] | None = None,
        additional_args: Mapping[str, Any] | None = None,
        files: Files | None = None,
        max_steps: int | None = None,
        limits: Limits | None = None,
    ) -> AsyncGenerator[Record, None]:
        """Run a task and yield its records as they happen; the arguments are those of `start`.

        Closing the generator, or cancelling the task that iterates, stops the run.
        """
        self._check_reachable()
        run = self.start(
            task,
            reset=reset,
            images=images,
            additional_args=additional_args,
            files=files,
            max_steps=max_steps,
            limits=limits,
        )
        try:
            async for batch in run.subscribe():
                for record in batch:
                    yield record
        finally:
            run.stop()
            await run.wait()

    def start(
        self,
        task: str | None,
        *,
        session: Session | None = None,
        reset: bool = True,
        images: Sequence[Any] | None = None,
        additional_args: Mapping[str, Any] | None = None,
        files: Files | None = None,
        max_steps: int | None = None,
        limits: Limits | None = None,
        first_code: str | None = None,
        approval: Approvals | Approval | None = None,
        on_record: Callable[[Record], None] | None = None,
    ) -> Run:
        """Start a run on the running event loop and return at once.

        Args:
            task: What to do; None to go on with the unfinished run of the conversation.
            session: The conversation to go on with; the agent's own, see `reset`, by default.
            reset: Without a session, and with a task: begin a new one.
            images: As in `run`.
            additional_args: As in `run`.
            files: As in `run`.
            max_steps: As in `run`.
            limits: Instead of the agent's own, or of the unfinished run's.
            first_code: Code that runs as the first step, in place of what the model would write.
            approval: Instead of the agent's own; or that of the run whose code calls this agent.
            on_record: Called with each record, on the event loop; must not block.

        Raises:
            ConfigError: An argument is wrong, the session has a run that has not ended, there is none to go on with,
                or the limits leave nothing for it.
        """
        if task is None:
            if images or additional_args or files:
                raise ConfigError("images, files and additional_args belong to a task: give one, or leave them out")
            job = self._rest_of(session or self._runs.session(reset=False), limits, max_steps)
        else:
            message, variables = as_task(task, images, additional_args, native=self.spec.native_tools)
            most = with_steps(limits or self.limits, max_steps)
            budget = Budget(most, self.model, payer=session.payer if session else None)
            given = as_files(files, budget.limits, native=self.spec.native_tools)
            job = Job(
                session=session or self._runs.session(reset=reset),
                assignment=Assignment(task=clean_text(task), message=message, variables=variables, files=given),
                budget=budget,
            )
        self._give_code(job, first_code)
        return self._launch(job, approval, on_record)

    def interrupt(self) -> None:
        """Stop every run of this agent now, from any thread."""
        self._runs.interrupt()

    def close(self) -> None:
        """Stop the agent's runs and end the interpreter of its own conversation. The agent can be used again."""
        self._runs.close()

    @property
    def waits_for_decide(self) -> bool:
        """Whether a run may wait until somebody calls `Run.decide`: its own code, or that of an agent it calls."""
        called = any(isinstance(tool, ManagedAgent) and tool.waits_for_decide for tool in self.spec.tools.values())
        return self.spec.approval is True or (self.spec.approval is False and called)

    def _check_reachable(self) -> None:
        if self.waits_for_decide:
            raise ConfigError("approval=True waits for Run.decide, so use start(…); or give approval=a function")

    def _launch(
        self, job: Job, approval: Approvals | Approval | None, on_record: Callable[[Record], None] | None
    ) -> Run:
        asked = approval_of(self.spec.approval, approval)
        return self._runs.launch(job, self.spec, self, self.loop_class, on_record, asked)

    def _give_code(self, job: Job, first_code: str | None) -> None:
        if first_code is not None and self.spec.native_tools:
            raise ConfigError("first_code is for agents that write code: this one calls tools")
        job.assignment.first_code = first_code or job.assignment.first_code

    def _rest_of(self, session: Session, limits: Limits | None, max_steps: int | None) -> Job:
        assignment, unfinished = session.left()
        limits = with_steps(limits or unfinished.limits, max_steps)
        unfinished.check(limits)
        budget = Budget.after(unfinished.spent, limits, self.model, session.payer)
        return Job(session=session, assignment=assignment, budget=budget, parent=unfinished.parent)

    def _run(self, task: str | None, *, stream: bool, full: bool | None, **options: Any) -> Any:
        if stream:
            return iterate(self.stream(task, **options))
        result = run_sync(self._complete(task, **options))
        full = self.return_full_result if full is None else full
        return result[0] if full else answer_of(*result)

    async def _complete(self, task: str | None, **options: Any) -> tuple[RunResult, BaseException | None]:
        self._check_reachable()
        run = self.start(task, **options)
        try:
            return await run.wait(), run.exception
        finally:
            run.stop()


def with_steps(limits: Limits, max_steps: int | None) -> Limits:
    """`limits` with `max_steps` instead of their own, unless that is None.

    Raises:
        ConfigError: One of them makes no sense.
    """
    return checked_limits(limits if max_steps is None else dataclasses.replace(limits, max_steps=max_steps))
