"""A model whose words are recorded. Only the words: the code runs, the tokens are counted, time passes.

The next answer is found in the conversation itself, so one `DemoModel` serves any number of runs. Where the
recording does not fit, the model says so instead of playing on.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from string import Template

from agentui.demo.place import place_of
from agentui.demo.script import EXAMPLES, RecordedAnswer, Script
from agentui.messages import ChatMessage, ChatMessageStreamDelta, MessageLike, ToolSchema, as_message
from agentui.models.base import Model
from agentui.models.scripted import Answer, Reasoning, play_answer, split_text

DELTAS_PER_SECOND = 60
PACES = {"fast": 4.0, "slow": 0.4}
"How often that many deltas come, by the name of a pace."
_ANSWERS = Path(__file__).parent / "answers"


class DemoModel(Model):
    """Plays the recorded answers of `EXAMPLES`, through the same face as a real model.

    Args:
        delta_delay_s: Seconds before each delta; by default about 60 come in a second.
    """

    def __init__(self, *, delta_delay_s: float = 1 / DELTAS_PER_SECOND, model_id: str = "demo") -> None:
        self.model_id = model_id
        self._delta_delay_s = delta_delay_s

    def at(self, pace: str) -> DemoModel:
        """The same model at one of `PACES`, and named after it; itself for any other name."""
        if pace not in PACES:
            return self
        return DemoModel(delta_delay_s=self._delta_delay_s / PACES[pace], model_id=f"demo-{pace}")

    async def stream(
        self,
        messages: Sequence[MessageLike],
        stop_sequences: Sequence[str] | None = None,
        *,
        tools: Sequence[ToolSchema] | None = None,
    ) -> AsyncGenerator[ChatMessageStreamDelta, None]:
        """Stream the recorded answer that comes next in this conversation, or say honestly that there is none."""
        conversation = [as_message(message) for message in messages]
        answer = _parts(next_answer(conversation))
        async with aclosing(play_answer(answer, conversation, stop_sequences, self._delta_delay_s)) as deltas:
            async for delta in deltas:
                yield delta


def next_answer(conversation: Sequence[ChatMessage]) -> RecordedAnswer:
    """The answer that the recording of the last task has at this point of the conversation."""
    place = place_of(conversation)
    script = _find_script([_normal(task) for task in place.tasks])
    position = place.position(script or ())
    if place.request == "summary":
        return RecordedAnswer(text=place.summary(position))
    if script is None:
        return _say("no_script")
    if place.request == "plan":
        return _say("plan")
    if position >= len(script) or (position > 0 and script[position].after not in place.observation):
        return _say("does_not_fit")
    return script[position]


def _find_script(asked: Sequence[str]) -> Script | None:
    """The recording for the last task; a follow-up counts only after the task that it follows."""
    if not asked:
        return None
    *earlier, task = asked
    for example in EXAMPLES:
        if task == _normal(example.task):
            return example.script
        if example.follow_up is not None and task == _normal(example.follow_up) and _normal(example.task) in earlier:
            return example.follow_up_script
    return None


def _normal(task: str) -> str:
    """A task without what people vary: case, spaces, a leading "Task:" and the punctuation at the end."""
    words = " ".join(task.casefold().split())
    return re.sub(r"^(new )?task: ?", "", words).rstrip(" .!?\"'").lstrip(" \"'")


def _say(name: str) -> RecordedAnswer:
    """One of the demo's answers about itself."""
    tasks = "\n".join(f"- {example.task}" + _then(example.follow_up) for example in EXAMPLES)
    template = Template((_ANSWERS / f"{name}.md").read_text(encoding="utf-8"))
    return RecordedAnswer(text=template.substitute(tasks=tasks.replace("\\", "\\\\").replace('"', '\\"')).strip())


def _then(follow_up: str | None) -> str:
    return "" if follow_up is None else f"\n  - and then, in the same conversation: {follow_up}"


def _parts(answer: RecordedAnswer) -> Answer:
    return [*map(Reasoning, split_text(answer.reasoning)), *split_text(answer.text)]
