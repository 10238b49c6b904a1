"""`CodeAgent` and `ToolCallingAgent`, with the argument names that smolagents users know.

The agent object is configuration. A run's state lives in its `Run` and `Session`, so two runs of one agent at the
same time never mix. The core is `stream`, which is async; `run` is the same thing for code that is not.
"""

from __future__ import annotations

import asyncio
import dataclasses
import threading
import weakref
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Literal

from agentui.arguments import as_model, as_task, authorized_imports, code_tags, positive
from agentui.budget import Budget
from agentui.code_loop import CodeLoop
from agentui.events import Record, RunStarted
from agentui.jsonable import clean_text
from agentui.limits import Limits, checked_limits
from agentui.loop import Loop
from agentui.loop_thread import iterate, run_sync
from agentui.managed import ManagedAgent
from agentui.models.base import Model
from agentui.result import RunResult, answer_of
from agentui.runner import Run
from agentui.sandbox.base import SandboxPool
from agentui.sandbox.local import default_pool
from agentui.session import Session, close_later
from agentui.spec import AgentSpec
from agentui.tokens import count_tokens
from agentui.tool_loop import ToolLoop
from agentui.tools import Tool, as_tools
from agentui.version import __version__


class Agent:
    """What every agent has. Making one starts no run; use `CodeAgent` or `ToolCallingAgent`.

    Args:
        tools: Host functions that the code may call.
        model: Answers the agent's requests.
        instructions: Text added to the end of the system prompt.
        max_steps: Action steps a run may take; 20, or what `limits` says.
        additional_authorized_imports: Modules that the prompt offers besides the usual ones; `"*"` for all.
        planning_interval: Plan before the first and then every so many action steps; None for never.
        step_callbacks: Called with each finished step, and with `agent=` if they take it.
        final_answer_checks: Called with the answer, the session and `agent=`, as far as they take them; a false
            result or an AssertionError sends the model back to work.
        managed_agents: Agents that the code may call as functions, by their names.
        name: Identifier under which another agent may call this one.
        description: What it does, for that other agent.
        stream_outputs: Record deltas while the model writes and the code prints.
        code_block_tags: What the model puts around its code: `"markdown"`, or an opening and a closing text.
        return_full_result: Make `run` return a `RunResult` unless it is told otherwise.
        max_print_outputs_length: Characters of a step's output that the model gets to read.
        context_tokens: Size of the model's context, where the price list does not know it. A conversation that fills
            three quarters of it is shortened.
        limits: What a run may spend.
        sandbox_pool: Where code runs; the process's own pool by default.

    Raises:
        ConfigError: A tool, a limit or an import cannot be used.
    """

    loop_class: ClassVar[type[Loop]] = CodeLoop
    native_tools: ClassVar[bool] = False

    def __init__(
        self,
        tools: Sequence[Tool | Callable[..., Any]],
        model: Model,
        *,
        instructions: str | None = None,
        max_steps: int | None = None,
        additional_authorized_imports: Sequence[str] = (),
        planning_interval: int | None = None,
        step_callbacks: Sequence[Callable[..., Any]] = (),
        final_answer_checks: Sequence[Callable[..., Any]] = (),
        managed_agents: Sequence[Agent] = (),
        name: str | None = None,
        description: str | None = None,
        stream_outputs: bool = False,
        code_block_tags: Literal["markdown"] | tuple[str, str] | None = None,
        return_full_result: bool = False,
        max_print_outputs_length: int = 20_000,
        context_tokens: int | None = None,
        limits: Limits | None = None,
        sandbox_pool: SandboxPool | None = None,
    ) -> None:
        self.name = name
        self.description = description
        self.return_full_result = return_full_result
        self.spec = AgentSpec(
            model=as_model(model),
            pool=sandbox_pool or default_pool(),
            tools=as_tools([*tools, *map(ManagedAgent, managed_agents)]),
            instructions=instructions,
            imports=authorized_imports(additional_authorized_imports),
            tags=code_tags(code_block_tags),
            native_tools=self.native_tools,
            planning_interval=positive("planning_interval", planning_interval),
            step_callbacks=tuple(step_callbacks),
            final_answer_checks=tuple(final_answer_checks),
            stream_outputs=stream_outputs,
            max_print_outputs_length=max_print_outputs_length,
            context_tokens=positive("context_tokens", context_tokens),
            limits=_with_steps(limits or Limits(), max_steps),
        )
        self._own: list[Session] = []  # one at most; a list, so that the finalizer below sees which
        weakref.finalize(self, _close_all, self._own).atexit = False
        self._runs: dict[Run, asyncio.AbstractEventLoop] = {}
        self._lock = threading.Lock()
        threading.Thread(target=count_tokens, args=("",), name="agentui-tokenizer", daemon=True).start()

    @property
    def model(self) -> Model:
        """The model it asks."""
        return self.spec.model

    @property
    def limits(self) -> Limits:
        """What a run may spend."""
        return self.spec.limits

    def run(
        self,
        task: str,
        stream: bool = False,
        reset: bool = True,
        images: Sequence[Any] | None = None,
        additional_args: Mapping[str, Any] | None = None,
        max_steps: int | None = None,
        return_full_result: bool | None = None,
    ) -> Any:
        """Run a task to its end.

        Args:
            task: What to do.
            stream: Return an iterator of records instead; closing it stops the run.
            reset: Start a new conversation; False goes on with the last one, its variables included.
            images: PIL images, file paths or URLs that belong to the task; part of its message alone.
            additional_args: Variables that the code finds under these names.
            max_steps: Instead of the agent's own.
            return_full_result: Return a `RunResult`, which also tells of runs that ended without an answer.

        Returns:
            The value given to `final_answer(...)`, or what the arguments ask for.

        Raises:
            RunFailed: The model or the sandbox failed; its cause is the original error.
            RunLimitReached: A limit was used up.
            RunStopped: Somebody stopped the run.
            ConfigError: An argument is wrong.
        """
        options: dict[str, Any] = {"reset": reset, "images": images, "additional_args": additional_args}
        if stream:
            return iterate(self.stream(task, max_steps=max_steps, **options))
        result = run_sync(self._complete(task, max_steps=max_steps, **options))
        full = self.return_full_result if return_full_result is None else return_full_result
        return result[0] if full else answer_of(*result)

    async def stream(
        self,
        task: str,
        *,
        reset: bool = True,
        images: Sequence[Any] | None = None,
        additional_args: Mapping[str, Any] | None = None,
        max_steps: int | None = None,
    ) -> AsyncGenerator[Record, None]:
        """Run a task and yield its records as they happen; the arguments are those of `run`.

        Closing the generator, or cancelling the task that iterates, stops the run.
        """
        run = self.start(task, reset=reset, images=images, additional_args=additional_args, max_steps=max_steps)
        try:
            async for batch in run.subscribe():
                for record in batch:
                    yield record
        finally:
            run.stop()
            await run.wait()

    def start(
        self,
        task: str,
        *,
        session: Session | None = None,
        reset: bool = True,
        images: Sequence[Any] | None = None,
        additional_args: Mapping[str, Any] | None = None,
        max_steps: int | None = None,
        limits: Limits | None = None,
        on_record: Callable[[Record], None] | None = None,
    ) -> Run:
        """Start a run on the running event loop and return at once.

        Args:
            task: What to do.
            session: The conversation to go on with; the agent's own, see `reset`, by default.
            reset: Without a session: begin a new one.
            images: As in `run`.
            additional_args: As in `run`.
            max_steps: As in `run`.
            limits: Instead of the agent's own.
            on_record: Called with each record, on the event loop; must not block.

        Raises:
            ConfigError: An argument is wrong, or the session has a run that has not ended.
        """
        events = asyncio.get_running_loop()
        spec = dataclasses.replace(self.spec, limits=_with_steps(limits or self.limits, max_steps))
        message, variables = as_task(task, images, additional_args, native=self.native_tools)
        budget = Budget(spec.limits, spec.model)
        session = session or self._own_session(reset)
        loop = self.loop_class(spec, session, budget, self)
        session.begin()
        run = Run(
            lambda run: loop.run(run, message, variables),
            RunStarted(
                task=clean_text(task),
                model=spec.model.model_id,
                server=spec.model.server,
                tools=tuple(spec.tools),
                limits=spec.limits,
                agentui_version=__version__,
            ),
            on_record=on_record,
            on_end=lambda run: self._ended(run, session),
        )
        with self._lock:
            self._runs[run] = events
        return run

    def interrupt(self) -> None:
        """Stop every run of this agent now, from any thread."""
        with self._lock:
            running = list(self._runs.items())
        for run, loop in running:
            with suppress(RuntimeError):  # the loop is closed, and its runs with it
                loop.call_soon_threadsafe(run.stop)

    def close(self) -> None:
        """Stop the agent's runs and end the interpreter of its own conversation. The agent can be used again."""
        with self._lock:
            sessions, self._own[:] = list(self._own), []
        for session in sessions:
            session.kept = False
            if session.busy:  # its run closes it when it has ended
                self.interrupt()
            else:
                run_sync(session.close())

    def _own_session(self, reset: bool) -> Session:
        with self._lock:
            if self._own and not reset:
                return self._own[0]
            replaced, self._own[:] = list(self._own), [Session()]
            for old in replaced:
                old.kept = False
                if not old.busy:
                    close_later(old)
            return self._own[0]

    def _ended(self, run: Run, session: Session) -> None:
        session.end()
        with self._lock:
            self._runs.pop(run, None)
        if not session.kept:
            close_later(session)

    async def _complete(self, task: str, **options: Any) -> tuple[RunResult, BaseException | None]:
        run = self.start(task, **options)
        try:
            return await run.wait(), run.exception
        finally:
            run.stop()


def _with_steps(limits: Limits, max_steps: int | None) -> Limits:
    return checked_limits(limits if max_steps is None else dataclasses.replace(limits, max_steps=max_steps))


def _close_all(sessions: list[Session]) -> None:
    for session in sessions:
        close_later(session)


class CodeAgent(Agent):
    """An agent that solves tasks by writing and running Python; the arguments are those of `Agent`."""


class ToolCallingAgent(Agent):
    """An agent whose model calls tools natively; same arguments, same records, no code."""

    loop_class = ToolLoop
    native_tools = True
