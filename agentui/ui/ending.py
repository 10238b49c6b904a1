"""What the transcript says when a run has ended: its answer, or a card of why there is none and how to go on.

The card names the cap that ended the run, what the task has spent, what is kept, and what its button would do. It is
made from the records and from what the session kept, so every page that opens later shows the same.
"""

from __future__ import annotations

import json
from typing import Any

from agentui.events import RunFinished, UpstreamClosed
from agentui.limits import CAPS, Cap, Limits
from agentui.ui.cuts import left_undone
from agentui.ui.markdown import Prose, output_block, text_html
from agentui.ui.tables import table_html
from agentui.ui.words import dollars, humane, seconds, sentence
from agentui.unfinished import Unfinished
from agentui.usage import sum_usage
from agentui.view import RunView, StepView

MORE = 1.5
"What a used-up cap is multiplied with by one press of the card's button."
FOLDED = 20_000
"Characters from which on an answer is folded."
_SHOWN_FOLDED = 3_000
_TITLES = {
    "max_steps": "Step limit reached",
    "max_seconds": "Time limit reached",
    "max_tokens": "Token limit reached",
    "max_cost_usd": "Cost limit reached",
}


def answer(output: Any, recorded: Any = None, run_id: str = "") -> str:
    """The value given to `final_answer(...)`.

    Args:
        output: The value itself: text is shown as Markdown, a pandas table as a table, anything else as JSON.
        recorded: The value as the records have it, if `output` is not such a value.
        run_id: Of the run, from which the browser takes the whole of a folded answer.
    """
    if (table := table_html(output)) is not None:
        return table
    value = output if recorded is None else recorded
    if isinstance(value, str):
        return _text_answer(value, run_id)
    if value is None or isinstance(value, int | float | bool):
        return text_html(str(value))
    return output_block(json.dumps(value, ensure_ascii=False, indent=2)).render(closed=True)


def answer_block(shown: str) -> str:
    """What `answer` gives, set apart from the steps before it."""
    return f'<div class="au-answer">\n\n{shown}\n\n</div>'


def _text_answer(text: str, run_id: str) -> str:
    if len(text) <= FOLDED:
        return Prose(text).close() or "(an empty text)"
    return (
        f"{Prose(text[:_SHOWN_FOLDED]).close()} …\n\n"
        f'<div class="au-folded"><button type="button" class="au-button au-show-all au-run-{run_id}">'
        f"Show all {len(text):,} characters</button></div>"
    )


def end_card(view: RunView, end: RunFinished, left: Unfinished | None, proof: str, *, can_go_on: bool) -> str:
    """The card at the end of a run without an answer.

    Args:
        view: The run.
        end: Its last event, whose status is not "completed".
        left: What there is to go on with; None if there is nothing.
        proof: How the stop was carried out; "" if nobody stopped the run.
        can_go_on: Whether the card gets its button.
    """
    title, why = _title_and_why(view, end, left, proof)
    lines = [f'<div class="au-card-head"><b>{title}</b>{f" <span>{why}</span>" if why else ""}</div>']
    if left is not None:
        lines.append(f"<div>Spent: {_steps(view, left)} · {_spent(view, end, left)}</div>")
        lines.append("<div>Kept: the conversation so far, its variables and its files.</div>")
    if left is not None and can_go_on:
        raised = left.raised(MORE)
        more, label = raised_words(left.limits, raised), _go_on_label(left.limits, raised)
        lines.append(
            f'<div class="au-card-act"><button type="button" class="au-button au-go-on au-run-{left.run_id}">{label}'
            f"</button>{f' <span>{more}</span>' if more else ''}</div>"
        )
    return f'<div class="au-card au-card-{end.status}">{" ".join(lines)}</div>'


def raised_words(before: Limits, after: Limits) -> str:
    """Which caps differ, such as `tokens 5,000 → 7,500`."""
    return " · ".join(
        f"{_CAP_NAMES[cap]} {_amount(cap, getattr(before, cap))} → {_amount(cap, getattr(after, cap))}"
        for cap in _raised(before, after)
    )


def _go_on_label(before: Limits, after: Limits) -> str:
    """What the button does, such as `Raise tokens to 7,500 and go on`."""
    news = [f"{_CAP_NAMES[cap]} to {_amount(cap, getattr(after, cap))}" for cap in _raised(before, after)]
    return f"Raise {', '.join(news)} and go on" if news else "Go on"


def _raised(before: Limits, after: Limits) -> list[Cap]:
    return [cap for cap in CAPS if getattr(before, cap) != getattr(after, cap)]


def _steps(view: RunView, left: Unfinished) -> str:
    """How many steps were taken, and what became of one that was not."""
    count = left.spent.steps
    taken = f"{count:,} finished {'step' if count == 1 else 'steps'}" if count else "no finished step"
    undone = left_undone(view)
    return f"{taken}, one {undone}" if undone else taken


_UNITS = {"max_steps": " steps", "max_seconds": " s", "max_tokens": " tokens", "max_cost_usd": ""}
_CAP_NAMES = {"max_steps": "steps", "max_seconds": "seconds", "max_tokens": "tokens", "max_cost_usd": "cost"}


def stop_proof(view: RunView, stopped_at: float | None) -> str:
    """How a stop was carried out, from the records: `upstream closed after 84 ms · about 412 tokens billed`.

    Args:
        view: The run.
        stopped_at: When the stop was asked for while code ran: seconds since the run started; None if none ran.
    """
    step = view.steps[-1] if view.steps else None
    if step is None:
        return ""
    if closed := _closed(step):
        usage = sum_usage(event.usage for event in closed)
        about = "" if usage.source == "reported" else "about "
        after_ms = max(event.after_s for event in closed) * 1000
        return f"upstream closed after {after_ms:.0f} ms · {about}{usage.total_tokens:,} tokens billed"
    if stopped_at is not None and step.end is not None:
        return f"code interrupted after {max(0.0, step.end.timing.finished - stopped_at) * 1000:.0f} ms"
    return ""


def _closed(step: StepView) -> list[UpstreamClosed]:
    """The connections that were closed early in a step, those of called agents included."""
    called = [call.subagent.steps[-1] for call in step.calls.values() if call.subagent and call.subagent.steps]
    return [*([step.closed] if step.closed else []), *(event for inner in called for event in _closed(inner))]


def _title_and_why(view: RunView, end: RunFinished, left: Unfinished | None, proof: str) -> tuple[str, str]:
    match end.status:
        case "stopped":
            return "Stopped", proof
        case "limit":
            if left is None or left.cap is None:
                return "Limit reached", text_html(sentence(humane(end.error or "")))
            return _TITLES[left.cap], _used_up(view, left, left.cap)
        case _:
            said = view.steps[-1].end.error if view.steps and view.steps[-1].end else None
            known = end.error is None or (said is not None and said in end.error)
            return "Failed", "" if known else text_html(sentence(humane(end.error or "")))


def _used_up(view: RunView, left: Unfinished, cap: Cap) -> str:
    spent, mark = left.spent.of(cap), _mark(cap, view)
    said = f"{_amount(cap, spent, mark=mark)} of {_amount(cap, getattr(left.limits, cap))}{_UNITS[cap]}"
    if left.needed > max(spent, getattr(left.limits, cap)):
        said += f"; the next request needs {_amount(cap, left.needed - spent, mark='≈')} more"
    return said


def _mark(cap: str, view: RunView) -> str:
    return "≈" if cap in {"max_tokens", "max_cost_usd"} and view.usage.source != "reported" else ""


def _amount(cap: str, value: float | None, *, mark: str = "") -> str:
    if value is None:
        return "none"
    if cap == "max_cost_usd":
        return mark + dollars(value)
    if cap == "max_seconds":
        return mark + (f"{value:,.1f}".removesuffix(".0") if value >= 1 else f"{value:.2g}")
    return mark + f"{int(value):,}"


def _spent(view: RunView, end: RunFinished, left: Unfinished) -> str:
    mark = _mark("max_tokens", view)
    cost = f"{mark}{dollars(left.spent.usd)}" if end.cost is not None else "cost unknown"
    return f"{seconds(left.spent.seconds)} · {mark}{left.spent.tokens:,} tokens · {cost}"
