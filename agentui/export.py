"""A run as a document: Markdown for people, CSV for the usage table. Both are folds over its records.

Numbers that nobody reported are marked in both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from agentui.events import ArtifactCreated, ContextCompacted, ModelRetried, StopRequested, UpstreamClosed
from agentui.usage import Cost, TokenUsage
from agentui.usage_table import marked, money, usage_notes, usage_table
from agentui.view import RunView, StepView, ToolCallView


def as_markdown(view: RunView) -> str:
    """The whole run, as a document that reads from top to bottom."""
    return "\n\n".join(part for part in [*_document(view), *_usage(view)] if part) + "\n"


def fenced(text: str, language: str = "") -> str:
    """`text` as a Markdown code block that nothing inside can close."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def spent(usage: TokenUsage, cost: Cost | None) -> str:
    """Tokens in words, estimates marked, and dollars where they are known."""
    words = f"{marked(usage.input_tokens, usage)} tokens in, {marked(usage.output_tokens, usage)} out"
    return words if cost is None else f"{words} ({money(cost, usage)})"


def note(event: ContextCompacted | UpstreamClosed | StopRequested) -> str:
    """What happened to the conversation or its connection, in one line."""
    match event:
        case ContextCompacted():
            how = "a summary" if event.summarised else f"{event.elided_observations} observations left out"
            return f"Context shortened from ≈{event.before_tokens:,} to ≈{event.after_tokens:,} tokens: {how}"
        case UpstreamClosed():
            after = f"{event.after_s * 1000:.0f} ms"
            return f"Connection to the model closed after {after}, {spent(event.usage, None)}"
        case StopRequested():
            return "Stop requested"


def _document(view: RunView) -> list[str]:
    task = view.start.task.strip() if view.start else ""
    title = task.splitlines()[0] if task else "A run"
    parts = [f"# {title}", *_head(view)]
    if task != title and task:
        parts.append(fenced(task, "text"))
    parts += [note(compaction) for compaction in view.compactions]
    for step in view.steps:
        parts += _step(step)
    if view.end is not None:
        answer = view.end.output if view.end.status == "completed" else view.end.error
        parts += [f"## {view.end.status.capitalize()}", str(answer)]
    return parts


def _head(view: RunView) -> list[str]:
    if view.start is None:
        return []
    cost = view.end.cost if view.end else None
    return [
        f"Model {view.start.model} · agentui {view.start.agentui_version} · {view.t:.1f} s · {spent(view.usage, cost)}"
    ]


def _usage(view: RunView) -> list[str]:
    table = usage_table(view)
    if not table:
        return []
    heads, *rows = [[_cell(text) for text in row] for row in table]
    lines = [_table_row(heads), _table_row(["---", "---", *["---:"] * (len(heads) - 2)]), *map(_table_row, rows)]
    return ["## Usage", "\n".join(lines), *usage_notes(view)]


def _table_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _step(step: StepView) -> list[str]:
    parts = [f"## {'Plan' if step.kind == 'planning' else 'Step'} {step.number}"]
    parts += [part for retry in step.retries for part in _retry(retry)]
    if step.reasoning:
        parts.append(_quoted(str(step.reasoning)))
    parts.append(str(step.thought))
    if step.code:
        parts.append(fenced(str(step.code), "python"))
    parts += [part for call in step.calls.values() for part in _call(call)]
    if step.output:
        parts.append(fenced(str(step.output), "text"))
    parts += [_artifact(artifact) for artifact in step.artifacts]
    if step.closed is not None:
        parts.append(note(step.closed))
    if step.end is not None and step.end.error:
        parts.append(fenced(step.end.error, "text"))
    if step.end is not None and step.end.usage is not None:
        parts.append(spent(step.end.usage, step.end.cost))
    return parts


def _retry(retry: ModelRetried) -> list[str]:
    paid = f" ({spent(retry.usage, retry.cost)})" if retry.usage else ""
    parts = [f"Attempt {retry.attempt} failed{paid} and was sent again: {retry.reason}"]
    return [*parts, fenced(retry.partial, "text")] if retry.partial else parts


def _call(call: ToolCallView) -> list[str]:
    parts = [f"Call of `{call.started.name}`", fenced(_json(call.started.arguments), "json")]
    if call.subagent is not None:
        parts.append(_quoted("\n\n".join(part for part in _document(call.subagent) if part)))
    if call.finished is None:
        return parts
    took = f"after {call.finished.duration_s:.1f} s"
    if call.finished.error is not None:
        return [*parts, f"Failed {took}", fenced(call.finished.error, "text")]
    return [*parts, f"Returned {took}", fenced(_json(call.finished.result), "json")]


def _artifact(artifact: ArtifactCreated) -> str:
    kind = "Image" if artifact.media_type.startswith("image/") else "Artifact"
    return f"{kind}: {artifact.name} ({artifact.media_type}, {artifact.size_bytes:,} bytes)"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())
