"""The agent loop: ask, run, observe, until `final_answer(...)`, a limit or a stop.

One `Loop` is one run. It emits everything it does into its `Run` and keeps nothing elsewhere but in the
session, so any number of runs of one agent go on side by side.
"""

from __future__ import annotations

import asyncio
import itertools
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from agentui.ask import Reply, ask
from agentui.budget import Budget
from agentui.checkpoints import Defined
from agentui.compaction import KEPT_TURNS, context_limit, elide, size, summarised, surely_fits
from agentui.draft import StepDraft
from agentui.errors import AgentError
from agentui.events import ContextCompacted
from agentui.hooks import call_hook, named, refusal
from agentui.input_files import put_into, with_files
from agentui.mailbox import CUT, CutShort
from agentui.messages import ChatMessage
from agentui.observe import Failures, Mistake, Observation, observe_mistake
from agentui.parse import Answer
from agentui.prompts import render
from agentui.runner import Run
from agentui.sent import SentLog
from agentui.session import Assignment, Session
from agentui.spec import AgentSpec

_T = TypeVar("_T")
MAX_PROSE = 2
"An answer without code is corrected once; the next one in a row is taken as the final answer."
NO_ANSWER = ChatMessage(role="assistant", content="(no answer)")
"Stands in the conversation for an answer of which nothing had come."


class Loop(ABC):
    """One run of an agent in a session."""

    def __init__(self, spec: AgentSpec, session: Session, assignment: Assignment, budget: Budget, agent: Any) -> None:
        self._spec = spec
        self._session = session
        self._assignment = assignment
        self._agent = agent
        self._failures = Failures()
        self._call_ids = itertools.count(1)
        self._numbers = itertools.count(1)
        self._budget = budget
        self._sent = SentLog()

    async def run(self, run: Run) -> Any:
        """Work on the session's assignment and return the answer.

        Raises:
            LimitReached: Steps, seconds, tokens or money are used up.
            AgentUIError: The run failed.
        """
        return await within_time(self._budget, run, self._work(run))

    async def _work(self, run: Run) -> Any:
        await self._session.restore(run, self._spec)
        self._take_up(await self._task_message())
        while True:
            self._budget.check_steps()
            await self._define()
            self._listen(run)
            await self._compact(run)
            await self._plan(run)
            self._listen(run)
            step = StepDraft(run, next(self._numbers), self._budget, self._sent)
            with step:
                answer = await self._unless_cut(step, self._act(step))
                self._budget.steps += 1
            self._keep(step)
            await self._record(step)
            if step.is_final:
                return answer

    def _take_up(self, message: ChatMessage) -> None:
        """Begin with the assignment, which `message` tells of, or go on where a run has left it."""
        session, assignment = self._session, self._assignment
        opening = self._spec.opening_messages()  # they change when what the agent is has been changed in between
        session.messages[: session.opening] = opening
        session.opening = len(opening)
        if not assignment.told:
            assignment.told = True
            session.messages.append(message)
            return
        cut, assignment.cut = assignment.cut, False
        if cut and session.messages[-1] == NO_ANSWER:
            session.messages.pop()
        if session.messages[-1].role == "assistant":
            native = "_native" if self._spec.native_tools else ""
            tags = {"opening": self._spec.tags.opening, "closing": self._spec.tags.closing}
            self._remember("user", render(f"cut_off{native}", **tags) if cut else render("interrupted"))

    def _listen(self, run: Run) -> None:
        """Put what somebody has said meanwhile into the conversation."""
        assignment, messages = self._assignment, self._session.messages
        for message in run.mailbox.read(run.emit):
            cut, assignment.cut = assignment.cut, False
            if cut and messages[-1] == NO_ANSWER:
                messages.pop()
                cut = False
            self._remember("user", render("said", text=message.text, cut=cut))

    async def _unless_cut(self, step: StepDraft, work: Coroutine[Any, Any, _T]) -> _T | None:
        """Do `work`; for a message that cannot wait, leave it in good order and come back with nothing."""
        try:
            async with step.run.mailbox.cutting():
                return await work
        except CutShort:
            step.error = CUT
            return None

    async def _task_message(self) -> ChatMessage:
        """The task, with the files it comes with, and how the code reaches them in the sandbox that it has."""
        assignment = self._assignment
        if not assignment.files or assignment.told:
            return assignment.message
        sandbox = await self._session.interpreter(self._spec.pool, list(self._spec.tools))
        return with_files(assignment.message, assignment.files, sandbox.info)

    async def _define(self) -> None:
        """Give the code its variables and files, also when its interpreter had to be replaced."""
        assignment = self._assignment
        given = assignment.variables or assignment.files
        if given and not assignment.defined and not self._spec.native_tools:
            sandbox = await self._session.interpreter(self._spec.pool, list(self._spec.tools))
            if assignment.variables:
                await sandbox.put(assignment.variables)
            await put_into(sandbox, assignment.files)
            self._session.history.actions.append(Defined(variables=assignment.variables, files=assignment.files))
            assignment.defined = True

    async def _plan(self, run: Run) -> None:
        """Have the model plan, if that is due and not done yet."""
        taken, limit, interval = self._budget.steps, self._spec.limits.max_steps, self._spec.planning_interval
        if not interval or taken % interval or self._assignment.planned_at == taken:
            return
        left = "Any number of" if limit is None else limit - taken
        plan = await self._write(run, render("planning", first=taken == 0, remaining_steps=left))
        self._assignment.planned_at = taken
        self._session.messages += [
            ChatMessage(role="assistant", content=plan or "(no plan)"),
            ChatMessage(role="user", content=render("plan_made")),
        ]
        self._session.keep(run, self._budget)

    async def _compact(self, run: Run) -> None:
        """Shorten the conversation if it has outgrown its share of the context."""
        session, limit = self._session, context_limit(self._spec)
        if surely_fits(session.messages, limit):
            return
        before = await asyncio.to_thread(size, session.messages)
        if before <= limit:
            return
        messages, elided = elide(session.messages, session.opening)
        after = await asyncio.to_thread(size, messages)
        too_long = after > limit and len(messages) > session.opening + KEPT_TURNS
        if too_long:
            summary = await self._write(run, render("summarise"), messages)
            turn = ChatMessage(role="user", content=render("summary", summary=summary))
            messages = summarised(messages, session.opening, turn)
            after = await asyncio.to_thread(size, messages)
        if after < before:
            session.messages = messages
            run.emit(
                ContextCompacted(
                    before_tokens=before, after_tokens=after, elided_observations=elided, summarised=too_long
                )
            )

    async def _write(self, run: Run, prompt: str, messages: Sequence[ChatMessage] | None = None) -> str:
        """Have the model write prose about the conversation, in a step of its own."""
        step = StepDraft(run, next(self._numbers), self._budget, self._sent, "planning")
        with step:
            question = ChatMessage(role="user", content=prompt)
            asking = ask(step, self._spec, [*(self._session.messages if messages is None else messages), question])
            await (self._unless_cut(step, asking) if messages is None else asking)
        await self._record(step)
        return step.answer.thought or step.answer.code or ""

    @abstractmethod
    async def _act(self, step: StepDraft) -> Any:
        """One action step: ask, do what the model wants, observe. Returns the answer of a step that is final."""

    @abstractmethod
    def _as_written(self, answer: Answer) -> str:
        """`answer`, as far as it came, as the model wrote it."""

    async def _answer(self, step: StepDraft) -> Reply:
        """Ask for the next action; what had come of an answer that is cut short stays in the conversation."""
        try:
            return await ask(step, self._spec, self._session.messages)
        except BaseException:
            self._assignment.cut = True
            self._remember("assistant", self._as_written(step.answer))
            raise

    async def _correct(self, step: StepDraft, reply: Reply, wrong: Mistake) -> Any:
        """Tell the model what is wrong with its answer; prose a second time in a row is the final answer."""
        if wrong == "no_code" and self._failures.count(wrong) >= MAX_PROSE:
            return await self._checked(step, reply.answer.thought)
        usage = step.usages[-1].output_tokens if step.usages else None
        observation = observe_mistake(wrong, reply, self._spec, usage)
        self._observe(step, observation)
        if wrong != "no_code":
            self._failures.check(wrong, observation.error or "")
        return None

    async def _checked(self, step: StepDraft, value: Any) -> Any:
        """Ask the owner's checks: an accepted answer makes the step final, a refused one becomes an observation."""
        for check in self._spec.final_answer_checks:
            reason = await refusal(check, value, self._session, self._agent)
            if reason is not None:
                text = render("check_failed", reason=reason)
                self._observe(step, Observation(text=text, error=f"the answer was refused: {reason}"))
                self._failures.check(("check", reason), f"its answer was refused: {reason}")
                return None
        step.is_final = True
        return value

    def _observe(self, step: StepDraft, observation: Observation) -> None:
        step.observation, step.error = observation.text, observation.error
        self._remember("user", f"Observation:\n{observation.text}")

    def _remember(self, role: Any, text: str) -> None:
        self._session.messages.append(ChatMessage(role=role, content=text) if text else NO_ANSWER)

    def _keep(self, step: StepDraft) -> None:
        """Make the step one that can be gone back to; its snapshot is made while the model answers."""
        if step.finished is not None:
            self._session.steps.append(step.finished)
            self._session.keep(step.run, self._budget)

    async def _record(self, step: StepDraft) -> None:
        if step.finished is None:
            return
        if step.kind == "planning":
            self._session.steps.append(step.finished)
        for callback in self._spec.step_callbacks:
            outcome = await call_hook(callback, step.finished, agent=self._agent)
            if outcome.error is not None:
                raise AgentError(f"a step callback failed: {named(outcome.error)}") from outcome.error


async def within_time(budget: Budget, run: Run, work: Coroutine[Any, Any, Any]) -> Any:
    """Do `work` within the seconds that are left.

    Raises:
        LimitReached: They have passed.
    """
    clock = asyncio.timeout(budget.seconds_left)
    try:
        async with clock:
            with run.approval.timing(clock):
                return await work
    except TimeoutError:
        if not clock.expired():
            raise
        raise budget.time_is_up(run.worked()) from None
