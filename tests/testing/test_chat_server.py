"""The scripted chat server, seen from real clients."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from contextlib import ExitStack, asynccontextmanager, suppress

import openai
import pytest

from agentui.messages import ToolCall
from agentui.testing import Drop, Finish, Gate, Raw, Reasoning, Reply, Stall, serve_chat
from agentui.usage import TokenUsage

MESSAGES = [{"role": "user", "content": "What is 17 * 23?"}]


async def read(server, **options):
    async with openai.AsyncOpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
        stream = await client.chat.completions.create(model="m", messages=MESSAGES, stream=True, **options)
        return [chunk async for chunk in stream]


@asynccontextmanager
async def open_stream(server, path="chat/completions"):
    """A raw connection with a chat request sent."""
    host, port = server.base_url.removeprefix("http://").removesuffix("/v1").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = json.dumps({"model": "m", "messages": MESSAGES, "stream": True}).encode()
    head = f"POST /v1/{path} HTTP/1.1\r\nHost: test\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    try:
        yield reader
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def test_text_reasoning_finish_and_usage_arrive_as_an_openai_client_reads_them():
    usage = TokenUsage(12, 5, cached_input_tokens=8, reasoning_tokens=2)
    with serve_chat([Reasoning("Hm."), "It ", "is", usage, Finish("length")]) as server:
        chunks = await read(server, temperature=0)
        server.assert_finished()
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert deltas[0].model_extra == {"reasoning_content": "Hm."}
    assert [delta.content for delta in deltas] == [None, "It ", "is", None]
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices] == [None, None, None, "length"]
    assert chunks[-1].usage.total_tokens == 17
    assert chunks[-1].usage.prompt_tokens_details.cached_tokens == 8
    assert chunks[-1].usage.completion_tokens_details.reasoning_tokens == 2
    request = server.requests[0]
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == "Bearer none"
    assert (request.body["messages"], request.body["temperature"]) == (MESSAGES, 0)
    assert request.finished


async def test_usage_is_silent_unless_the_script_reports_it():
    with serve_chat("It is 391.") as server:
        chunks = await read(server)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "It is 391."
    assert [chunk.usage for chunk in chunks] == [None] * len(chunks)


async def test_tool_calls_stream_as_increments():
    with serve_chat(
        [ToolCall(call_id="c1", name="add", arguments='{"a"'), ToolCall(call_id="c1", name="add")]
    ) as server:
        chunks = await read(server)
    assert chunks[0].choices[0].delta.tool_calls[0].function.arguments == '{"a"'
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


async def test_what_stands_before_a_gate_has_arrived_while_the_rest_is_held_back():
    gate = Gate()
    with serve_chat(["first", gate, "second"]) as server:
        async with open_stream(server) as reader:
            await reader.readuntil(b'"first"')
            await gate.reached
            assert not server.requests[0].finished
            gate.open()
            assert b'"second"' in await reader.read()


@pytest.mark.parametrize("part", [Stall(), Gate()])
async def test_a_client_that_leaves_in_the_middle_is_noticed(part):
    with serve_chat(["first", part]) as server:
        async with open_stream(server) as reader:
            await reader.readuntil(b'"first"')
            request = server.requests[0]
            assert not request.closed.is_set()
        await request.closed
        assert request.closed_at is not None
        assert not request.finished


async def test_a_dropped_connection_breaks_the_body():
    with serve_chat(["first", Drop(), "never"]) as server:
        async with open_stream(server) as reader:
            body = await reader.read()
        assert b'"first"' in body
        assert b"never" not in body
        assert not body.endswith(b"0\r\n\r\n")


async def test_an_error_status_comes_with_its_headers_and_body():
    reply = Reply(429, '{"error": {"message": "slow down"}}', {"Retry-After": "7"})
    with serve_chat([reply]) as server:
        with pytest.raises(openai.RateLimitError, match="slow down") as caught:
            await read(server)
        assert caught.value.response.headers["retry-after"] == "7"


async def test_a_reply_may_be_anything_but_json():
    with serve_chat([Reply(200, "<html>", {"Content-Type": "text/html"})]) as server:
        async with open_stream(server) as reader:
            response = await reader.read()
    assert response.endswith(b"\r\n\r\n<html>")
    assert response.count(b"Content-Type") == 1


async def test_raw_bytes_go_out_unchanged():
    with serve_chat([Raw(b": ping\r\n\r\n"), "x"]) as server:
        async with open_stream(server) as reader:
            assert b"\r\na\r\n: ping\r\n\r\n\r\n" in await reader.read()


async def test_a_request_too_many_is_refused_and_noticed():
    with serve_chat("one") as server:
        await read(server)
        with pytest.raises(openai.BadRequestError, match="has 1 answers only"):
            await read(server)
        with pytest.raises(AssertionError, match="has 1 answers, but 2"):
            server.assert_finished()


async def test_many_clients_at_once_each_get_their_own_answer():
    gate = Gate()
    with serve_chat(*([gate, f"answer {number}"] for number in range(20))) as server:
        reading = [asyncio.create_task(read(server)) for _ in range(20)]
        await gate.reached
        gate.open()
        answers = [chunks[0].choices[0].delta.content for chunks in await asyncio.gather(*reading)]
    assert sorted(answers) == sorted(f"answer {number}" for number in range(20))


async def test_another_path_is_not_found():
    with serve_chat() as server:
        async with open_stream(server, "nothing") as reader:
            assert (await reader.read()).startswith(b"HTTP/1.1 404 Not Found\r\n")
        server.assert_finished()


def test_sync_code_uses_it_the_same_way():
    gate = Gate()
    with serve_chat([gate, "x"], model_id="tiny") as server:
        with urllib.request.urlopen(f"{server.base_url}/models") as response:
            assert json.load(response)["data"][0]["id"] == "tiny"
        request = urllib.request.Request(f"{server.base_url}/chat/completions", b"{}", method="POST")
        gate.open()
        with urllib.request.urlopen(request) as response:
            assert response.read().endswith(b"data: [DONE]\n\n")
        gate.reached.wait_blocking()
        server.requests[0].closed.wait_blocking()


async def test_the_server_ends_while_clients_still_wait():
    with ExitStack() as ending:
        server = ending.enter_context(serve_chat([Stall()]))
        async with open_stream(server) as reader:
            await reader.readuntil(b"\r\n\r\n")
            ending.close()
            assert await reader.read() == b""
        with pytest.raises(urllib.error.URLError, match="refused"):
            await asyncio.to_thread(urllib.request.urlopen, f"{server.base_url}/models")
