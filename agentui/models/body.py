"""The body of an answer to events, also where it is no event stream although the status is 200 (rule 29).

The content type is a hint only: servers send streams as `text/plain` and errors as `text/event-stream`. The first
characters decide. A JSON body, a whole completion or an error, becomes one event; anything else is a `Problem`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from agentui.models.failures import failure_from, failure_in
from agentui.models.problem import Problem
from agentui.models.redact import one_line
from agentui.models.sse import MAX_EVENT_BYTES, ErrorField, Malformed, SSEEvent, SSEParser, parse_json
from agentui.models.wire import as_list, as_object

_FIELD = re.compile(rb"(?:data|event|id|retry|error)?:")
_SNIFFED = 8
_MAX_BLANK = 4_096
"Blank characters after which a body is taken for a stream; looking again at all of them takes time."
_SNIPPET_CHARS = 300
_TAG = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)


class NotAStream(Exception):
    """The body is neither an event stream nor JSON that could be an answer."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class BodyReader:
    """Turns the chunks of one body into events: `feed` every chunk, then `close`."""

    def __init__(self, content_type: str) -> None:
        self._content_type = content_type.partition(";")[0].strip().lower()
        self._parser = SSEParser()
        self._head = b""
        self._whole: list[bytes] = []
        self._whole_bytes = 0
        self.feed: Callable[[bytes], list[SSEEvent]] = self._sniff

    def close(self) -> list[SSEEvent]:
        """The body has ended.

        Raises:
            NotAStream: It was something else.
        """
        if self._head and not self._whole and not self._looks_like_stream(ended=True):
            self._whole = [self._head]
        if self._whole:
            return self._events_of(b"".join(self._whole))
        return [*self._parser.feed(self._head), *self._parser.close()]

    def _sniff(self, chunk: bytes) -> list[SSEEvent]:
        self._head += chunk
        decision = self._looks_like_stream(ended=False)
        if decision is None:
            return []
        head, self._head = self._head, b""
        self.feed = self._parser.feed if decision else self._keep
        return self.feed(head)

    def _looks_like_stream(self, *, ended: bool) -> bool | None:
        """None while there are too few characters to tell."""
        start = self._head.removeprefix(b"\xef\xbb\xbf").lstrip()
        if not start or (start == b"\xef\xbb"[: len(start)] and not ended):
            return True if ended or len(self._head) > _MAX_BLANK else None
        if start[:1] in {b"{", b"[", b"<", b'"'}:
            return False
        if self._content_type == "text/event-stream" or _FIELD.match(start):
            return True
        return None if len(start) < _SNIFFED and not ended else False

    def _keep(self, chunk: bytes) -> list[SSEEvent]:
        self._whole.append(chunk)
        self._whole_bytes += len(chunk)
        if self._whole_bytes > MAX_EVENT_BYTES:
            raise NotAStream(Problem.not_a_stream(self._content_type, _snippet(self._whole[0])))
        return []

    def _events_of(self, body: bytes) -> list[SSEEvent]:
        payload = parse_json(body.removeprefix(b"\xef\xbb\xbf"))
        if isinstance(payload, Malformed):  # chunks as JSON lines
            chunks = [parse_json(line) for line in body.splitlines() if line.strip()]
            if any(as_object(chunk).get("choices") for chunk in chunks):
                return [SSEEvent("", chunk) for chunk in chunks]
        return [self._event_of(payload, body)]

    def _event_of(self, payload: Any, body: bytes) -> SSEEvent:
        if isinstance(payload, list):  # Gemini wraps its error into a list
            payload = next(iter(as_list(payload)), None)
        described = as_object(payload)
        if described.get("choices") and failure_in(described) is None:
            return SSEEvent("", described)
        if not isinstance(payload, Malformed) and (failure_in(described) or _says_error(payload)):
            return SSEEvent("error", described if described else ErrorField(payload))
        raise NotAStream(Problem.not_a_stream(self._content_type, _snippet(body)))


def _says_error(payload: Any) -> bool:
    """A JSON text, or an object with a message: without choices it can be nothing but an error."""
    described = as_object(payload)
    return (
        bool(failure_from(payload)) if isinstance(payload, str) else bool({"message", "detail", "msg"} & set(described))
    )


def _snippet(body: bytes) -> str:
    return one_line(_TAG.sub(" ", body[: 64 * 1024].decode(errors="replace")), _SNIPPET_CHARS)
