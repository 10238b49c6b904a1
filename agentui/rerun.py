"""Make a state again by running the recorded code with the recorded results of its tools, in a fresh sandbox.

For when there is no snapshot: it was too large, was dropped, or the run was on another machine or another day. No tool
is called. Code that asks for another tool, or the same with other arguments, cannot go on; code that prints something
else, fails where it did not or was stopped is named, so nothing differs in silence.
Not covered: values that depend on time or chance and were never printed or given to a tool.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agentui.checkpoints import Action, Defined, RanCode, ToolResult
from agentui.deltas import OutputStream
from agentui.errors import SandboxError, ToolError
from agentui.input_files import put_into
from agentui.jsonable import jsonable
from agentui.limits import Limits
from agentui.sandbox.base import SANDBOX_ERRORS, Artifact, ExecResult, Sandbox
from agentui.state_events import StateChanged
from agentui.tools import Tool, named_arguments


class RerunDiverged(SandboxError):
    """The code asked for a tool call that was not recorded, so it cannot be run again."""


async def rerun(
    sandbox: Sandbox, actions: Sequence[Action], tools: Mapping[str, Tool], limits: Limits
) -> dict[str, str]:
    """Do in `sandbox` what `actions` say, in order.

    Args:
        sandbox: Has run no code.
        actions: What made the state.
        tools: Tell the names of arguments; none is called.
        limits: Of each step.

    Returns:
        What is not as it was, and how, by the step that shows it; empty if nothing can be seen to differ.

    Raises:
        RerunDiverged: The code asked for another tool call than it did.
        SandboxError: The sandbox failed.
    """
    missing: dict[str, str] = {}
    for action in actions:
        match action:
            case Defined():
                missing |= action.lost
                if action.variables:
                    await sandbox.put(action.variables)
                await put_into(sandbox, action.files)
            case RanCode(stopped=True):
                missing[f"step {action.step}"] = "its code was stopped while it ran, and is not run again"
            case RanCode():
                host = _Recorded(action, tools)
                result = await sandbox.execute(
                    action.code,
                    host,
                    timeout_s=limits.step_seconds,
                    max_output_bytes=limits.max_output_bytes,
                    step=action.step,
                )
                if host.diverged is not None:
                    raise RerunDiverged(host.diverged)
                difference = _difference(action, result, host)
                if difference is not None:
                    missing[f"step {action.step}"] = difference
    return missing


class _Recorded:
    """An `ExecHost` whose tools are what was recorded."""

    def __init__(self, ran: RanCode, tools: Mapping[str, Tool]) -> None:
        self.output_parts: list[str] = []
        self.left = list(ran.calls)
        self.diverged: str | None = None
        self._ran = ran
        self._tools = tools

    def output(self, stream: OutputStream, text: str) -> None:
        self.output_parts.append(text)

    def overflow(self, text: str) -> None:
        """The record holds none of it."""

    def artifact(self, artifact: Artifact) -> None:
        """It was recorded when it was made."""

    def changed(self, change: StateChanged) -> None:
        """The run that goes on from here asks for the whole state."""

    async def call_tool(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        arguments = named_arguments(self._tools.get(name), args, kwargs)
        recorded = self.left[0] if self.left else None
        if recorded is None or recorded.name != name or _text(recorded.arguments) != _text(arguments):
            self.diverged = self.diverged or (
                f"step {self._ran.step} cannot be run again: its code called {_call(name, arguments)} where "
                f"{_recorded(recorded)} was recorded"
            )
        if self.diverged is not None or recorded is None:
            raise ToolError("this call was not recorded")
        self.left.pop(0)
        if recorded.error is not None:
            raise ToolError(recorded.error)
        return recorded.result


def _difference(ran: RanCode, result: ExecResult, host: _Recorded) -> str | None:
    failed = result.error is not None
    if result.error is not None and (result.state_lost or result.error.kind in SANDBOX_ERRORS):
        lost = "; the variables of it and of the steps before are lost" if result.state_lost else ""
        return f"its code was ended: {result.error.kind}: {result.error.message[:200]}{lost}"
    if result.error is not None and not ran.failed:
        return f"its code failed where it had not: {result.error.kind}: {result.error.message[:200]}"
    if ran.failed and not failed:
        return "its code ended well where it had failed"
    if host.left:
        return f"its code did not call {host.left[0].name}() again"
    if "".join(host.output_parts) != ran.output:
        return "its code printed something else than before"
    return None


def _text(arguments: Mapping[str, Any]) -> str:
    return json.dumps(jsonable(arguments), sort_keys=True)


def _call(name: str, arguments: Mapping[str, Any]) -> str:
    given = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    return f"{name}({given})"[:200]


def _recorded(call: ToolResult | None) -> str:
    return "no more calls" if call is None else _call(call.name, call.arguments)
