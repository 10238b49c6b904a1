"""What a model is to say so that a step happens as it did: the recorded answer, in the agent's own form of today."""

from __future__ import annotations

import json
from dataclasses import dataclass

from agentui.jsonable import clean_text
from agentui.messages import FinishReason, ToolCall
from agentui.observe import NO_TOOL_CALL, TRUNCATED
from agentui.parse import Answer, CodeTags, written
from agentui.past_run import PastRun, PastStep
from agentui.tools import FINAL_ANSWER


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAnswer:
    """An answer that is given once more."""

    reasoning: str = ""
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason = "stop"
    moments: tuple[tuple[float, int], ...] = ()
    "How many seconds after the request how many characters came."
    took_s: float = 0.0
    "From the request to the end of the answer."
    ends: str | None = None
    "Why nothing follows what there is of it; None for a whole answer."


def past_answer(run: PastRun, step: PastStep, tags: CodeTags, *, native: bool) -> PastAnswer:
    """The answer of a step.

    Args:
        run: The recorded run.
        step: One of its steps.
        tags: What the agent's model puts around code.
        native: The agent's model calls tools natively.
    """
    end = step.end
    if end is None:
        return PastAnswer(ends=run.how_it_ended())
    cut = run.was_cut(step) and step.code is None and not step.calls
    truncated = (end.error or "").startswith(TRUNCATED)
    code = None if native or step.kind == "planning" else step.code or end.code
    answer = Answer(thought=end.thought, code=code, closed=not (truncated or cut))
    calls = _native_calls(run, step) if native else () if code else _written_calls(step)
    finished = end.timing.model_finished
    return PastAnswer(
        reasoning=end.reasoning,
        content=written(answer, tags) if code else end.thought or (end.code or "" if step.kind == "planning" else ""),
        tool_calls=calls,
        finish_reason="length" if truncated else "tool_calls" if calls else "stop",
        moments=tuple((t - step.asked_at, size) for t, size in step.moments),
        took_s=0.0 if finished is None else finished - step.asked_at,
        ends=run.how_it_ended() if cut else None,
    )


def _native_calls(run: PastRun, step: PastStep) -> tuple[ToolCall, ...]:
    """The calls of an answer: as they were written, else as they were made."""
    calls = {call.call_id: call for call in _written_calls(step)}
    for call_id, call in step.calls.items():
        calls.setdefault(call_id, ToolCall(call_id=call_id, name=call.name, arguments=json.dumps(call.arguments)))
    if step.end is not None and step.end.is_final and not any(c.name == FINAL_ANSWER.name for c in calls.values()):
        calls |= _last_call(run, step)
    return tuple(
        ToolCall(call_id=call.call_id, name=call.name, arguments=call.arguments, index=index)
        for index, call in enumerate(calls.values())
    )


def _written_calls(step: PastStep) -> tuple[ToolCall, ...]:
    return tuple(
        ToolCall(call_id=call_id, name=call.name, arguments="".join(call.parts), index=index)
        for index, (call_id, call) in enumerate(step.written.items())
    )


def _last_call(run: PastRun, step: PastStep) -> dict[str, ToolCall]:
    """The call that ended the run, which only its answer tells of; none where prose was taken as the answer."""
    before = run.steps[step.number - 2].end if step.number > 1 else None
    output = run.end.output if run.end else None
    if before is not None and before.error == NO_TOOL_CALL and step.end and output == step.end.thought:
        return {}
    call_id = f"final_{step.number}"
    arguments = clean_text(json.dumps({"answer": output}))
    return {call_id: ToolCall(call_id=call_id, name=FINAL_ANSWER.name, arguments=arguments)}
