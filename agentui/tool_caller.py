"""Call host tools for a step, and record what they were given, gave back and took."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from typing import Any

from agentui.checkpoints import ToolResult
from agentui.draft import StepDraft
from agentui.errors import ToolError
from agentui.events import RunEvent, SubagentEvent, ToolCallFinished, ToolCallStarted
from agentui.jsonable import clean_text, jsonable
from agentui.managed import ManagedAgent
from agentui.spec import AgentSpec
from agentui.tools import Tool, named_arguments


class ToolCaller:
    """The tools of an agent, as one step calls them. Calls may overlap."""

    def __init__(self, draft: StepDraft, spec: AgentSpec, call_ids: itertools.count[int]) -> None:
        self._draft = draft
        self._emit = draft.run.emit
        self._tools = spec.tools
        self._on = spec.tools_on
        self._stream_outputs = spec.stream_outputs
        self._call_ids = call_ids

    async def call(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], *, call_id: str | None = None
    ) -> Any:
        """Call a tool by its name.

        Raises:
            ToolError: There is no such tool, or it failed.
        """
        call_id = call_id or f"call_{next(self._call_ids)}"
        tool = self._tools.get(name)
        arguments = named_arguments(tool, args, kwargs)
        self._emit(ToolCallStarted(call_id=call_id, name=name, arguments=arguments))
        started = time.perf_counter()
        result: Any = None
        error: str | None = "stopped before it returned"
        try:
            if tool is None or name not in self._on:
                known = ", ".join(self._on) or "none"
                why = f"there is no tool {name!r}" if tool is None else f"the tool {name!r} is switched off"
                raise ToolError(f"{why}; the tools are: {known}")
            result = await self._run(tool, call_id, args, kwargs)
            error = None
        except ToolError as failure:
            error = clean_text(str(failure))
            raise
        finally:
            duration_s = round(time.perf_counter() - started, 6)
            self._draft.calls.append(ToolResult(name=name, arguments=arguments, result=result, error=error))
            self._emit(ToolCallFinished(call_id=call_id, result=jsonable(result), error=error, duration_s=duration_s))
        return result

    async def _run(self, tool: Tool, call_id: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if not isinstance(tool, ManagedAgent):
            return await tool.call(args, kwargs)

        def emit(event: RunEvent) -> None:
            if self._stream_outputs or not event.type.endswith("_delta"):
                self._emit(SubagentEvent(call_id=call_id, agent=tool.name, event=event))

        return await tool.call_within(
            args,
            kwargs,
            budget=self._draft.budget,
            approval=self._draft.run.approval,
            emit=emit,
            spend=self._draft.add_usage,
        )
