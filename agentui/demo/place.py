"""Where a conversation stands: its tasks, and which answers to the newest one have been carried out.

An answer that was cut short, or whose code was stopped, was not: its step is the one that comes next. What the loop
says between the turns is told apart by how its prompts begin.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, TypeAlias

from agentui.code_loop import NOT_RUN, STOPPED
from agentui.demo.script import Script
from agentui.messages import ChatMessage
from agentui.prompts import render

Request: TypeAlias = Literal["step", "plan", "summary"]
_Kind: TypeAlias = Literal["task", "observation", "undone", "note", "plan", "summarise", "summary"]

_OBSERVATION = "Observation:"
_TASK_LINE, _DONE_LINE = "Task: ", "Recorded answers carried out: "


@dataclass(slots=True)
class Place:
    """What a conversation says about itself."""

    request: Request = "step"
    "What the model is asked for."
    tasks: list[str] = field(default_factory=list[str])
    "Oldest first."
    done: list[str] = field(default_factory=list[str])
    "Answers to the newest task whose code was carried out, as far as they are still in the conversation."
    start: int = 0
    "How many came before those."
    observation: str = ""
    "What the newest of them led to."
    state_lost: bool = False
    "The variables were gone when its code had run."

    def position(self, script: Script) -> int:
        """Which answer of `script` comes next; all over again where the variables are lost.

        Code that somebody else gave stands in the place of the answer that would have come.
        """
        texts = [_bare(answer.text) for answer in script]
        position = self.start
        for said in map(_bare, self.done):
            position = (texts.index(said) if said in texts else position) + 1
        return 0 if self.state_lost and position > 1 else position

    def summary(self, position: int) -> str:
        """What a summary has to say so that the conversation can be read on."""
        tasks = [_TASK_LINE + " ".join(task.split()) for task in self.tasks]
        return "\n".join([*tasks, f"{_DONE_LINE}{position}"])


def place_of(conversation: Sequence[ChatMessage]) -> Place:
    """Read a conversation."""
    place, said = Place(), ""
    for message in conversation:
        if message.role == "assistant":
            said = message.text
        elif message.role == "user":
            _take(place, _kind(message.text), message.text, said)
            said = ""
    return place


def _take(place: Place, kind: _Kind, text: str, said: str) -> None:
    place.request = "step"
    match kind:
        case "task":
            place.tasks.append(text)
            place.done, place.start, place.observation, place.state_lost = [], 0, "", False
        case "observation":
            place.observation, place.state_lost = text, render("state_lost") in text
            if said:
                place.done.append(said)
        case "summary":
            place.tasks = re.findall(f"^{_TASK_LINE}(.*)$", text, re.MULTILINE)
            done = re.search(f"^{_DONE_LINE}([0-9]{{1,3}})$", text, re.MULTILINE)
            place.done, place.start = [], int(done[1]) if done else 0
        case "plan":
            place.request = "plan"
        case "summarise":
            place.request = "summary"
        case "undone" | "note":
            pass


def _kind(text: str) -> _Kind:
    if text.startswith(_OBSERVATION):
        rejected = text.removeprefix(_OBSERVATION).lstrip().startswith(_rejected())
        return "undone" if rejected or text.endswith((STOPPED, NOT_RUN)) else "observation"
    for head, kind in _heads():
        if text.startswith(head):
            return kind
    return "task"


@cache
def _rejected() -> str:
    """How the observation of code begins that somebody did not let run; the demo has no other code to offer."""
    return render("rejected", what="this code", reason=None).partition(".")[0]


@cache
def _heads() -> list[tuple[str, _Kind]]:
    """How the prompts begin that are no task."""
    tags = {"opening": "", "closing": ""}
    prompts: list[tuple[str, _Kind]] = [
        (render("cut_off", **tags), "undone"),
        (render("interrupted"), "undone"),
        (render("restored", missing={}), "note"),
        (render("plan_made"), "note"),
        (render("planning", first=True), "plan"),
        (render("planning", first=False, remaining_steps=""), "plan"),
        (render("summarise"), "summarise"),
        (render("summary", summary=""), "summary"),
    ]
    return [(prompt.partition(":")[0].partition(".")[0], kind) for prompt, kind in prompts]


def _bare(text: str) -> str:
    """A text without the space in it, which answers are not remembered with exactly."""
    return "".join(text.split())
