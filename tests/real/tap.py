"""A wire tap: passes bytes between a client and a server, and keeps them.

It adds nothing and holds nothing back, so what a test reads here is what the server really sent, for the very
response that the client under test read. A connection that the client closed is closed towards the server at once.
"""

import asyncio
import io
import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPResponse, IncompleteRead

from agentui.testing import Signal
from agentui.testing.loopback import serve_loopback


@dataclass(eq=False)
class Connection:
    """One connection of the client."""

    sent: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)
    left: Signal = field(default_factory=Signal)
    "Set when the client has closed it."

    def exchanges(self):
        """Requests with the responses to them, as far as they came."""
        replies = _Bytes(bytes(self.received))
        return [_exchange(body, replies) for body in _request_bodies(bytes(self.sent))]


@dataclass(frozen=True)
class Exchange:
    """A request and the response to it."""

    request: dict
    status: int
    body: bytes

    @property
    def events(self):
        return [json.loads(line[6:]) for line in self.body.splitlines() if line.startswith(b"data: {")]

    @property
    def whole(self):
        return b"data: [DONE]" in self.body

    @property
    def text(self):
        choices = [choice for event in self.events for choice in event["choices"]]
        return "".join(choice["delta"].get("content") or "" for choice in choices)

    @property
    def usage(self):
        """Input and output tokens, as the stream's last report has them."""
        reported = [event["usage"] for event in self.events if event.get("usage")]
        return reported[-1]["prompt_tokens"], reported[-1]["completion_tokens"]


class Tap:
    """What a test sees of it.

    Attributes:
        base_url: Where the client shall connect to.
        connections: Oldest first.
    """

    def __init__(self, port):
        self.base_url = ""
        self.connections = []
        self._port = port

    def exchanges(self):
        """The chat requests of all connections, with the responses to them."""
        return [exchange for connection in self.connections for exchange in connection.exchanges()]

    async def carry(self, reader, writer):
        """Serve one connection of the client."""
        connection = Connection()
        self.connections.append(connection)
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._port)
        upward = asyncio.ensure_future(_pump(reader, server_writer, connection.sent))
        upward.add_done_callback(lambda _: connection.left.set())
        downward = asyncio.ensure_future(_pump(server_reader, writer, connection.received))
        try:
            await asyncio.gather(upward, downward)
        finally:
            upward.cancel()
            downward.cancel()


async def _pump(reader, writer, kept):
    try:
        while data := await reader.read(65_536):
            kept += data
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@contextmanager
def tapped(port):
    """Tap the server on `port` until the block ends."""
    tap = Tap(port)
    with serve_loopback(tap.carry, "tap") as listening:
        tap.base_url = f"http://127.0.0.1:{listening}/v1"
        yield tap


class _Bytes(io.BytesIO):
    """Responses one after another, as `HTTPResponse` wants them: it closes its file after each."""

    def makefile(self, *_):
        return self

    def close(self):
        pass


def _request_bodies(data):
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)\r\ncontent-length: *(\d+)", head).group(1))
        yield json.loads(data[:length]) if length <= len(data) else {}  # a refusal may come before the body
        data = data[length:]


def _exchange(request, replies):
    response = HTTPResponse(replies)
    response.begin()
    try:
        body = response.read()
    except IncompleteRead as cut:
        body = cut.partial
    return Exchange(request, response.status, body)
