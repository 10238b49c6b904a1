"""A virtual machine that lies: whatever its bridge answers is a value that was checked, or the machine is given up.

And the other way round: whatever is sent to the bridge, it goes on serving.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentui.sandbox.artifacts import FileMark
from agentui.sandbox.remote_client import BridgeClient, MachineLost, end_of_worker
from agentui.sandbox.remote_machine import Started
from agentui.sandbox.worker.bridge_http import Answer, Request, serve_connection

TOKEN = "hf_token_of_the_host"


@dataclass
class Liar:
    """A machine whose server gives the same answer to everything."""

    status: int = 200
    body: bytes = b""
    id: str = "liar"
    port: int = 0
    heads: list[bytes] = field(default_factory=list)

    @property
    def proxy_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {TOKEN}"}

    def proxy_url_for(self, port: int, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def ask(self, question: Callable[[BridgeClient], Awaitable[Any]]) -> Any:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        client = BridgeClient(Started(self, 1), TOKEN, patience_s=0)
        try:
            return await question(client)
        finally:
            await client.close()
            server.close()
            await server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 %d x\r\nContent-Length: %d\r\nConnection: close\r\n" % (self.status, len(self.body)))
        writer.write(b"Location: http://127.0.0.1:9/stolen\r\n\r\n" + self.body)
        await writer.drain()
        writer.close()


QUESTIONS: dict[str, Callable[[BridgeClient], Awaitable[Any]]] = {
    "start_worker": lambda client: client.start_worker(("echo",)),
    "send": lambda client: client.send("1", 1, ["thaw"], b"data"),
    "fetch": lambda client: client.fetch("1", 0),
    "list_files": lambda client: client.list_files("1"),
    "read_file": lambda client: client.read_file("1", "a\udcff/../b"),
}


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("status", [204, 302, 307, 401, 404, 409, 418, 502])
async def test_a_status_that_no_bridge_sends_ends_the_machine_and_no_redirect_is_followed(
    name: str, status: int
) -> None:
    liar = Liar(status=status)
    with pytest.raises(MachineLost) as caught:
        await liar.ask(QUESTIONS[name])
    assert TOKEN not in str(caught.value)
    assert len(liar.heads) == 1
    assert b"/workers" in liar.heads[0].splitlines()[0]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 1_000_000,
        b'{"worker":1}',
        b'{"worker":"../../x"}',
        b'{"worker":"1234567890"}',
        b'{"worker":"1","worker":null}',
        b'{"worker":NaN}',
        b'{"worker":' + b"9" * 5_000 + b"}",
        b"{" + b" " * 2_000_000 + b"}",
    ],
    ids=lambda body: repr(body[:30]),
)
async def test_a_worker_without_a_number_is_refused(body: bytes) -> None:
    with pytest.raises(MachineLost):
        await Liar(body=body).ask(QUESTIONS["start_worker"])


@pytest.mark.parametrize(
    "listed",
    [{"a": 1}, {"a": [1, 2]}, {"a": [1, 2, "3"]}, {"a": {"inode": 1}}, {str(n): [1, 2, 3] for n in range(5_000)}],
    ids=lambda listed: repr(listed)[:30],
)
async def test_a_list_of_something_else_than_files_is_refused(listed: object) -> None:
    with pytest.raises(MachineLost, match="lists"):
        await Liar(body=json.dumps(listed).encode()).ask(QUESTIONS["list_files"])


async def test_a_list_of_files_is_read() -> None:
    listed = await Liar(body=b'{"a": [1, 2, 3]}').ask(QUESTIONS["list_files"])
    assert listed == {"a": FileMark(1, 2, 3)}


@pytest.mark.parametrize("name", ["fetch", "list_files", "read_file"])
async def test_more_than_was_asked_for_is_not_read(name: str) -> None:
    with pytest.raises(MachineLost, match="more than was asked for"):
        await Liar(body=bytes(18 << 20)).ask(QUESTIONS[name])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["status", "breach", "x"]), inner),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_end_of_a_worker_is_a_status_and_a_printable_reason(body: bytes) -> None:
    status, breach = end_of_worker(body)
    assert -65 < status < 256
    assert breach is None or (breach.isprintable() and len(breach) <= 500)


async def to_bridge(*parts: bytes) -> tuple[list[Request], bytes]:
    """What the bridge makes of some bytes, and what it answers."""
    requests: list[Request] = []

    async def handler(request: Request) -> Answer:
        requests.append(request)
        return Answer(200, b"ok")

    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve_connection(handler, reader, writer)
        ended.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    answered = b""
    # It hangs up on what it has not read, which resets the connection.
    with suppress(ConnectionError):
        for part in parts:
            writer.write(part)
        writer.write_eof()
        answered = await reader.read()
    await ended.wait()
    writer.close()
    server.close()
    await server.wait_closed()
    return requests, answered


async def test_requests_of_one_connection_are_answered_in_turn() -> None:
    head = b"POST /workers/1/up/2?x=1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked = head + b"3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nT: x\r\n\r\n"
    requests, answered = await to_bridge(b"GET /a//b HTTP/1.1\r\nHost: x\r\n\r\n", chunked)
    assert requests == [Request("GET", ("a", "b"), b""), Request("POST", ("workers", "1", "up", "2"), b"abcde")]
    assert answered.count(b"HTTP/1.1 200 OK") == 2


@pytest.mark.parametrize(
    "sent",
    [
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 1_000 + b"\r\n",
        b"GET /" + b"a" * 200_000,
    ],
    ids=lambda sent: repr(sent[:40]),
)
async def test_a_request_that_is_none_ends_its_connection(sent: bytes) -> None:
    assert await to_bridge(sent) == ([], b"")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=80), max_size=3))
def test_any_bytes_end_the_connection_and_nothing_else(parts: list[bytes]) -> None:
    asyncio.run(to_bridge(*parts))
