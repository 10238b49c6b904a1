"""A chat completions server on this machine that follows a script, for tests over real sockets.

One request a connection, so that a closed socket always means that the client went away or has all it wants.
Answers are taken in the order of the requests; a request too many is refused and noticed by `assert_finished`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, TypeAlias

from agentui.models.gate import Gate, Signal
from agentui.models.scripted import split_text
from agentui.testing.chat_wire import ChatPart, ChatStream, Reply, error_body, models_body, read_request
from agentui.testing.loopback import serve_loopback


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes of the response body as they are, such as a line of SSE in a dialect of its own."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Drop:
    """The connection breaks here, in the middle of the response."""


@dataclass(frozen=True, slots=True)
class Stall:
    """Silence from here on, until the client goes away."""


ServerPart: TypeAlias = ChatPart | Gate | Reply | Raw | Drop | Stall
"""A part of the answer, a place to wait, or trouble. A `Reply` stands alone: a plain response without a stream."""

ServerAnswer: TypeAlias = str | Sequence[ServerPart]


@dataclass(eq=False, slots=True, kw_only=True)
class ChatRequest:
    """A request that came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    "Names in lower case."
    body: dict[str, Any]
    "The JSON body; empty without one."
    closed: Signal = field(default_factory=Signal)
    "Set when the socket is closed: by the client, or because the response has ended."
    closed_at: float | None = None
    "`time.monotonic()` of that moment."
    finished: bool = False
    "Whether the whole response was sent; False in the end means that the client closed first."


class ChatServer:
    """What a test sees of the running server.

    Attributes:
        base_url: Such as `http://127.0.0.1:40123/v1`.
        requests: The chat requests so far, oldest first.
    """

    def __init__(self, answers: Iterable[ServerAnswer], model_id: str) -> None:
        self.base_url = ""
        self.requests: list[ChatRequest] = []
        self._answers = tuple(answers)
        self._model_id = model_id

    def assert_finished(self) -> None:
        """Check that each answer was asked for exactly once.

        Raises:
            AssertionError: The script was not used up, or asked for more than it has.
        """
        if len(self.requests) != len(self._answers):
            msg = f"the script has {len(self._answers)} answers, but {len(self.requests)} were asked for"
            raise AssertionError(msg)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._serve(ChatRequest(**await read_request(reader)), reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        finally:
            writer.close()

    async def _serve(self, request: ChatRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Respond until the response has ended or the client has left."""
        watching = asyncio.ensure_future(_watch(reader, request))
        responding = asyncio.ensure_future(self._respond(request, writer))
        try:
            await asyncio.wait({watching, responding}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            responding.cancel()
        with suppress(asyncio.CancelledError):
            await responding
        writer.close()
        await watching

    async def _respond(self, request: ChatRequest, writer: asyncio.StreamWriter) -> None:
        stream = ChatStream(writer, self._model_id)
        if request.method == "GET" and request.path.endswith("/models"):
            await stream.send_plain(models_body(self._model_id))
        elif request.method != "POST" or not request.path.endswith("/chat/completions"):
            await stream.send_plain(Reply(404, error_body(f"no such endpoint: {request.method} {request.path}")))
        else:
            await self._answer(request, stream)
        request.finished = True

    async def _answer(self, request: ChatRequest, stream: ChatStream) -> None:
        index = len(self.requests)
        self.requests.append(request)
        if index >= len(self._answers):
            await stream.send_plain(Reply(400, error_body(f"the test server's script has {index} answers only")))
            return
        answer = self._answers[index]
        for part in split_text(answer) if isinstance(answer, str) else answer:
            await self._play(part, stream)
        await stream.end()

    async def _play(self, part: ServerPart, stream: ChatStream) -> None:
        match part:
            case Gate():
                await part.wait()
            case Reply():
                await stream.send_plain(part)
            case Raw(data):
                await stream.send(data)
            case Drop():
                stream.drop()
            case Stall():
                await stream.start()
                await asyncio.Event().wait()
            case _:
                await stream.take(part)


async def _watch(reader: asyncio.StreamReader, request: ChatRequest) -> None:
    with suppress(ConnectionError):
        while await reader.read(65_536):
            pass
    request.closed_at = monotonic()
    request.closed.set()


@contextmanager
def serve_chat(*answers: ServerAnswer, model_id: str = "test-model") -> Generator[ChatServer, None, None]:
    """Serve `answers` over HTTP on a free loopback port until the block ends.

    The response to each chat request streams as OpenAI's `chat.completion.chunk` events; usage is reported only
    where the script says so. `GET /v1/models` names `model_id`.

    Args:
        answers: One a request. A plain text streams in pieces of about four characters.
        model_id: The name in the responses.
    """
    server = ChatServer(answers, model_id)
    with serve_loopback(server.handle, "chat-server") as port:
        server.base_url = f"http://127.0.0.1:{port}/v1"
        yield server
