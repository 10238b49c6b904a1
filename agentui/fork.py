"""Give a forked session the interpreter of its step: from the snapshot if there is one, else by running again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from agentui.checkpoints import Action, State, settled
from agentui.errors import SandboxError
from agentui.events import ParentRun, StateRestored
from agentui.messages import ChatMessage
from agentui.prompts import render
from agentui.rerun import rerun
from agentui.sandbox.base import Sandbox, Snapshot
from agentui.spec import AgentSpec

Method: TypeAlias = Literal["snapshot", "rerun"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a forked session comes from, until its first run has restored it."""

    parent: ParentRun
    state: State
    history: tuple[Action, ...]
    method: Method | None = None
    "The way to restore it; None for the best there is."


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """An interpreter that is what it was."""

    sandbox: Sandbox
    event: StateRestored

    @property
    def messages(self) -> list[ChatMessage]:
        """What the model has to know of it."""
        if not self.event.missing:
            return []
        return [ChatMessage(role="user", content=render("restored", missing=self.event.missing))]


async def restored(origin: Origin, spec: AgentSpec) -> Restored | None:
    """Open a sandbox with the state of `origin`; None where no code had run.

    Raises:
        SandboxUnavailable: No sandbox could be opened.
        SandboxError: The state could not be restored in the way that was asked for, or in any.
    """
    if not origin.history or spec.native_tools:
        return None
    started = time.perf_counter()
    reason = "it was not asked for"
    if origin.method != "rerun":
        kept = await settled(origin.state)
        if isinstance(kept, Snapshot):
            try:
                return await _opened(spec, origin, kept, started)
            except SandboxError as error:
                reason = str(error)
        else:
            reason = kept.reason
    if origin.method == "snapshot":
        raise SandboxError(f"step {origin.parent.step} cannot be restored from a snapshot: {reason}")
    return await _opened(spec, origin, None, started)


async def _opened(spec: AgentSpec, origin: Origin, snapshot: Snapshot | None, started: float) -> Restored:
    sandbox = await spec.pool.open(tools=list(spec.tools))
    done = False
    try:
        missing: Mapping[str, Any] = (
            await rerun(sandbox, origin.history, spec.tools, spec.limits)
            if snapshot is None
            else await sandbox.restore(snapshot)
        )
        done = True
    finally:
        if not done:
            await sandbox.close()
    duration_s = round(time.perf_counter() - started, 6)
    method: Method = "rerun" if snapshot is None else "snapshot"
    event = StateRestored(method=method, missing=dict(missing), duration_s=duration_s)
    return Restored(sandbox=sandbox, event=event)
