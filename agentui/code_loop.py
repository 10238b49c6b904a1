"""The loop of an agent that writes code: the code of an answer runs in the session's sandbox."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from agentui.draft import StepDraft
from agentui.execute import execute
from agentui.loop import Loop
from agentui.messages import ToolCall
from agentui.models.wire import as_object
from agentui.observe import Observation, mistake, observe_result
from agentui.sandbox.base import ExecResult

_PYTHON_TOOLS = frozenset({"python", "python_interpreter", "code_interpreter", "code", "execute_python"})


class CodeLoop(Loop):
    """One run of a `CodeAgent`."""

    async def _act(self, step: StepDraft) -> Any:
        try:
            reply = await self._ask(step, self._session.messages)
        finally:  # what the model said before a stop or a failure is still known to the next turn
            self._remember("assistant", self._as_written(step) or "(no answer)")
        code = reply.answer.code or code_of_calls(reply.tool_calls)
        wrong = mistake(reply, complete=code is not None and reply.answer.closed)
        if wrong is not None:
            return await self._correct(step, reply, wrong)
        return await self._run_code(step, code or "")

    async def _run_code(self, step: StepDraft, code: str) -> Any:
        sandbox = await self._session.interpreter(self._spec.pool, list(self._spec.tools))
        try:
            result = await execute(step, self._spec, sandbox, code, self._call_ids)
        except asyncio.CancelledError:
            self._remember("user", "Observation:\n(stopped while this code was running)")
            raise
        if result.is_final and result.error is None:
            return await self._checked(step, result.value)
        error = result.error
        failure = None if error is None else (code, error.kind, error.message)
        what = "" if error is None else f"its code failed with {error.kind}: {error.message}"
        repeated = self._failures.check(failure, what)
        self._observe(step, self._result_observation(step, result, code, repeated=repeated))
        return None

    def _result_observation(self, step: StepDraft, result: ExecResult, code: str, *, repeated: bool) -> Observation:
        return observe_result(
            result,
            "".join(step.output),
            code,
            self._spec.tags,
            max_characters=self._spec.max_print_outputs_length,
            repeated=repeated,
        )

    def _as_written(self, step: StepDraft) -> str:
        answer, tags = step.answer, self._spec.tags
        if answer.code is None:
            return answer.thought
        return f"{answer.thought}\n{tags.opening}\n{answer.code}\n{tags.closing}".lstrip()


def code_of_calls(calls: Sequence[ToolCall]) -> str | None:
    """The code that a model meant which answers with native calls although it was asked for code; None if none."""
    lines = [_line(call) for call in calls]
    return "\n".join(line for line in lines if line) or None


def _line(call: ToolCall) -> str | None:
    try:
        given = json.loads(call.arguments or "{}")
    except ValueError:
        return call.arguments if call.name in _PYTHON_TOOLS else None
    arguments = as_object(given)
    if call.name in _PYTHON_TOOLS:
        return next((value for value in arguments.values() if isinstance(value, str)), None)
    if not isinstance(given, dict) or not call.name.isidentifier():
        return None
    if call.name == "final_answer":
        return f"final_answer({next(iter(arguments.values()), None)!r})"
    return f"print({call.name}(**{given!r}))"
