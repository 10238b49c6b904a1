"""Messages of the transcript, in the shape that the page's Chatbot takes over the wire.

A step is one assistant message of Markdown that the page's style shows as a card; an answer is ordinary text.
Everything here is a pure function of the folded run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal, TypedDict

from agentui.events import ArtifactCreated
from agentui.ui.branch_markup import FORK_BUTTON, divergence
from agentui.ui.cuts import cut_words, not_begun, steered, was_cut
from agentui.ui.decisions import decision_notes
from agentui.ui.markdown import Block, Prose, code_block, output_block, text_html, verbatim_html
from agentui.ui.notes import retry_notes
from agentui.ui.uploads import Upload
from agentui.ui.words import humane, seconds, size
from agentui.view import RunView, StepView, ToolCallView

UPLOADS_PATH = "gradio_api/agentui/uploads"
ARTIFACTS_PATH = "gradio_api/agentui/artifacts"
_SHOWN_VALUE = 200
"Characters of a tool's argument or result that the card shows; the details have the whole."

_SHOWN_TASK = 5_000


class TextPart(TypedDict):
    """A piece of text of a message."""

    text: str
    type: Literal["text"]


class Message(TypedDict):
    """A message as `gr.Chatbot` sends it to the browser."""

    role: Literal["user", "assistant"]
    metadata: None
    content: list[TextPart]
    options: None


def message(role: Literal["user", "assistant"], text: str) -> Message:
    """A message of Markdown."""
    return {"role": role, "metadata": None, "content": [{"text": text, "type": "text"}], "options": None}


def user_message(task: str, attached: Sequence[Upload] = ()) -> Message:
    """What the visitor asked, as it was typed, and what was attached; of a very long task the beginning."""
    more = len(task) - _SHOWN_TASK
    cut = f"\n\n… ({more:,} more characters)" if more > 0 else ""
    chips = "".join(_attached(upload) for upload in attached)
    files = f'<div class="au-attached">{chips}</div>' if chips else ""
    return message("user", f'<div class="au-task">{verbatim_html(task[:_SHOWN_TASK] + cut)}</div>{files}')


def _attached(upload: Upload) -> str:
    """An attached file as it shows; its bytes are never sent back, but for a small picture."""
    name = text_html(upload.name)
    picture = f'<img src="{UPLOADS_PATH}/{upload.upload_id}" alt="">' if upload.thumbnail is not None else ""
    return f'<span class="au-attachment">{picture}<b>{name}</b> <i>{size(upload.size_bytes)}</i></span>'


def note_message(text: str) -> Message:
    """A quiet line; `text` is HTML."""
    return message("assistant", f'<div class="au-note">{text}</div>')


def notice_message(text: str) -> Message:
    """Something the page itself has to say, such as why a task was not started."""
    return message("assistant", f'<div class="au-error">{text_html(text)}</div>')


def follow_up_message(task: str) -> Message:
    """A button for a task that builds on the last one."""
    return message(
        "assistant",
        '<div class="au-next"><span>Go on with</span> <button type="button" class="au-button au-follow-up">'
        f"{text_html(task)}</button></div>",
    )


def step_message(step: StepView, run_id: str = "") -> Message:
    """A finished step, of the run with this id."""
    return message("assistant", step_markdown(step, run_id))


def step_markdown(step: StepView, run_id: str = "") -> str:
    """A step as far as it is known; without a `run_id` its head selects nothing."""
    end = step.end
    thought = "" if end and end.is_final and end.code is None else str(step.thought)
    parts = [
        step_head(step, run_id),
        reasoning(Prose(str(step.reasoning)).close(), live=False),
        Prose(thought).close(),
        code_block(str(step.code)).render(closed=True) if step.code else "",
        *decision_notes(step.approvals, live=end is None),
        output_section(output_block(str(step.output).removesuffix("\n"))) if step.output else "",
        attachments(step),
        divergence(step.diverged) if step.diverged else "",
        error_block(end.error) if end and end.error and not was_cut(end) and not steered(end) else "",
    ]
    return "\n\n".join(part for part in parts if part)


def step_head(step: StepView, run_id: str = "") -> str:
    """The title line: which step, how long, how many tokens. Its name is a button that selects the step of the run."""
    name = "Plan" if step.kind == "planning" else f"Step {step.number}"
    facts: list[str] = []
    state, cut = "live", ""
    if step.end is not None:
        cut = steered(step.end) or cut_words(step.end)
        if not not_begun(step.end):
            facts.append(seconds(step.end.timing.finished - step.end.timing.started))
        if step.end.usage is not None:
            estimated = "≈" if step.end.usage.source != "reported" else ""
            facts.append(f"{estimated}{step.end.usage.total_tokens:,} tokens")
        state = "stopped" if was_cut(step.end) or steered(step.end) else "failed" if step.end.error else "done"
    said = {
        "failed": '<span class="au-mark">failed</span>',
        "stopped": f'<span class="au-fact">{cut}</span>',
    }.get(state, "")
    if step.diverged is not None:
        said += '<span class="au-unlike">not as recorded</span>'
    more = "".join(f'<span class="au-fact">{fact}</span>' for fact in facts)
    title, about = f"<b>{name}</b>", ""
    if run_id:
        title, about = (
            f'<button type="button" class="au-select">{title}</button>',
            f" au-step-{step.number} au-run-{run_id}",
        )
        if step.end is not None:
            said += FORK_BUTTON
    return f'<div class="au-head au-{state}{about}">{title}{more}{said}</div>'


def reasoning(text: str, *, live: bool) -> str:
    """Reasoning that can be folded away; its text stays in the page either way."""
    if not text:
        return ""
    return (
        f'<details class="au-reasoning"{" open" if live else ""}><summary>Reasoning</summary>\n\n{text}\n\n</details>'
    )


def output_section(block: Block, *, closed: bool = True) -> str:
    """A block of printed text under its label."""
    cut = " au-output-cut" if block.cut else ""
    return f'<div class="au-label{cut}">Output</div>\n\n{block.render(closed=closed)}'


def attachments(step: StepView, *, waiting: bool = False) -> str:
    """Retries, tool calls and artifacts of a step; `waiting` if the next attempt has not begun."""
    retries = retry_notes(step.retries, waiting=waiting, error=step.end.error if step.end else None)
    calls = [tool_call(call) for call in step.calls.values()]
    return "\n\n".join([*retries, *calls, *(artifact(made) for made in step.artifacts)])


def tool_call(call: ToolCallView) -> str:
    """A host tool call in a line."""
    arguments = ", ".join(f"{name}={shown(value)}" for name, value in call.started.arguments.items())
    line = f"<code>{text_html(f'{call.started.name}({arguments})')}</code>"
    end = call.finished
    if end is None:
        line += ' <span class="au-fact">calling …</span>'
    elif end.error is not None:
        line += f' <span class="au-failed">failed: {text_html(end.error)}</span>'
    else:
        line += f" → <code>{text_html(shown(end.result))}</code>"
    if end is not None:
        line += f' <span class="au-fact">{seconds(end.duration_s)}</span>'
    if call.subagent is None:
        return f'<div class="au-call"><span class="au-tag">tool</span> {line}</div>'
    return f'<div class="au-call"><span class="au-tag">agent</span> {line}</div>\n\n{subagent(call.subagent)}'


def subagent(view: RunView) -> str:
    """What a called agent did, folded away."""
    count = len(view.steps)
    body = "\n\n".join(step_markdown(step) for step in view.steps)
    steps = f"{count} {'step' if count == 1 else 'steps'} of the called agent"
    return f'<details class="au-reasoning"><summary>{steps}</summary>\n\n{body}\n\n</details>' if count else ""


def artifact(made: ArtifactCreated) -> str:
    """A picture in place, anything else as a link that downloads it."""
    url = f"{ARTIFACTS_PATH}/{made.artifact_id}"
    name = text_html(made.name)
    if made.media_type in {"image/png", "image/jpeg", "image/gif", "image/webp"}:
        return f'<div class="au-picture"><a href="{url}" title="Open {name}"><img src="{url}" alt="{name}"></a></div>'
    return (
        f'<div class="au-file"><a href="{url}" download="{name}">{name}</a> '
        f'<span class="au-fact">{text_html(made.media_type)} · {size(made.size_bytes)}</span></div>'
    )


def error_block(error: str) -> str:
    """What went wrong, where it went wrong."""
    if "\n" in error.strip():
        return f'<div class="au-label au-failed">Error</div>\n\n{output_block(error.strip()).render(closed=True)}'
    return f'<div class="au-error">{text_html(humane(error))}</div>'


def shown(value: Any) -> str:
    """A value in a short line."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_VALUE else f"{text[:_SHOWN_VALUE]}…"
