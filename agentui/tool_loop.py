"""The loop of an agent whose model calls tools natively. Calls of one answer run side by side, in the host."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from agentui.draft import StepDraft
from agentui.effects import MAX_EFFECTS, MORE
from agentui.errors import ToolError
from agentui.jsonable import jsonable
from agentui.loop import Loop
from agentui.messages import ChatMessage, ToolCall
from agentui.observe import Observation, mistake, observe_rejection, shorten
from agentui.parse import Answer
from agentui.prompts import render
from agentui.steering_events import Effect
from agentui.tool_caller import ToolCaller
from agentui.tools import FINAL_ANSWER


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    call: ToolCall
    value: Any = None
    error: str | None = None

    @property
    def is_final(self) -> bool:
        return self.call.name == FINAL_ANSWER.name and self.error is None

    @property
    def text(self) -> str:
        if self.error is not None:
            return f"Error: {self.error}"
        return self.value if isinstance(self.value, str) else json.dumps(jsonable(self.value), ensure_ascii=False)


class ToolLoop(Loop):
    """One run of a `ToolCallingAgent`."""

    async def _act(self, step: StepDraft) -> Any:
        reply = await self._answer(step)
        calls = reply.tool_calls
        wrong = mistake(reply, complete=bool(calls) and reply.finish_reason != "length")
        if wrong is not None:
            self._remember("assistant", self._as_written(reply.answer))
            return await self._correct(step, reply, wrong)
        self._session.messages.append(ChatMessage(role="assistant", content=step.answer.thought, tool_calls=calls))
        outcomes = await self._call_all(step, calls)
        if step.observation is not None:  # rejected
            return None
        final = next((outcome for outcome in outcomes if outcome.is_final), None)
        if final is not None:
            return await self._checked(step, final.value)
        self._take_in(step, outcomes)
        return None

    def _as_written(self, answer: Answer) -> str:
        return answer.thought

    async def _call_all(self, step: StepDraft, calls: Sequence[ToolCall]) -> list[_Outcome]:
        caller = ToolCaller(step, self._spec, self._call_ids)
        outcomes: list[_Outcome] = []
        try:
            outcomes = await self._rejected(step, calls) or await asyncio.gather(
                *(_call(caller, call) for call in calls)
            )
        finally:  # every call needs its answer in the conversation, or the server refuses the next turn
            texts = [outcome.text for outcome in outcomes] or ["(stopped)"] * len(calls)
            for call, result in zip(calls, texts, strict=True):
                text = shorten(result, self._spec.max_print_outputs_length)
                self._session.messages.append(ChatMessage(role="tool", content=text, tool_call_id=call.call_id))
        return outcomes

    async def _rejected(self, step: StepDraft, calls: Sequence[ToolCall]) -> list[_Outcome]:
        """Have somebody decide about the calls; what each of them leads to if they are rejected, else nothing."""
        asked = [call for call in calls if call.name != FINAL_ANSWER.name]
        if not (step.run.approval.on and asked):
            return []
        decided = await step.run.approval.settle(
            step.run.emit,
            step=step.number,
            code="\n".join(f"{call.name}({call.arguments})" for call in asked),
            effects=_effects(asked),
            editable=False,
        )
        if decided.decision != "rejected":
            return []
        observed = observe_rejection("this call" if len(asked) == 1 else "these calls", decided.reason)
        step.observation, step.error = observed.text, observed.error
        return [_Outcome(call=call, error=observed.text) for call in calls]

    def _take_in(self, step: StepDraft, outcomes: Sequence[_Outcome]) -> None:
        most = self._spec.max_print_outputs_length
        lines = [f"{outcome.call.name}: {shorten(outcome.text, most)}" for outcome in outcomes]
        errors = [f"{outcome.call.name}: {outcome.error}" for outcome in outcomes if outcome.error is not None]
        step.observation, step.error = "\n".join(lines), "\n".join(errors) or None
        failure = tuple((o.call.name, o.call.arguments, o.error) for o in outcomes if o.error is not None) or None
        if self._failures.check(failure, "; ".join(errors)):
            self._observe(step, Observation(text=f"{step.observation}\n{render('repeated')}", error=step.error))


def _effects(calls: Sequence[ToolCall]) -> tuple[Effect, ...]:
    """The tools that are called, each once; where they are too many to be listed the last one says so."""
    found: dict[str, Effect] = {}
    for line, call in enumerate(calls, 1):
        if len(found) == MAX_EFFECTS and call.name not in found:
            return (*list(found.values())[:-1], Effect(kind="dynamic", what=MORE, line=line))
        found.setdefault(call.name, Effect(kind="tool", what=call.name, line=line))
    return tuple(found.values())


async def _call(caller: ToolCaller, call: ToolCall) -> _Outcome:
    try:
        given: Any = json.loads(call.arguments or "{}")
    except ValueError as error:
        return _Outcome(call=call, error=f"the arguments are not valid JSON: {error}")
    if not isinstance(given, dict):
        return _Outcome(call=call, error="the arguments are not a JSON object")
    arguments = cast(dict[str, Any], given)
    if call.name == FINAL_ANSWER.name:
        return _Outcome(call=call, value=arguments.get("answer", arguments))
    try:
        return _Outcome(call=call, value=await caller.call(call.name, [], arguments, call_id=call.call_id))
    except ToolError as error:
        return _Outcome(call=call, error=str(error))
