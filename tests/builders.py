"""Short ways to make the values that tests compare."""

from agentui.events import Record, RunFinished, RunStarted, StepFinished, Timing
from agentui.usage import TokenUsage


def records(*events):
    return [Record(run_id="r", seq=i, t=i / 10, event=event) for i, event in enumerate(events)]


def started(task="t", model="m"):
    return RunStarted(task=task, model=model, agentui_version="0")


def step_finished(step=1, **fields):
    return StepFinished(
        step=step, timing=Timing(started=0.1, first_delta=0.2, model_finished=0.3, finished=0.4), **fields
    )


def finished(status="completed", **fields):
    return RunFinished(**{"status": status, "usage": TokenUsage(0, 0), "duration_s": 1.0, **fields})


def kinds(run_records):
    return [record.event.type for record in run_records]


def of_type(run_records, kind):
    return [record.event for record in run_records if isinstance(record.event, kind)]


def code(body, thought="Go."):
    return f"{thought}\n<code>\n{body}\n</code>"
