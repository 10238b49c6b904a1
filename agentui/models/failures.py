"""Failures that a server reports with HTTP status 200: inside the stream, or as its finish reason.

Pure functions on parsed JSON. A failure is looked for in all the places where servers put one (rules 21 and 28).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from agentui.messages import FinishReason
from agentui.models.wire import JSONObject, as_list, as_object, as_objects

_CARRIERS = frozenset({"error", "base_resp", "x_groq", "type"})
_MESSAGE_KEYS = ("message", "msg", "detail", "error", "errors", "error_msg", "error_message", "status_msg")
_STATUS_KEYS = ("code", "error_code", "status_code", "http_status_code", "status")
_CODE_KEYS = (*_STATUS_KEYS, "type")
_OK_CODES = frozenset({"", "0", "200", "ok", "success", "none"})
_PASSING_STATUS = frozenset({"408", "409", "425", "429"})
_PASSING_WORDS = ("overload", "unavailable", "capacity", "rate_limit", "server_error", "servererror", "timeout", "busy")

_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "sensitive": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
}
_FAILED_FINISH = ("error", "abort", "insufficient_system_resource", "fail", "cancel", "timeout", "unavailable")


@dataclass(frozen=True, slots=True)
class Failure:
    """What the server said went wrong; `passing` if the same request may well succeed later."""

    message: str
    passing: bool = False


def finish_of(wire_value: str, *, has_tool_calls: bool) -> FinishReason | Failure:
    """Normalise a finish reason; a word that nobody knows is a plain end (rules 21 and 22)."""
    word = wire_value.lower()
    if any(part in word for part in _FAILED_FINISH):
        return Failure(f"finish reason {wire_value!r}", passing=True)
    finish = _FINISH.get(word, "stop")
    return "tool_calls" if has_tool_calls and finish == "stop" else finish


def failure_in(chunk: JSONObject) -> Failure | None:
    """The failure that a chunk of a stream reports, if any."""
    choices = as_objects(chunk.get("choices"))
    if choices and _CARRIERS.isdisjoint(chunk) and not any("error" in choice for choice in choices):
        return None  # nearly every chunk there is
    if failure := failure_from(chunk.get("error")):
        return failure
    if chunk.get("object") == "error" or chunk.get("type") == "error":
        return failure_from(chunk)
    if failure := failure_from(as_object(chunk.get("x_groq")).get("error")):  # beside a normal finish
        return failure
    base = as_object(chunk.get("base_resp"))
    if _is_bad_code(base.get("status_code")):  # MiniMax
        return failure_from(base)
    for choice in choices:
        if failure := failure_from(choice.get("error")):  # OpenRouter
            return failure
    return remark_in(chunk) if _has_bad_code(chunk) else None  # flat bodies: `{"code": 20015, "message": …}`


def remark_in(chunk: JSONObject) -> Failure | None:
    """What a chunk says instead of an answer. It is a failure only if no answer comes: `{"detail": …}`, say."""
    return failure_from(chunk) if "choices" not in chunk and _message_of(chunk) else None


def failure_from(error: Any) -> Failure | None:
    """A failure described by `error`: text, or an object in one of many spellings. None for null, `{}`, `""`."""
    if isinstance(error, str):
        return Failure(error, _is_passing(error)) if error.strip() else None
    if error is True:
        return Failure("the server reports an error without words")
    if several := as_list(error):
        return failure_from(several[0])
    described = as_object(error)
    return _failure_from_object(described) if any(described.values()) else None


def _failure_from_object(error: JSONObject) -> Failure:
    inner = as_object(error.get("error"))
    if any(inner.values()):
        return _failure_from_object(inner)
    message = _message_of(error) or json.dumps(error, ensure_ascii=False, default=str)
    if attempt := error.get("failed_generation"):  # Groq: the answer that its parser refused
        message = f"{message} (failed generation: {attempt})"
    return Failure(message, any(_is_passing(error.get(key)) for key in _CODE_KEYS))


def _message_of(error: JSONObject) -> str:
    for key in _MESSAGE_KEYS:
        value = error.get(key)
        if isinstance(value, str) and value.strip():
            return value
        if nested := as_object(value) or as_list(value):
            return json.dumps(nested, ensure_ascii=False, default=str)
    return ""


def _is_bad_code(code: Any) -> bool:
    return code is not None and str(code).strip().lower() not in _OK_CODES


def _has_bad_code(chunk: JSONObject) -> bool:
    """A code of its own that is bad; a status in words may only tell how far the server is."""
    codes = [chunk.get(key) for key in _STATUS_KEYS if key != "status" or not isinstance(chunk.get(key), str)]
    return any(_is_bad_code(code) for code in codes)


def _is_passing(code: Any) -> bool:
    word = str(code).strip().lower()
    if word in _PASSING_STATUS or (len(word) == 3 and word.isdigit() and word.startswith("5")):
        return True
    return isinstance(code, str) and any(part in word for part in _PASSING_WORDS)
