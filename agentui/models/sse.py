"""Bytes of a `text/event-stream` to events with parsed JSON, incremental and pure.

Any chunking of the same bytes gives the same events: line ends may be CR, LF or CRLF and may be cut anywhere, as may
characters. More lenient than the standard, because servers are: a data line that is JSON on its own is an event at
once, with or without an empty line after it; the last event needs no empty line; empty events, comments and unknown
fields are nothing; a byte order mark is skipped; an `error:` field is an event (llama.cpp before September 2025).
Time is linear in the bytes, and an event larger than `MAX_EVENT_BYTES` is reported instead of kept.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple, TypeAlias

from pydantic_core import from_json

from agentui.models.wire import as_list, as_object

MAX_EVENT_BYTES = 4 * 1024 * 1024
"Parsed it can take thirty times that; a picture among the deltas stays below."
_MAX_DEPTH = 200
"Levels of JSON; Python itself cannot go down much deeper."


class Done(NamedTuple):
    """The `[DONE]` mark."""


class ErrorField(NamedTuple):
    """The value of an `error:` field: parsed JSON, or text."""

    value: Any


class Malformed(NamedTuple):
    """Data that is not JSON; `reason` is what a plain parser raises for it."""

    reason: str
    text: str = ""


Payload: TypeAlias = Any
"""Parsed JSON of any type, or `Done`, `ErrorField` or `Malformed`."""


class SSEEvent(NamedTuple):
    """One event: `name` is the value of its `event:` field, "" without one."""

    name: str
    payload: Payload


class SSEParser:
    """Parses one stream: `feed` every chunk, then `close`."""

    def __init__(self) -> None:
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._line_bytes = 0
        self._data_bytes = 0
        self._name = ""
        self._skip_line_feed = False
        self._first_line = True

    def feed(self, chunk: bytes) -> list[SSEEvent]:
        """The events that `chunk` completes."""
        if self._skip_line_feed and chunk:
            self._skip_line_feed = False
            chunk = chunk.removeprefix(b"\n")
        self._line.append(chunk)
        self._line_bytes += len(chunk)
        events: list[SSEEvent] = []
        if b"\n" in chunk or b"\r" in chunk:
            lines = b"".join(self._line).splitlines()
            self._skip_line_feed = chunk.endswith(b"\r")
            self._line = [] if chunk.endswith((b"\n", b"\r")) else [lines.pop()]
            for line in lines:
                self._take_line(line, events)
            self._line_bytes = sum(map(len, self._line))
        if self._line_bytes + self._data_bytes > MAX_EVENT_BYTES:
            events.append(SSEEvent(self._name, Malformed(f"an event larger than {MAX_EVENT_BYTES:,} bytes")))
            self._line, self._line_bytes, self._data, self._data_bytes = [], 0, [], 0
        return events

    def close(self) -> list[SSEEvent]:
        """The bytes have ended: what the last line and event hold. Half an event is no event."""
        events: list[SSEEvent] = []
        self._take_line(b"".join(self._line), events)
        self._take_line(b"", events)
        self._line = []
        return [event for event in events if not isinstance(event.payload, Malformed)]

    def _take_line(self, line: bytes, events: list[SSEEvent]) -> None:
        if self._first_line:
            self._first_line = False
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line.startswith(b"data:"):
            self._take_data(line[6:] if line[5:6] == b" " else line[5:], events)
        elif not line:
            self._end_event(events)
        else:
            self._take_field(line, events)

    def _take_data(self, value: bytes, events: list[SSEEvent]) -> None:
        if not self._data:
            payload = parse_json(value)
            if not isinstance(payload, Malformed):
                events.append(SSEEvent(self._name, payload))
                return
        self._data.append(value)
        self._data_bytes += len(value) + 1

    def _take_field(self, line: bytes, events: list[SSEEvent]) -> None:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match field:
            case b"event":
                self._name = value.decode(errors="replace").strip()
            case b"error":
                payload = parse_json(value)
                text = value.decode(errors="replace")
                events.append(SSEEvent("error", ErrorField(text if isinstance(payload, Malformed) else payload)))
            case _:
                pass

    def _end_event(self, events: list[SSEEvent]) -> None:
        data = b"\n".join(self._data)
        if data.strip():
            events.append(SSEEvent(self._name, parse_json(data)))
        self._data, self._data_bytes = [], 0
        self._name = ""


def parse_json(data: bytes) -> Payload:
    """Parse what a server meant as JSON.

    Half a UTF-16 pair and raw control characters inside strings pass (rule 25); `[DONE]` is `Done`.
    """
    try:
        return from_json(data)
    except ValueError:
        pass
    if data.strip() == b"[DONE]":
        return Done()
    try:
        payload = json.loads(data.decode(), strict=False)
    except (ValueError, RecursionError) as problem:
        return Malformed(f"{type(problem).__name__}: {problem}", data.decode(errors="replace"))
    return Malformed(f"JSON of more than {_MAX_DEPTH} levels") if _is_deeper(payload, _MAX_DEPTH) else payload


def _is_deeper(payload: Any, levels: int) -> bool:
    level = [payload]
    for _ in range(levels + 1):
        level = [inner for item in level for inner in (as_object(item).values() or as_list(item))]
        if not level:
            return False
    return True
