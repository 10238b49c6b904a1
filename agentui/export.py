"""A run as a document: Markdown for people, CSV for the usage table. Both are folds over its records."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import asdict

from agentui.ledger import usage_rows
from agentui.view import RunView, StepView


def as_markdown(view: RunView) -> str:
    """The whole run, as a document that reads from top to bottom."""
    task = view.start.task if view.start else ""
    parts = [f"# {task.splitlines()[0] if task else 'A run'}", *_head(view)]
    for step in view.steps:
        parts += _step(step)
    if view.end is not None:
        answer = view.end.output if view.end.status == "completed" else view.end.error
        parts += [f"## {view.end.status.capitalize()}", str(answer)]
    return "\n\n".join(part for part in parts if part) + "\n"


def as_usage_csv(view: RunView) -> str:
    """One row a model call; `source` says which numbers are estimates."""
    buffer = io.StringIO()
    names = ["agent", "model", "step", "kind", "attempt", "failed", "input_tokens", "output_tokens", "total_tokens"]
    names += [
        "cached_input_tokens",
        "reasoning_tokens",
        "source",
        "counted_output_tokens",
        "cost_usd",
        "cost_source",
        "first_delta_s",
        "generating_s",
    ]
    writer = csv.DictWriter(buffer, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in usage_rows(view):
        cost = {"cost_usd": row.cost.usd, "cost_source": row.cost.source} if row.cost else {"cost_usd": "unknown"}
        writer.writerow({**asdict(row), **asdict(row.usage), **cost})
    return buffer.getvalue()


def fenced(text: str, language: str = "") -> str:
    """`text` as a Markdown code block that nothing inside can close."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _head(view: RunView) -> list[str]:
    if view.start is None:
        return []
    usage = view.usage
    mark = "" if usage.source == "reported" else "≈"
    return [
        f"Model {view.start.model} · agentui {view.start.agentui_version} · {view.t:.1f} s · "
        f"{mark}{usage.input_tokens:,} tokens in, {mark}{usage.output_tokens:,} out"
    ]


def _step(step: StepView) -> list[str]:
    parts = [f"## {'Plan' if step.kind == 'planning' else 'Step'} {step.number}"]
    if step.reasoning:
        parts.append("\n".join(f"> {line}" for line in str(step.reasoning).splitlines()))
    parts.append(str(step.thought))
    if step.code:
        parts.append(fenced(str(step.code), "python"))
    if step.output:
        parts.append(fenced(str(step.output), "text"))
    parts += [f"Artifact: {artifact.name} ({artifact.media_type})" for artifact in step.artifacts]
    if step.end is not None and step.end.error:
        parts.append(fenced(step.end.error, "text"))
    return parts
