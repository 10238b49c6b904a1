"""One run as the transcript shows it: finished steps, which never change again, and the step that goes on.

A record costs time linear in its own text, and a frame of the live step little more than joining strings, however
long the answer and however many steps there are. While a text grows, the live message only gets longer, so the
page is sent no more than what was added.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentui.events import (
    CodeDelta,
    CodeStarted,
    ContextCompacted,
    Diverged,
    MessageAdded,
    ModelRetried,
    OutputDelta,
    ParentRun,
    ReasoningDelta,
    Record,
    RunFinished,
    RunStarted,
    StateRestored,
    StepFinished,
    StepStarted,
    StopRequested,
    TextDelta,
)
from agentui.ui.chat import (
    Message,
    attachments,
    message,
    note_message,
    output_section,
    reasoning,
    step_head,
    step_message,
    user_message,
)
from agentui.ui.decisions import decision_notes
from agentui.ui.ending import answer, answer_block, end_card, stop_proof
from agentui.ui.markdown import Block, Prose, code_block, live_code_block, output_block, text_html
from agentui.ui.notes import compaction_text, missing_text, note, resumed_text
from agentui.ui.uploads import Upload
from agentui.unfinished import Unfinished
from agentui.view import RunView, StepView

PROSE_SHARE = 6
"So many characters of prose cost a browser as much as one of code, which it highlights."


class RunTranscript:
    """The messages of one run.

    Args:
        task: What the visitor asked; None for a run that goes on with an earlier one.
        earlier: The run before it in the chat, if there is one.
        attached: Files that came with the task.

    Attributes:
        view: The folded run.
        settled: Messages that will not change any more, oldest first.
        output: The value behind the answer, as far as it is more than the records have. Set before the run ends.
        left: What there is to go on with. Set before the run ends.
        begun: How many of the settled messages come before the first step.
        after_steps: How many there are with each finished step, by its number.
    """

    def __init__(self, task: str | None, earlier: RunTranscript | None = None, attached: Sequence[Upload] = ()) -> None:
        self.view = RunView()
        self.settled: list[Message] = [] if task is None else [user_message(task, attached)]
        self.begun = len(self.settled)
        self.after_steps: dict[int, int] = {}
        self.output: Any = None
        self.left: Unfinished | None = None
        self._earlier = earlier.view if earlier else None
        self._live: LiveStep | None = None
        self._stopped_at: float | None = None
        "When a stop was asked for while code ran."

    def apply(self, record: Record) -> bool:
        """Fold one record in; True if `settled` or `tail` changed."""
        self.view.apply(record)
        event = record.event
        match event:
            case RunStarted(parent=ParentRun(relation="resumed")):
                self.settled.append(note_message(text_html(resumed_text(event, self._earlier))))
                self.begun = len(self.settled)
            case StateRestored(missing=missing) if missing:
                self.settled.append(note_message(missing_text(missing)))
                self.begun = len(self.settled)
            case StepStarted():
                self._live = LiveStep(self.view.steps[-1], record.run_id)
                return False
            case StepFinished():
                self._live = None
                self.settled.append(step_message(self.view.steps[-1], record.run_id))
                self.after_steps[event.step] = len(self.settled)
            case Diverged() if event.step in self.after_steps:
                self.settled[self.after_steps[event.step] - 1] = step_message(self.view.steps[-1], record.run_id)
            case MessageAdded():
                self.settled.append(user_message(event.text))
            case ContextCompacted():
                self.settled.append(note_message(compaction_text(event)))
            case RunFinished():
                self._live = None
                if event.status == "completed":
                    self.settled.append(
                        message("assistant", answer_block(answer(self.output, event.output, self.view.run_id)))
                    )
            case _:
                self._apply_to_live(record)
                return False
        return True

    def tail(self, *, is_last: bool) -> list[Message]:
        """How the run ended without an answer; the card's button is there while the run is the chat's last."""
        end = self.view.end
        if end is None or end.status == "completed":
            return []
        proof = stop_proof(self.view, self._stopped_at)
        return [message("assistant", end_card(self.view, end, self.left, proof, can_go_on=is_last))]

    @property
    def live(self) -> list[Message]:
        """The message of the step that goes on, if there is one."""
        return [] if self._live is None else [message("assistant", self._live.render())]

    @property
    def weight(self) -> int:
        """What the last frame of the live step cost a browser, in characters of growing code."""
        return 0 if self._live is None else self._live.weight

    def _apply_to_live(self, record: Record) -> None:
        if self._live is None:
            return
        if isinstance(record.event, StopRequested) and self._live.running:
            self._stopped_at = record.t
        self._live.apply(record)


class LiveStep:
    """The Markdown of a step that goes on: its sections in their order, the last one still growing.

    Attributes:
        running: Its code runs.
        weight: As of `RunTranscript`.
    """

    def __init__(self, step: StepView, run_id: str) -> None:
        self._step = step
        self._run_id = run_id
        self._waiting = False
        self._stopping = False
        self._reset()
        self.weight = 0

    def apply(self, record: Record) -> None:
        """Take the next record of the step."""
        event = record.event
        self._waiting = isinstance(event, ModelRetried)
        match event:
            case ReasoningDelta():
                self._reasoning.feed(event.text)
            case TextDelta():
                self._thought.feed(event.text)
            case CodeDelta():
                self._code.feed(event.text)
            case OutputDelta():
                self._output.feed(event.text)
            case CodeStarted():
                self._code = code_block(event.code)
                self.running = True
            case ModelRetried():
                self._reset()
            case StopRequested():
                self._stopping = True
            case _:
                pass

    def render(self) -> str:
        """The message."""
        parts = [step_head(self._step, self._run_id)]
        growing = self._growing()
        if self._reasoning:
            parts.append(self._render_reasoning(growing is self._reasoning))
        if self._thought:
            parts.append(self._thought.render() if growing is self._thought else self._thought.close())
        if self._code:
            parts.append(self._code.render(closed=growing is not self._code))
        parts += decision_notes(self._step.approvals, live=not self._stopping)
        if more := attachments(self._step, waiting=self._waiting):
            parts.append(more)
        if self._output:
            parts.append(output_section(self._output, closed=self._stopping))
        if self._stopping:
            parts.append(note("Stopping …"))
        text = "\n\n".join(parts)
        self.weight = len(text) if growing is self._code else len(text) // PROSE_SHARE
        return text

    def _reset(self) -> None:
        self._reasoning = Prose()
        self._thought = Prose()
        self._code: Block = live_code_block()
        self._output: Block = output_block()
        self.running = False

    def _growing(self) -> Prose | Block | None:
        """The section that the next delta most likely belongs to."""
        if self.running:
            return self._output
        if self._step.approvals:
            return None
        return next((part for part in (self._code, self._thought, self._reasoning) if part), None)

    def _render_reasoning(self, growing: bool) -> str:
        if growing:  # an open element at the end: what comes next is appended inside
            return f'<details class="au-reasoning" open><summary>Reasoning</summary>\n\n{self._reasoning.render()}'
        return reasoning(self._reasoning.close(), live=True)
