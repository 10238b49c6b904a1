"""One run as the transcript shows it: finished steps, which never change again, and the step that goes on.

A record costs time linear in its own text, and a frame of the live step little more than joining strings, however
long the answer and however many steps there are. While a text grows, the live message only gets longer, so the
page is sent no more than what was added.
"""

from __future__ import annotations

from agentui.events import (
    CodeDelta,
    CodeStarted,
    ContextCompacted,
    ModelRetried,
    OutputDelta,
    ReasoningDelta,
    Record,
    RunFinished,
    StepFinished,
    StepStarted,
    TextDelta,
)
from agentui.ui.chat import (
    Message,
    attachments,
    compacted_message,
    end_messages,
    message,
    output_section,
    reasoning,
    step_head,
    step_message,
    user_message,
)
from agentui.ui.markdown import Block, Prose, code_block, live_code_block, output_block
from agentui.view import RunView, StepView

PROSE_SHARE = 6
"So many characters of prose cost a browser as much as one of code, which it highlights."


class RunTranscript:
    """The messages of one run.

    Attributes:
        view: The folded run.
        settled: Messages that will not change any more, oldest first.
    """

    def __init__(self, task: str) -> None:
        self.view = RunView()
        self.settled: list[Message] = [user_message(task)]
        self._live: LiveStep | None = None

    def apply(self, record: Record) -> bool:
        """Fold one record in; True if `settled` grew."""
        self.view.apply(record)
        event = record.event
        match event:
            case StepStarted():
                self._live = LiveStep(self.view.steps[-1])
                return False
            case StepFinished():
                self._live = None
                self.settled.append(step_message(self.view.steps[-1]))
                return True
            case ContextCompacted():
                self.settled.append(compacted_message(event))
                return True
            case RunFinished():
                self._live = None
                self.settled += end_messages(event, self.view.steps[-1] if self.view.steps else None)
                return True
            case _:
                if self._live is not None:
                    self._live.apply(record)
                return False

    @property
    def live(self) -> list[Message]:
        """The message of the step that goes on, if there is one."""
        return [] if self._live is None else [message("assistant", self._live.render())]

    @property
    def weight(self) -> int:
        """What the last frame of the live step cost a browser, in characters of growing code."""
        return 0 if self._live is None else self._live.weight


class LiveStep:
    """The Markdown of a step that goes on: its sections in their order, the last one still growing."""

    def __init__(self, step: StepView) -> None:
        self._step = step
        self._reset()
        self.weight = 0

    def apply(self, record: Record) -> None:
        """Take the next record of the step."""
        event = record.event
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
                self._running = True
            case ModelRetried():
                self._reset()
            case _:
                pass

    def render(self) -> str:
        """The message."""
        parts = [step_head(self._step)]
        growing = self._growing()
        if self._reasoning:
            parts.append(self._render_reasoning(growing is self._reasoning))
        if self._thought:
            parts.append(self._thought.render() if growing is self._thought else self._thought.close())
        if self._code:
            parts.append(self._code.render(closed=growing is not self._code))
        if more := attachments(self._step):
            parts.append(more)
        if self._output:
            parts.append(output_section(self._output.render(closed=False)))
        text = "\n\n".join(parts)
        self.weight = len(text) if growing is self._code else len(text) // PROSE_SHARE
        return text

    def _reset(self) -> None:
        self._reasoning = Prose()
        self._thought = Prose()
        self._code: Block = live_code_block()
        self._output: Block = output_block()
        self._running = False

    def _growing(self) -> Prose | Block | None:
        """The section that the next delta most likely belongs to."""
        if self._running:
            return self._output
        return next((part for part in (self._code, self._thought, self._reasoning) if part), None)

    def _render_reasoning(self, growing: bool) -> str:
        if growing:  # an open element at the end: what comes next is appended inside
            return f'<details class="au-reasoning" open><summary>Reasoning</summary>\n\n{self._reasoning.render()}'
        return reasoning(self._reasoning.close(), live=True)
