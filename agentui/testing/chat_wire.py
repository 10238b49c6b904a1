"""The bytes of the scripted chat server: HTTP/1.1 and OpenAI's chunks. Used by `serve_chat` alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeAlias, TypedDict

from agentui.messages import FinishReason, ToolCall
from agentui.models.scripted import Finish, Reasoning
from agentui.usage import TokenUsage

ChatPart: TypeAlias = str | Reasoning | ToolCall | TokenUsage | Finish
"""A part of an answer. Usage and finish reason are sent at the end, wherever they stand."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A plain HTTP response, in place of a stream."""

    status: int
    body: str | bytes = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    "On top of Content-Length and Connection; Content-Type is JSON unless given here."


class RequestFields(TypedDict):
    """What stands in an HTTP request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]


async def read_request(reader: asyncio.StreamReader) -> RequestFields:
    """Read one request with its JSON body.

    Raises:
        IncompleteReadError: The client left before it was complete.
    """
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *lines = head.rstrip("\r\n").split("\r\n")
    method, path, _ = line.split(" ", 2)
    pairs = (header.partition(":") for header in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    data = await reader.readexactly(int(headers.get("content-length", "0")))
    return {"method": method, "path": path, "headers": headers, "body": json.loads(data) if data else {}}


class ChatStream:
    """One response: server-sent events, or a `Reply`."""

    def __init__(self, writer: asyncio.StreamWriter, model_id: str) -> None:
        self._writer = writer
        self._model_id = model_id
        self._finish_reason: FinishReason = "stop"
        self._usage: TokenUsage | None = None
        self._started = False
        self._ended = False

    async def start(self) -> None:
        """Send the status and headers of a stream, once."""
        if not self._started:
            self._started = True
            await self._write(_head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}))

    async def send(self, data: bytes) -> None:
        """Send bytes of the body as one HTTP chunk."""
        await self.start()
        if data and not self._ended:
            await self._write(b"%x\r\n%b\r\n" % (len(data), data))

    async def take(self, part: ChatPart) -> None:
        """Send a part of the answer, or keep it for the end."""
        match part:
            case str():
                await self._send_delta({"content": part})
            case Reasoning(text):
                await self._send_delta({"reasoning_content": text})
            case ToolCall():
                self._finish_reason = "tool_calls"
                await self._send_delta({"tool_calls": [_tool_call(part)]})
            case TokenUsage():
                self._usage = part
            case Finish(reason):
                self._finish_reason = reason

    async def send_plain(self, reply: Reply) -> None:
        """Send a whole response; nothing follows it."""
        body = reply.body.encode() if isinstance(reply.body, str) else reply.body
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **reply.headers}
        await self._write(_head(reply.status, headers) + body)
        self._ended = True

    async def end(self) -> None:
        """Send the finish, the usage if there is one, and the end of the stream."""
        if self._ended:
            return
        await self._send_choice({"index": 0, "delta": {}, "finish_reason": self._finish_reason})
        if self._usage is not None:
            await self._send_event({"choices": [], "usage": _usage(self._usage)})
        await self.send(b"data: [DONE]\n\n")
        await self._write(b"0\r\n\r\n")
        self._ended = True

    def drop(self) -> None:
        """Break the connection without a word."""
        self._writer.close()
        self._ended = True

    async def _send_delta(self, delta: Mapping[str, Any]) -> None:
        await self._send_choice({"index": 0, "delta": delta, "finish_reason": None})

    async def _send_choice(self, choice: Mapping[str, Any]) -> None:
        await self._send_event({"choices": [choice]})

    async def _send_event(self, fields: Mapping[str, Any]) -> None:
        event = {"id": "chatcmpl-test", "object": "chat.completion.chunk", "created": 0, "model": self._model_id}
        await self.send(f"data: {json.dumps({**event, **fields})}\n\n".encode())

    async def _write(self, data: bytes) -> None:
        if self._ended:
            return
        self._writer.write(data)
        await self._writer.drain()


def error_body(message: str) -> str:
    """An error as OpenAI writes it."""
    return json.dumps({"error": {"message": message, "type": "invalid_request_error"}})


def models_body(model_id: str) -> Reply:
    """The list of models."""
    return Reply(200, json.dumps({"object": "list", "data": [{"id": model_id, "object": "model"}]}))


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Connection: close"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode("latin-1")


def _tool_call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"index": call.index, "id": call.call_id, "type": "function", "function": function}


def _usage(usage: TokenUsage) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
    }
    if usage.cached_input_tokens is not None:
        fields["prompt_tokens_details"] = {"cached_tokens": usage.cached_input_tokens}
    if usage.reasoning_tokens is not None:
        fields["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens}
    return fields
