"""A session as it was before a run, with the run's task still to do: for doing it once more, or another one instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentui.again import Again, Relation
from agentui.arguments import as_task
from agentui.errors import ConfigError
from agentui.events import ParentRun
from agentui.input_files import Files, as_files
from agentui.jsonable import clean_text
from agentui.limits import Limits
from agentui.past_run import PastRun
from agentui.session import Assignment, Session
from agentui.spec import AgentSpec
from agentui.unfinished import Spent, Unfinished


def session_before(session: Session, run_id: str) -> Session:
    """A new session that is what `session` was before one of its runs; that one stays as it is.

    The task, its pictures, variables and files are those of the run. Of a run that went on with an unfinished task it
    is the rest of that task.

    Args:
        session: A conversation, which may be busy.
        run_id: One of its runs.

    Raises:
        ConfigError: The run has no whole step and is not the conversation's last one.
    """
    kept = session.checkpoints.kept
    first = next((index for index, one in enumerate(kept) if one.run_id == run_id), None)
    if first is None:
        return _before_stepless(session, run_id)
    before = kept[first - 1] if first else None
    assignment: Assignment = kept[first].assignment
    limits = kept[first].unfinished.limits
    made = session.fork(before.step, before.run_id) if before else Session()
    if before and before.assignment.message is assignment.message and made.unfinished:
        made.unfinished = replace(made.unfinished, limits=limits)
    else:
        _give(made, run_id, assignment, limits)
    return made


def session_of_record(
    past: PastRun,
    spec: AgentSpec,
    *,
    images: Sequence[Any] | None = None,
    additional_args: Mapping[str, Any] | None = None,
    files: Files | None = None,
) -> Session:
    """A new session with the task of a run of which there are only records.

    Args:
        past: The run.
        spec: The agent that does it again.
        images: The task's pictures, which records do not hold.
        additional_args: Its variables, likewise.
        files: Its files, likewise.

    Raises:
        ConfigError: The run went on from another one, or files are missing; or an argument is wrong.
    """
    started = past.started
    if started.parent is not None and started.parent.relation in {"resumed", "forked"}:
        raise ConfigError(
            f"these records go on from step {started.parent.step} of run {started.parent.run_id!r}, which they do "
            "not hold: give a run that begins with its task"
        )
    given = as_files(files, spec.limits, native=spec.native_tools)
    if missing := [file.name for file in started.files if file.name not in {one.name for one in given}]:
        raise ConfigError(f"the task came with {', '.join(missing)}, and records do not hold files: give them again")
    message, variables = as_task(started.task, images, additional_args, native=spec.native_tools)
    assignment = Assignment(task=clean_text(started.task), message=message, variables=variables, files=given)
    session = Session()
    _give(session, past.run_id, assignment, spec.limits)
    return session


def do_again(session: Session, past: PastRun, relation: Relation) -> None:
    """Let the next run of a session, made by one of the functions above, name the run that it does again."""
    session.again = Again(parent=ParentRun(run_id=past.run_id, step=0, relation=relation))
    if session.assignment is not None and past.steps:
        session.assignment.first_code = past.steps[0].given_code


def _give(session: Session, run_id: str, assignment: Assignment, limits: Limits) -> None:
    """Make a task, as nobody has begun it yet, what the session is to go on with."""
    session.assignment = replace(assignment, told=False, defined=False, cut=False, planned_at=None, first_code=None)
    session.unfinished = Unfinished(
        run_id=run_id, task=assignment.task, step=0, status="stopped", limits=limits, spent=Spent()
    )


def _before_stepless(session: Session, run_id: str) -> Session:
    """The same for a run that has ended before its first step was whole."""
    assignment, unfinished = session.assignment, session.unfinished
    if assignment is None or unfinished is None or unfinished.run_id != run_id:
        raise ConfigError(f"run {run_id!r} has no whole step in this conversation, so it cannot be done again")
    kept = session.checkpoints.kept
    made = session.fork(kept[-1].step, kept[-1].run_id) if kept else Session()
    _give(made, run_id, assignment, unfinished.limits)
    return made
