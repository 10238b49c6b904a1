"""Compare a run with the recording that its model's answers come from, while it happens.

The first difference is said once, right behind the record that shows it; the run goes on. What a called agent does
is compared in the same way, and counts as part of the same run. Times, tokens and pictures are not compared.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from os.path import commonprefix
from typing import Any, Literal, TypeAlias

from agentui.events import (
    CodeStarted,
    Diverged,
    Record,
    StepFinished,
    StepStarted,
    ToolCallFinished,
    ToolCallStarted,
)
from agentui.jsonable import clean_text, jsonable
from agentui.models.recorded import RecordingEnded
from agentui.observe import TRUNCATED
from agentui.past_run import PastCall, PastRun, PastStep
from agentui.runner import Emit, Run

What: TypeAlias = Literal["request", "output", "result", "error", "steps"]
MAX_CHARS = 2_000
"Of either side of a difference; it begins a little before the first place that differs."
_BEFORE = 80


@dataclass(slots=True)
class Once:
    """Whether a difference has been said, in a run or in an agent that it called."""

    said: bool = False


class Comparison:
    """Compares one run.

    Attributes:
        past: The recorded run.
        step: The recorded step that the current one is to be like; None where there is none.
        once: Shared with the comparisons of called agents.
    """

    def __init__(self, past: PastRun, once: Once | None = None) -> None:
        self.past = past
        self.step: PastStep | None = None
        self.once = once or Once()
        self._emit: Emit = _nowhere
        self._left = list(past.steps)
        self._number = 0
        self._started: dict[str, ToolCallStarted] = {}
        self._calls: list[PastCall] = []
        self._taken: list[PastCall] = []

    async def watch(self, run: Run, body: Callable[[Run], Any]) -> Any:
        """Run `body`, and compare what it does and how it ends."""
        self._emit = run.emit
        run.listen(self._take)
        try:
            answer = await body(run)
        except Exception as error:
            if self.past.completed and not isinstance(error, RecordingEnded):
                self._say("error", "the run completed its task", f"the run ends: {error}")
            raise
        recorded = self.past.end.output if self.past.end else None
        if self.past.completed and _text(recorded) != _text(answer):
            self._say("result", f"the answer {_text(recorded)}", f"the answer {_text(answer)}")
        return answer

    def take_called(self, name: str, task: str) -> PastRun | None:
        """The recorded run of an agent that the step calls, each of them once: that with its task, else the next."""
        calls = [call for call in self._calls if call.name == name and call.run is not None and call not in self._taken]
        same = [call for call in calls if call.run and call.run.start and call.run.start.task == clean_text(task)]
        found = next(iter([*same, *calls]), None)
        if found is None:
            return None
        self._taken.append(found)
        return found.run

    def _take(self, record: Record) -> None:
        match record.event:
            case StepStarted() as event:
                self._begin(event)
            case CodeStarted(code=code):
                if self.step is not None and self.step.code not in {None, code}:
                    self._say("request", self.step.code or "", code)
            case ToolCallStarted() as event:
                self._started[event.call_id] = event
            case ToolCallFinished() as event if self.step is not None and event.call_id in self._started:
                self._compare_call(self.step, self._started.pop(event.call_id), event)
            case StepFinished() as event if self.step is not None:
                self._compare_step(self.step, event)
            case _:
                pass

    def _begin(self, event: StepStarted) -> None:
        """Find the recorded step for a new one: the next, or where another kind is due, the next of that kind."""
        self._number, self.step = event.step, None
        if self._left and self._left[0].kind != event.kind:
            self._say("request", f"{self._left[0].kind} step", f"{event.kind} step")
        elif not self._left and self.past.completed:
            self._say("steps", f"the run had {len(self.past.steps)} steps", f"step {event.step} begins")
        while self._left and self.step is None:
            step = self._left.pop(0)
            self.step = step if step.kind == event.kind else None
        self._calls = list(self.step.calls.values()) if self.step else []

    def _compare_call(self, step: PastStep, started: ToolCallStarted, now: ToolCallFinished) -> None:
        same = [
            call
            for call in self._calls
            if (call.name, _text(call.arguments)) == (started.name, _text(started.arguments))
        ]
        if not same:
            if not self.past.was_cut(step):
                recorded = _call(self._calls[0].name, self._calls[0].arguments) if self._calls else "no such call"
                self._say("request", recorded, _call(started.name, started.arguments))
            return
        self._calls.remove(same[0])
        if (then := same[0].end) is None:
            return
        if then.error != now.error:
            self._say("error", then.error or "no error", now.error or "no error")
        elif _text(then.result) != _text(now.result):
            self._say("result", _text(then.result), _text(now.result))

    def _compare_step(self, step: PastStep, now: StepFinished) -> None:
        then = step.end
        if then is None or self.past.was_cut(step):
            return
        if self._calls:
            self._say("request", _call(self._calls[0].name, self._calls[0].arguments), "no such call")
        if then.output != now.output:
            self._say("output", then.output, now.output)
        if not (then.error or "").startswith(TRUNCATED):  # which names tokens, and here none are counted
            if then.error != now.error:
                self._say("error", then.error or "no error", now.error or "no error")
            if then.observation != now.observation:
                self._say("output", then.observation or "", now.observation or "")
        if now.is_final and self._left:
            self._say("steps", f"step {self._left[0].number} follows", f"the run ends with step {now.step}")

    def _say(self, what: What, recorded: str, now: str) -> None:
        if self.once.said:
            return
        self.once.said = True
        recorded, now = _near_difference(recorded, now)
        self._emit(Diverged(step=max(1, self._number), what=what, recorded=recorded, now=now))


def _near_difference(recorded: str, now: str) -> tuple[str, str]:
    start = max(0, len(commonprefix([recorded, now])) - _BEFORE) if max(len(recorded), len(now)) > MAX_CHARS else 0
    before = "…" if start else ""
    cut = [text[start:] for text in (recorded, now)]
    first, second = (f"{before}{text[:MAX_CHARS]}{'…' if len(text) > MAX_CHARS else ''}" for text in cut)
    return first, second


def _call(name: str, arguments: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={_text(value)}' for key, value in arguments.items())})"


def _text(value: Any) -> str:
    return json.dumps(jsonable(value), sort_keys=True, ensure_ascii=False)


def _nowhere(event: Any) -> None:
    """Before the run has begun there is nothing to say."""
