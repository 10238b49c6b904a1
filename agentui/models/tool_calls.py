"""Tool calls put together from deltas, and given on as deltas in one dialect (rule 22).

Servers leave out the index, the id or both, repeat ids, send `""` for what they said before, or reuse an index.
What comes out has one index and one id a call, from its first delta on: indexes count from 0 in order of appearance,
ids are the server's, or `call_1`, `call_2`, … where it gave none or one that another call has.
"""

from __future__ import annotations

import itertools
import json
from typing import Any

from agentui.messages import ToolCall
from agentui.models.wire import JSONObject, as_list, as_object, as_objects, as_text

MAX_TOOL_CALLS = 1_000
"More than that, in one answer or in one delta, is an attack: what is beyond it is not read."
_MAX_CHECKED_CHARS = 20_000


class ToolCallAssembler:
    """The tool calls of one answer."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_wire_index: dict[int, _Call] = {}
        self._by_wire_id: dict[str, _Call] = {}
        self._ids: set[str] = set()

    @property
    def count(self) -> int:
        """Calls so far."""
        return len(self._calls)

    def feed(self, entries: Any) -> tuple[ToolCall, ...]:
        """Take the `tool_calls` of one delta; the result is what each entry adds."""
        several = as_list(entries) or [entries]
        return tuple(self._take(entry) for entry in as_objects(several[: MAX_TOOL_CALLS + 1]))

    def _take(self, entry: JSONObject) -> ToolCall:
        function = as_object(entry.get("function"))
        wire_id, name = as_text(entry.get("id")), as_text(function.get("name"))
        arguments = _arguments_text(function.get("arguments"))
        call = self._find(entry.get("index"), wire_id, starts_anew=bool(name and arguments))
        call.wire_id = call.wire_id or wire_id
        self._by_wire_id[call.wire_id] = call
        call.name = call.name or name
        call.extra = as_object(entry.get("extra_content")) or call.extra  # Gemini's thought signature
        call.add(arguments)
        return ToolCall(
            call_id=call.call_id, name=call.name, arguments=arguments, index=call.position, extra=call.extra
        )

    def _find(self, index: Any, wire_id: str, *, starts_anew: bool) -> _Call:
        """The call that an entry belongs to, a new one if it belongs to none so far."""
        known = self._known(index, wire_id)
        if known is None or (wire_id and known.wire_id and known.wire_id != wire_id):
            return self._new(index, wire_id)
        told_apart = wire_id and isinstance(index, int)
        if starts_anew and not told_apart and known.is_whole():  # whole calls without ids, or with one for all
            return self._new(index, wire_id)
        return known

    def _known(self, index: Any, wire_id: str) -> _Call | None:
        if isinstance(index, int):
            return self._by_wire_index.get(index)
        if wire_id:
            return self._by_wire_id.get(wire_id)
        return self._calls[-1] if self._calls else None

    def _new(self, index: Any, wire_id: str) -> _Call:
        call = _Call(len(self._calls), self._free_id(wire_id))
        self._calls.append(call)
        self._ids.add(call.call_id)
        if isinstance(index, int):
            self._by_wire_index[index] = call
        return call

    def _free_id(self, wire_id: str) -> str:
        if wire_id and wire_id not in self._ids:
            return wire_id
        numbers = itertools.count(len(self._calls) + 1)
        return next(own for number in numbers if (own := f"call_{number}") not in self._ids)


class _Call:
    def __init__(self, position: int, call_id: str) -> None:
        self.position = position
        self.call_id = call_id
        self.wire_id = ""
        self.name = ""
        self.arguments: list[str] = []
        self.chars = 0
        self.extra: JSONObject | None = None

    def add(self, arguments: str) -> None:
        """Append to the arguments."""
        if arguments:
            self.arguments.append(arguments)
            self.chars += len(arguments)

    def is_whole(self) -> bool:
        """Its arguments are complete JSON, so more text cannot belong to them."""
        if self.chars > _MAX_CHECKED_CHARS or not self.arguments or not self.arguments[-1].endswith("}"):
            return False
        try:
            json.loads("".join(self.arguments))
        except ValueError:
            return False
        return True


def _arguments_text(arguments: Any) -> str:
    if isinstance(arguments, dict | list):
        return json.dumps(arguments, ensure_ascii=False)
    return as_text(arguments)
