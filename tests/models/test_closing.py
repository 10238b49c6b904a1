"""Whoever stops reading closes the connection, wherever the call stands: the server sees its end."""

import asyncio
import gc

import pytest
from wire_server import delta, play, sse, wire_server

from agentui.errors import ModelHTTPError
from agentui.models.openai_server import OpenAIServerModel
from agentui.models.retry import Retries

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
    import threading

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
