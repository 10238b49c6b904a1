"""One run of a smolagents agent: its own loop in a thread, with its model, its interpreter and its tools replaced.

What the thread wants done is done on the event loop, by the same functions that our own agents use; so text, code,
output, calls and usage are recorded while they happen, and a stop cuts whatever is going on. The thread itself waits
in one of these calls or soon makes the next; after a stop each of them ends it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, Coroutine, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import replace
from typing import Any, TypeVar, cast

from agentui.ask import ask
from agentui.budget import Budget
from agentui.checkpoints import RanCode
from agentui.draft import StepDraft
from agentui.effects import effects
from agentui.errors import AgentError, AgentUIError, ConfigError, ToolError
from agentui.events import StepKind
from agentui.execute import execute
from agentui.jsonable import clean_text, jsonable
from agentui.loop import within_time
from agentui.messages import ChatMessageStreamDelta, ToolSchema
from agentui.observe import observe_rejection
from agentui.runner import Run
from agentui.sandbox.base import ExecResult
from agentui.sent import SentLog
from agentui.session import Assignment, Session
from agentui.smolagents import library
from agentui.smolagents.fresh import AskingModel, SandboxExecutor
from agentui.smolagents.model import ForeignModel, OneCall, as_our_messages
from agentui.spec import AgentSpec
from agentui.steering_events import Effect
from agentui.threads import in_thread
from agentui.tool_caller import ToolCaller

_T = TypeVar("_T")
_END_OF_PLAN = "<end_plan>"
"How smolagents ends a plan: a call with it as stop sequence makes one."


class RunEnded(BaseException):
    """Ends the thread of a run that has ended; no `except Exception` of the guest's may catch it."""


class SmolagentsLoop:
    """The body of a run; made like `agentui.loop.Loop`."""

    def __init__(self, spec: AgentSpec, session: Session, assignment: Assignment, budget: Budget, agent: Any) -> None:
        self._spec = spec
        self._session = session
        self._assignment = assignment
        self._budget = budget
        self._sent = SentLog()
        self._owner = agent
        self._call_ids = itertools.count(1)
        self._numbers = itertools.count(1)
        self._step: StepDraft | None = None
        self._last: Any = None
        "The newest finished step in smolagents' words; it reports the last one twice."
        self._tasks: set[asyncio.Task[Any]] = set()
        self._ended = False

    async def run(self, run: Run) -> Any:
        """Work on the session's assignment and return the answer.

        Raises:
            LimitReached: Seconds, tokens or money are used up.
            AgentUIError: The run failed.
        """
        return await within_time(self._budget, run, self._work(run))

    async def _work(self, run: Run) -> Any:
        self._run, self._events = run, asyncio.get_running_loop()
        self._budget.check_steps()
        guest = self._owner.guest_of(self._session)
        self._take_over(guest)
        try:
            outcome = await in_thread(self._drive, guest)
            if outcome.error is not None:
                raise _cause_of(outcome.error)
            return outcome.value
        except BaseException as error:
            await self._end()
            self._close(error)
            raise

    def _take_over(self, guest: Any) -> None:
        guest.model = AskingModel(guest.model, self._ask_and_wait)
        guest.instructions = self._spec.instructions
        if self._spec.native_tools:
            guest.execute_tool_call = self._call_and_wait
        elif self._owner.runs_in_sandbox:
            guest.python_executor = SandboxExecutor(self._execute_and_wait)
        elif self._run.approval.on:
            raise ConfigError("nobody can be asked before this agent's code runs: it runs its code itself")
        self._guest = guest

    def _drive(self, guest: Any) -> Any:
        """The guest's own loop; in the thread."""
        told, limit = self._assignment.told, self._spec.limits.max_steps
        self._assignment.told = True
        events = guest.run(
            "Go on with the task where you were cut off." if told else self._assignment.task,
            stream=True,
            reset=False,
            images=self._owner.pictures_of(self._assignment) or None,
            additional_args=None if told else dict(self._assignment.variables) or None,
            max_steps=limit - self._budget.steps if limit is not None else 1_000_000,
        )
        answer: Any = None
        for event in events:
            answer = self._wait(self._take(event))
        return answer

    # From here on: what the thread has done on the event loop.

    def _wait(self, work: Coroutine[Any, Any, _T]) -> _T:
        if self._ended:
            work.close()
            raise RunEnded
        try:
            return asyncio.run_coroutine_threadsafe(self._tracked(work), self._events).result()
        except CancelledError:
            raise RunEnded from None

    async def _tracked(self, work: Coroutine[Any, Any, _T]) -> _T:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._ended:
            task.cancel()
        return await task

    async def _end(self) -> None:
        """Cut whatever goes on for the thread, and wait until it has cleaned up."""
        self._ended = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ask_and_wait(self, messages: list[Any], stop_sequences: list[str] | None, options: Mapping[str, Any]) -> Any:
        return self._wait(self._ask(messages, stop_sequences, options))

    async def _ask(
        self, messages: Sequence[Any], stop_sequences: Sequence[str] | None, options: Mapping[str, Any]
    ) -> Any:
        kind: StepKind = "planning" if _END_OF_PLAN in (stop_sequences or ()) else "action"
        step = self._open(kind)
        model, ours = self._spec.model, await asyncio.to_thread(as_our_messages, messages)

        def open_stream(tools: Sequence[ToolSchema] | None) -> AsyncGenerator[ChatMessageStreamDelta, None]:
            if isinstance(model, ForeignModel):
                return model.ask(messages, stop_sequences, options)
            return model.stream(ours, stop_sequences, tools=tools)

        call = OneCall(model, open_stream)
        reply = await ask(step, replace(self._spec, model=call), ours)
        usage = step.usages[-1] if step.usages else None
        return library.ChatMessage(
            role=library.MessageRole.ASSISTANT,
            content=call.text,
            tool_calls=[library.as_their_call(tool) for tool in reply.tool_calls] or None,
            token_usage=None if usage is None else library.TokenUsage(usage.input_tokens, usage.output_tokens),
        )

    def _execute_and_wait(self, code: str) -> Any:
        executor = self._guest.python_executor
        result, printed = self._wait(self._execute(code, executor))
        executor.state["_print_outputs"] = printed
        if result.error is not None:
            line = "" if result.error.line is None else f" (line {result.error.line})"
            raise AgentError(f"{result.error.kind}: {result.error.message}{line}")
        return library.CodeOutput(output=result.value, logs=printed, is_final_answer=result.is_final)

    async def _execute(self, code: str, executor: SandboxExecutor) -> tuple[ExecResult, str]:
        step = self._open("action")
        ran = [action.code for action in self._session.history.actions if isinstance(action, RanCode)]
        await self._approve("this code", code, effects(code, self._spec.tools, ran), AgentError)
        sandbox = await self._session.interpreter(self._spec.pool, list(self._spec.tools))
        variables, executor.variables = executor.variables, {}
        if variables:
            await sandbox.put(variables)
        result = await execute(step, self._spec, sandbox, code, self._call_ids)
        lost = "(The interpreter was restarted: variables and files are gone.)\n" if result.state_lost else ""
        return result, lost + "".join(step.output)

    def _call_and_wait(self, name: str, arguments: Any) -> Any:
        given = self._guest._substitute_state_variables(arguments)
        if name == "final_answer":
            return self._guest.tools[name](**given) if isinstance(given, dict) else self._guest.tools[name](given)
        try:
            return self._wait(self._call(name, given))
        except ToolError as error:
            raise library.AgentToolExecutionError(str(error), self._guest.logger) from error

    async def _approve(self, what: str, code: str, seen: Sequence[Effect], refused: type[AgentUIError]) -> None:
        """Have somebody decide about code or a call; one that is rejected fails."""
        approval, step = self._run.approval, self._open("action")
        if approval.on:
            decided = await approval.settle(
                step.run.emit, step=step.number, code=code, effects=tuple(seen), editable=False
            )
            if decided.decision == "rejected":
                raise refused(observe_rejection(what, decided.reason).text)

    async def _call(self, name: str, arguments: Any) -> Any:
        seen = Effect(kind="tool", what=name, line=1)
        shown = json.dumps(jsonable(arguments), ensure_ascii=False)
        await self._approve("this call", f"{name}({shown})", [seen], ToolError)
        caller = ToolCaller(self._open("action"), self._spec, self._call_ids)
        if isinstance(arguments, dict):
            return await caller.call(name, [], cast(dict[str, Any], arguments))
        return await caller.call(name, [arguments] if arguments else [], {})

    async def _take(self, event: Any) -> Any:
        """An event of the guest's own loop; returns the answer if it is the last."""
        if isinstance(event, library.PlanningStep):
            self._finish(observation=None)
        elif isinstance(event, library.ActionStep) and event is not self._last:
            self._last = event
            self._budget.steps += 1
            error = None if event.error is None else str(event.error)
            self._finish(observation=event.observations, error=error, is_final=bool(event.is_final_answer))
        elif isinstance(event, library.FinalAnswerStep):
            # Still open only if the steps were used up and the model was asked for an answer all the same.
            self._finish(observation=None, error="the step limit is used up: this is what was known", is_final=True)
            return event.output.to_raw() if hasattr(event.output, "to_raw") else event.output
        return None

    def _open(self, kind: StepKind) -> StepDraft:
        if self._step is None:
            self._step = StepDraft(self._run, next(self._numbers), self._budget, self._sent, kind)
            self._step.__enter__()
        return self._step

    def _finish(self, *, observation: str | None, error: str | None = None, is_final: bool = False) -> None:
        if self._step is not None:
            self._step.observation = observation
            self._step.error = None if error is None else clean_text(error)
            self._step.is_final = is_final
        self._close(None)

    def _close(self, error: BaseException | None) -> None:
        step, self._step = self._step, None
        if step is not None:
            step.__exit__(None if error is None else type(error), error, None)
            if step.finished is not None:
                self._session.steps.append(step.finished)


def _cause_of(error: BaseException) -> BaseException:
    """What ended the run, in our words: smolagents wraps what its model raised."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, AgentUIError):
            return inner
        inner = inner.__cause__
    failure = AgentError(f"the smolagents agent failed: {type(error).__name__}: {error}")
    failure.__cause__ = error
    return failure
