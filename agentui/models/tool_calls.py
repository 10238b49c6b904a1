"""Tool calls put together from deltas, and given on as deltas in one dialect (rule 22).

Servers leave out the index, the id or both, repeat ids, send `""` for what they said before, or reuse an index.
What comes out has one index a call, from 0 in order of appearance, and repeats id and name.
"""

from __future__ import annotations

import json
from typing import Any

from agentui.messages import ToolCall
from agentui.models.wire import JSONObject, as_object, as_objects, as_text

_MAX_CHECKED_CHARS = 20_000


class ToolCallAssembler:
    """The tool calls of one answer."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_wire_index: dict[int, _Call] = {}
        self._by_id: dict[str, _Call] = {}

    @property
    def any_calls(self) -> bool:
        """True once there is a call."""
        return bool(self._calls)

    def feed(self, entries: Any) -> tuple[ToolCall, ...]:
        """Take the `tool_calls` of one delta; the result is what each entry adds."""
        return tuple(self._take(entry) for entry in as_objects(entries))

    def _take(self, entry: JSONObject) -> ToolCall:
        function = as_object(entry.get("function"))
        call_id, name = as_text(entry.get("id")), as_text(function.get("name"))
        arguments = _arguments_text(function.get("arguments"))
        call = self._find(entry.get("index"), call_id, starts_anew=bool(name and arguments))
        call.call_id = call.call_id or call_id
        self._by_id.setdefault(call.call_id, call)
        call.name = call.name or name
        call.extra = as_object(entry.get("extra_content")) or call.extra  # Gemini's thought signature
        call.arguments.append(arguments)
        return ToolCall(
            call_id=call.call_id, name=call.name, arguments=arguments, index=call.position, extra=call.extra
        )

    def _find(self, index: Any, call_id: str, *, starts_anew: bool) -> _Call:
        """The call that an entry belongs to, a new one if it belongs to none so far."""
        known = self._known(index, call_id)
        if known is None or (call_id and known.call_id and known.call_id != call_id):
            return self._new(index)
        if starts_anew and not call_id and known.is_whole():  # whole calls without ids, one after the other
            return self._new(index)
        return known

    def _known(self, index: Any, call_id: str) -> _Call | None:
        if isinstance(index, int):
            return self._by_wire_index.get(index)
        if call_id:
            return self._by_id.get(call_id)
        return self._calls[-1] if self._calls else None

    def _new(self, index: Any) -> _Call:
        call = _Call(len(self._calls))
        self._calls.append(call)
        if isinstance(index, int):
            self._by_wire_index[index] = call
        return call


class _Call:
    def __init__(self, position: int) -> None:
        self.position = position
        self.call_id = ""
        self.name = ""
        self.arguments: list[str] = []
        self.extra: JSONObject | None = None

    def is_whole(self) -> bool:
        """Its arguments are complete JSON, so more text cannot belong to them."""
        text = "".join(self.arguments)
        if not text.endswith("}") or len(text) > _MAX_CHECKED_CHARS:
            return False
        try:
            json.loads(text)
        except ValueError:
            return False
        return True


def _arguments_text(arguments: Any) -> str:
    if isinstance(arguments, dict | list):
        return json.dumps(arguments, ensure_ascii=False)
    return as_text(arguments)
