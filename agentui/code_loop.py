"""The loop of an agent that writes code: the code of an answer runs in the session's sandbox."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from agentui.checkpoints import RanCode
from agentui.draft import StepDraft
from agentui.effects import effects
from agentui.execute import execute
from agentui.loop import Loop
from agentui.messages import ChatMessage
from agentui.native_code import bad_calls, code_of_calls
from agentui.observe import Observation, mistake, observe_calls, observe_rejection, observe_result, shorten
from agentui.parse import Answer, written
from agentui.plain import plain_text
from agentui.prompts import render
from agentui.sandbox.base import SANDBOX_ERRORS, ExecError, ExecResult

STOPPED = "(stopped while this code was running)"
"Stands in the conversation for what code would have led to."
NOT_RUN = "(this code was not run)"


class CodeLoop(Loop):
    """One run of a `CodeAgent`."""

    async def _act(self, step: StepDraft) -> Any:
        given = self._assignment.take_code()
        if given is not None:
            return await self._run_given(step, given)
        reply = await self._answer(step)
        code = reply.answer.code or code_of_calls(reply.tool_calls)
        self._remember("assistant", self._as_written(replace(step.answer, code=code, closed=True)))
        wrong = mistake(reply, complete=code is not None and reply.answer.closed)
        if wrong != "truncated" and reply.answer.code is None and (bad := bad_calls(reply.tool_calls)):
            observation = observe_calls(bad, self._spec.tags)
            self._observe(step, observation)
            self._failures.check(("calls", bad), observation.error or "")
            return None
        if wrong is not None:
            return await self._correct(step, reply, wrong)
        approved = await self._approved(step, code or "")
        return None if approved is None else await self._run_code(step, approved)

    async def _approved(self, step: StepDraft, code: str) -> str | None:
        """The code that may run, which somebody may have edited; None if it was rejected."""
        approval, messages = step.run.approval, self._session.messages
        if not approval.on:
            return code
        try:
            ran = [action.code for action in self._session.history.actions if isinstance(action, RanCode)]
            seen = effects(code, self._spec.tools, ran)
            decided = await approval.settle(step.run.emit, step=step.number, code=code, effects=seen)
        except asyncio.CancelledError:
            self._observe(step, Observation(text=NOT_RUN))
            raise
        if decided.decision == "rejected":
            self._observe(step, observe_rejection("this code", decided.reason))
            return None
        if decided.code is not None:
            step.edited, code = True, decided.code
            messages[-1] = ChatMessage(
                role="assistant", content=self._as_written(replace(step.answer, code=code, closed=True))
            )
        return code

    async def _run_given(self, step: StepDraft, code: str) -> Any:
        """Run code that somebody gave in the model's place, as if the model had written it."""
        step.answer = Answer(code=code)
        self._remember("assistant", self._as_written(step.answer))
        return await self._run_code(step, code)

    async def _run_code(self, step: StepDraft, code: str) -> Any:
        sandbox = await self._session.interpreter(self._spec.pool, list(self._spec.tools))
        try:
            result = await execute(step, self._spec, sandbox, code, self._call_ids)
        except asyncio.CancelledError:
            printed = shorten(plain_text("".join(step.output)).rstrip("\n"), self._spec.max_print_outputs_length)
            self._observe(step, Observation(text=f"{printed}\n{STOPPED}".lstrip()))
            self._session.history.actions.append(_ran(step, code, stopped=True))
            raise
        self._session.history.add(_ran(step, code, result.error), result)
        if result.state_lost:
            self._assignment.defined = False
        if result.is_final and result.error is None:
            return await self._checked(step, result.value)
        error = result.error
        times = self._failures.count(None if error is None else (code, error.kind, error.message))
        observed = self._result_observation(step, result, code, repeated=times > 1)
        self._observe(step, replace(observed, text=f"{render('edited')}\n{observed.text}") if step.edited else observed)
        if error is not None:
            self._failures.give_up(times, f"its code failed with {error.kind}: {error.message}")
        return None

    def _result_observation(self, step: StepDraft, result: ExecResult, code: str, *, repeated: bool) -> Observation:
        lost = self._session.take_lost() or result.state_lost
        return observe_result(
            replace(result, state_lost=lost),
            step.printed,
            code,
            self._spec.tags,
            max_characters=self._spec.max_print_outputs_length,
            repeated=repeated,
        )

    def _as_written(self, answer: Answer) -> str:
        return written(answer, self._spec.tags)


def _ran(step: StepDraft, code: str, error: ExecError | None = None, *, stopped: bool = False) -> RanCode:
    return RanCode(
        step=step.number,
        code=code,
        calls=tuple(step.calls),
        output="".join(step.output),
        failed=error is not None,
        stopped=stopped or (error is not None and error.kind in SANDBOX_ERRORS),
    )
