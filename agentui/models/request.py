"""Messages and parameters as they go over the wire.

Servers differ most in what they refuse, so little is sent: role `system` instead of `developer` (rule 35), no
reasoning of earlier answers, and of our own accord only `stream`, `stream_options` and `stop`.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from PIL import Image

from agentui.errors import ConfigError
from agentui.messages import ChatMessage, MessageLike, ToolCall
from agentui.models.wire import JSONObject, as_list, as_object, as_text

ROLE_CONVERSIONS: Mapping[str, str] = {"developer": "system", "tool-call": "assistant", "tool-response": "user"}
"""Roles that no server has to know; the last two are those of smolagents."""

_ROLES = frozenset({"system", "user", "assistant", "tool", "developer", "function"})


def wire_messages(
    messages: Iterable[MessageLike], *, roles: Mapping[str, str] = ROLE_CONVERSIONS, flatten: bool = False
) -> list[JSONObject]:
    """Messages as JSON objects.

    Args:
        messages: Messages, or dicts in OpenAI's form, whose further keys are sent as they are.
        roles: Roles to rename.
        flatten: Send the text parts of a message as one text.

    Raises:
        ConfigError: A role or a content part is of no known kind.
    """
    return [_wire_message(message, roles, flatten) for message in messages]


def request_body(
    model_id: str, messages: list[JSONObject], stop_sequences: Sequence[str], parameters: Mapping[str, Any]
) -> JSONObject:
    """The body of a request: usage is always asked for, unless `stream_options` is set to None (rule 33)."""
    body: JSONObject = {"model": model_id, "messages": messages, "stream": True}
    body["stream_options"] = {"include_usage": True}
    body.update(parameters)
    if stop_sequences:
        body["stop"] = list(stop_sequences)
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        del body["max_tokens"]  # rule 34: some servers refuse both together
    return {name: value for name, value in body.items() if value is not None}


def _wire_message(message: MessageLike, roles: Mapping[str, str], flatten: bool) -> JSONObject:
    wire = message_fields(message) if isinstance(message, ChatMessage) else dict(message)
    role = getattr(wire.get("role"), "value", wire.get("role"))
    wire["role"] = roles.get(str(role), role)
    if wire["role"] not in _ROLES:
        raise ConfigError(f"message role {role!r} is none of system, user, assistant, tool: rename it or convert it")
    content = wire.get("content")
    if isinstance(content, list):
        parts = [_wire_part(part) for part in as_list(wire["content"])]
        only_text = all(part.get("type") == "text" for part in parts)
        wire["content"] = "\n".join(as_text(part.get("text")) for part in parts) if flatten and only_text else parts
    return wire


def message_fields(message: ChatMessage) -> JSONObject:
    """A message in OpenAI's form; its content parts as they are given, pictures not encoded."""
    wire: JSONObject = {"role": message.role, "content": message.content}
    if message.tool_calls:
        wire["tool_calls"] = [_wire_call(call) for call in message.tool_calls]
        wire["content"] = message.content or None
    if message.tool_call_id is not None:
        wire["tool_call_id"] = message.tool_call_id
    return wire


def _wire_call(call: ToolCall) -> JSONObject:
    wire: JSONObject = {
        "id": call.call_id or f"call_{call.index}",
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }
    return wire | ({"extra_content": call.extra} if call.extra else {})


def _wire_part(part: Any) -> JSONObject:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    described = as_object(part)
    image = described.get("image")
    if described.get("type") != "image":
        if "type" not in described:
            raise ConfigError(f"a content part is no object with a type: {type(part).__name__}")
        return described
    if isinstance(image, Image.Image):
        return {"type": "image_url", "image_url": {"url": _data_url(image)}}
    if isinstance(image, str) and image.startswith(("http://", "https://", "data:image/")):
        return {"type": "image_url", "image_url": {"url": image}}
    raise ConfigError(f"an image part holds {type(image).__name__}: give a PIL image or a URL")


def _data_url(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
