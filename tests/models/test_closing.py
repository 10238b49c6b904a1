"""Whoever stops reading closes the connection, wherever the call stands: the server sees its end."""

import asyncio
import gc
import socket
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest
from wire_server import delta, play, sse, wire_server

from agentui.errors import ModelConnectionError, ModelHTTPError
from agentui.models.openai_server import OpenAIServerModel
from agentui.models.retry import Retries
from agentui.models.timing import Timeouts

PROMPT = [{"role": "user", "content": "Go on."}]


class Upstream:
    """A server that goes as far as `phase` and then waits for its client to leave."""

    def __init__(self, phase):
        self.phase = phase
        self.reached = asyncio.Event()
        self.left = asyncio.Event()

    async def __call__(self, exchange):
        try:
            await self.go(exchange)
        finally:
            self.left.set()

    async def go(self, exchange):
        if self.phase == "retry":
            await exchange.reply(503, b"")
            self.reached.set()
            return
        if self.phase != "head":
            await exchange.start()
        if self.phase in {"silent", "streaming", "thinking"}:
            name = {"thinking": "reasoning"}.get(self.phase, "content")
            await exchange.send(sse(delta(**{name: "a"}), done=False))
        self.reached.set()
        while self.phase == "streaming" and not exchange.gone.is_set():
            await exchange.send(sse(delta("b"), done=False))
        await exchange.gone.wait()


PHASES = ["head", "keep-alive", "silent", "thinking", "streaming"]


@pytest.mark.parametrize("phase", PHASES)
async def test_cancelling_the_task_closes_the_connection(phase):
    upstream, seen = Upstream(phase), asyncio.Event()
    async with wire_server(upstream) as server:
        model = OpenAIServerModel("m", server.url, "k")

        async def consume():
            async for _ in model.stream(PROMPT):
                seen.set()

        task = asyncio.create_task(consume())
        await upstream.reached.wait()
        if phase in {"silent", "thinking", "streaming"}:
            await seen.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await upstream.left.wait()
    assert [item for item in asyncio.all_tasks() if item is not asyncio.current_task()] == []


@pytest.mark.parametrize("phase", ["silent", "streaming"])
async def test_closing_the_generator_closes_the_connection(phase):
    upstream = Upstream(phase)
    async with wire_server(upstream) as server:
        deltas = OpenAIServerModel("m", server.url, "k").stream(PROMPT)
        assert (await anext(deltas)).content == "a"
        await deltas.aclose()
        await upstream.left.wait()


async def test_leaving_a_wait_for_a_retry_sends_nothing_more():
    upstream = Upstream("retry")
    async with wire_server(upstream) as server:
        model = OpenAIServerModel("m", server.url, "k", retries=Retries(base_s=60))
        deltas = model.stream(PROMPT)
        assert (await anext(deltas)).retry.attempt == 1
        waiting = asyncio.create_task(anext(deltas))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert len(server.exchanges) == 1


@pytest.fixture
def deaf_port():
    """A port at which connections are begun and never made: its queue is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(2):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def begun(port):
    """Connections to the port that have been begun and not made."""
    return Path("/proc/net/tcp").read_text("utf-8").count(f"0100007F:{port:04X} 02")


async def until(condition):
    for _ in range(500):  # the kernel tells nobody
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not happen within 5 s")


async def test_cancelling_a_connection_that_is_being_made(deaf_port):
    model = OpenAIServerModel("m", f"http://127.0.0.1:{deaf_port}/v1", "k", timeouts=Timeouts(connect_s=60))
    before = begun(deaf_port)
    calling = asyncio.create_task(anext(model.stream(PROMPT)))
    await until(lambda: begun(deaf_port) == before + 1)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    await until(lambda: begun(deaf_port) == before)


async def test_a_connection_that_is_never_made_has_its_own_limit(deaf_port):
    limits, once = Timeouts(connect_s=0.1), Retries(attempts=1)
    model = OpenAIServerModel("m", f"http://127.0.0.1:{deaf_port}/v1", "k", timeouts=limits, retries=once)
    with pytest.raises(ModelConnectionError, match=r"within 0\.1 s"):
        await anext(model.stream(PROMPT))


async def test_closing_the_model_leaves_its_running_streams_alone():
    go_on = asyncio.Event()

    async def handler(exchange):
        await exchange.start()
        await exchange.send(sse(delta("a"), done=False))
        await go_on.wait()
        await exchange.send(sse(delta("b", "stop")))
        await exchange.end()

    async with wire_server(handler) as server:
        model = OpenAIServerModel("m", server.url, "k")
        deltas = model.stream(PROMPT)
        assert (await anext(deltas)).content == "a"
        async with model._clients.lease() as client:
            pass
        await model.aclose()
        assert not client.is_closed()
        go_on.set()
        assert [item.content async for item in deltas] == ["b", None]
        assert client.is_closed()
        assert [item.content async for item in model.stream(PROMPT)] == ["a", "b", None]
        await model.aclose()
        await model.aclose()
    assert server.connections == 2


async def test_a_failure_closes_the_connection():
    upstream = Upstream("silent")

    async def handler(exchange):
        await exchange.start()
        await exchange.send(sse({"error": "boom"}, done=False))
        await exchange.gone.wait()
        upstream.left.set()

    async with wire_server(handler) as server:
        with pytest.raises(Exception, match="boom"):
            await anext(OpenAIServerModel("m", server.url, "k").stream(PROMPT))
        await upstream.left.wait()


async def test_a_cancelled_call_leaves_the_model_fit_for_the_next():
    upstream = Upstream("silent")
    handlers = iter([upstream, play(sse(delta("hi", "stop")))])
    async with wire_server(lambda exchange: next(handlers)(exchange)) as server:
        model = OpenAIServerModel("m", server.url, "k")
        async with asyncio.timeout(5):
            deltas = model.stream(PROMPT)
            await anext(deltas)
            await deltas.aclose()
            assert [item.content async for item in model.stream(PROMPT)] == ["hi", None]


def test_closing_the_sync_iterator_closes_a_silent_connection(in_thread):
    left = threading.Event()

    async def handler(exchange):
        await exchange.start()
        await exchange.send(sse(delta("a"), done=False))
        await exchange.gone.wait()
        left.set()

    deltas = OpenAIServerModel("m", in_thread(handler), "k").generate_stream(PROMPT)
    assert next(deltas).content == "a"
    deltas.close()
    assert left.wait(5)


async def test_a_model_that_is_collected_with_its_connections_closes_them():
    gone = asyncio.Event()

    async def handler(exchange):
        await exchange.reply(401, {"error": {"message": "no"}})
        await exchange.gone.wait()
        gone.set()

    async with wire_server(handler) as server:
        model = OpenAIServerModel("m", server.url, "k")
        with pytest.raises(ModelHTTPError):
            await anext(model.stream(PROMPT))
        model.itself = model
        del model
        gc.collect()
        await gone.wait()
