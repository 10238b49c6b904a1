"""A session after a step of a recorded run: from its records alone, on another machine or another day.

The conversation is written anew from what every step repeats; the interpreter is made by running the recorded code
with the recorded results of its tools, as values of JSON. Not in records, and so not restored: pictures, files and
variables that came with the task (code that uses them fails, which the fork's `state_restored` says), and a shorter
conversation where the run had shortened its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from agentui.arguments import as_task
from agentui.checkpoints import Action, Checkpoint, Defined, RanCode, ToolResult, refused
from agentui.errors import ConfigError
from agentui.events import (
    CodeStarted,
    MessageAdded,
    Record,
    RunStarted,
    StepFinished,
    StepStarted,
    ToolCallFinished,
    ToolCallStarted,
)
from agentui.jsonable import clean_text
from agentui.loop import NO_ANSWER
from agentui.mailbox import CUT
from agentui.messages import ChatMessage
from agentui.parse import Answer, written
from agentui.plain import plain_text
from agentui.prompts import render
from agentui.session import Assignment, Session
from agentui.spec import AgentSpec
from agentui.unfinished import Spent, Unfinished
from agentui.usage import sum_usage

_STOPPED = ("stopped before the step had ended", "Timeout: ", "OutputLimit: ", "WorkerDied: ")
"How the error of a step begins whose code was ended from outside."
_REFUSED = "the answer was refused"


def forked_session(records: Iterable[Record], step: int, spec: AgentSpec) -> Session:
    """A session that is what that of a recorded run was after a step.

    Args:
        records: Of one run, from its first; they may end early.
        step: Number of a finished step.
        spec: The agent that goes on: its tools name the arguments of calls, its rules begin the conversation.

    Raises:
        ConfigError: The step is not in the records, they begin in another run, or the agent calls tools natively.
    """
    reader = _Reader(spec)
    for record in records:
        reader.take(record)
        if reader.is_at(step):
            break
    return reader.session(step)


@dataclass(slots=True)
class _Reader:
    """Reads a run up to a step."""

    spec: AgentSpec
    run_id: str = ""
    started: RunStarted | None = None
    messages: list[ChatMessage] = field(default_factory=list[ChatMessage])
    steps: list[StepFinished] = field(default_factory=list[StepFinished])
    actions: list[Action] = field(default_factory=list[Action])
    kind: str = "action"
    action_steps: int = 0
    code: str | None = None
    calls: dict[str, ToolResult] = field(default_factory=dict[str, ToolResult])

    def is_at(self, step: int) -> bool:
        return bool(self.steps) and self.steps[-1].step == step

    def take(self, record: Record) -> None:
        """Read on."""
        match record.event:
            case RunStarted() as started:
                self._begin(record.run_id, started)
            case StepStarted(kind=kind):
                self.kind, self.code, self.calls = kind, None, {}
            case CodeStarted(code=code):
                self.code = code
            case ToolCallStarted(call_id=call_id, name=name, arguments=arguments):
                self.calls[call_id] = ToolResult(name=name, arguments=arguments, error="stopped before it returned")
            case ToolCallFinished(call_id=call_id, result=result, error=error) if call_id in self.calls:
                call = self.calls[call_id]
                self.calls[call_id] = ToolResult(name=call.name, arguments=call.arguments, result=result, error=error)
            case StepFinished() as finished:
                self._finish(finished)
            case MessageAdded(text=text):
                self._hear(text)
            case _:
                pass

    def session(self, step: int) -> Session:
        """What was read, as a session.

        Raises:
            ConfigError: The step was not read.
        """
        if self.started is None or not self.is_at(step):
            known = ", ".join(str(one.step) for one in self.steps) or "none"
            raise ConfigError(f"no step {step!r} can be gone back to: the finished steps of these records are {known}")
        task = self.started.task
        spent = Spent(
            tokens=sum_usage(one.usage for one in self.steps).total_tokens,
            usd=sum(one.cost.usd for one in self.steps if one.cost is not None),
            seconds=self.steps[-1].timing.finished,
            steps=self.action_steps,
        )
        session = Session()
        session.opening = len(self.spec.opening_messages())
        session.checkpoints.add(
            Checkpoint(
                run_id=self.run_id,
                step=step,
                messages=tuple(self.messages),
                steps=tuple(self.steps),
                history=tuple(self.actions),
                unfinished=Unfinished(
                    run_id=self.run_id, task=task, step=step, status="stopped", limits=self.spec.limits, spent=spent
                ),
                assignment=Assignment(task=task, message=as_task(task, None, None)[0], told=True, defined=True),
                state=refused("records hold none"),
            )
        )
        return session.fork(step)

    def _begin(self, run_id: str, started: RunStarted) -> None:
        if self.spec.native_tools:
            raise ConfigError("only runs of agents that write code can be forked from their records")
        if started.parent is not None:
            raise ConfigError(
                f"these records go on from step {started.parent.step} of run {started.parent.run_id!r}, which they do "
                "not hold: fork a run that begins with its task"
            )
        self.run_id, self.started = run_id, started
        self.messages = [*self.spec.opening_messages(), as_task(started.task, None, None)[0]]
        if started.files:
            lost = {
                f"file {file.name!r}": "records name the files of a task and do not hold them" for file in started.files
            }
            self.actions.append(Defined(variables={}, lost=lost))

    def _finish(self, step: StepFinished) -> None:
        self.steps.append(step)
        if self.kind == "planning":
            self._say("assistant", step.thought or step.code or "(no plan)")
            self._say("user", render("plan_made"))
            return
        self.action_steps += 1
        text = written(Answer(thought=step.thought, code=step.code), self.spec.tags)
        self._say("assistant", text or NO_ANSWER.text)
        if step.observation is not None:
            self._say("user", f"Observation:\n{step.observation}")
        if self.code is not None:
            self._ran(step, self.code)

    def _hear(self, text: str) -> None:
        """Somebody said something; of several messages the first comes after the answer that was cut."""
        cut = bool(self.steps) and self.steps[-1].error == CUT and self.messages[-1].role == "assistant"
        if cut and self.messages[-1] == NO_ANSWER:
            self.messages.pop()
            cut = False
        self._say("user", render("said", text=text, cut=cut))

    def _ran(self, step: StepFinished, code: str) -> None:
        error = step.error or ""
        stopped = error.startswith(_STOPPED)
        if _lost_state(step):
            self.actions[:] = [action for action in self.actions if isinstance(action, Defined)]
            if stopped:
                return
        self.actions.append(
            RanCode(
                step=step.step,
                code=code,
                calls=tuple(self.calls.values()),
                output=step.output,
                failed=bool(error) and not error.startswith(_REFUSED),
                stopped=stopped,
            )
        )

    def _say(self, role: str, text: str) -> None:
        self.messages.append(ChatMessage(role="assistant" if role == "assistant" else "user", content=clean_text(text)))


def _lost_state(step: StepFinished) -> bool:
    """Whether the model was told so at the observation's end; code that prints the same words was not."""
    told = (step.observation or "").removesuffix(render("repeated")).rstrip("\n")
    words = render("state_lost").rstrip("\n")
    return told.endswith(words) and not plain_text(step.output).rstrip("\n").endswith(words)
