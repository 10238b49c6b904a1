"""A hostile server: whatever it sends, reading takes time linear in its bytes and bounded memory, and no recursion.

Quadratic work would run into the time limit of the test.
"""

import gzip
import json
import zlib

import pytest
from wire_server import delta, sse, wire_server

from agentui.errors import ModelHTTPError, ModelStreamBroken
from agentui.models import answer, tool_calls
from agentui.models.answer import AnswerReader
from agentui.models.base import fold_deltas
from agentui.models.body import BodyReader
from agentui.models.openai_server import OpenAIServerModel
from agentui.models.retry import Retries
from agentui.models.sse import Malformed, SSEParser, parse_json
from agentui.models.tool_calls import ToolCallAssembler

PROMPT = [{"role": "user", "content": "Say hi."}]
HI = sse(delta("hi", "stop"))
ONCE = Retries(attempts=1)


async def collect(model):
    return [item async for item in model.stream(PROMPT)]


def read(*chunks):
    reader = AnswerReader()
    deltas = [item for event in SSEParser().feed(sse(*chunks)) for item in reader.read(event)]
    return reader, deltas


def test_a_line_at_a_time_of_one_endless_event():
    parser = SSEParser()
    assert not [event for _ in range(100_000) for event in parser.feed(b"data: x\n")]


def test_a_byte_at_a_time_of_one_endless_line():
    parser = SSEParser()
    assert not [event for _ in range(200_000) for event in parser.feed(b"x")]


def test_a_body_of_nothing_but_space():
    body = BodyReader("application/json")
    assert not [event for _ in range(20_000) for event in body.feed(b" ")]
    assert not body._head


def test_an_answer_of_nothing_but_tool_calls():
    entries = [{"id": f"id{number}", "function": {"name": "f"}} for number in range(10_000)]
    reader, (shown,) = read({"choices": [{"delta": {"tool_calls": entries}}]})
    assert len(shown.tool_calls) == tool_calls.MAX_TOOL_CALLS + 1
    assert "more than 1,000 tool calls" in reader.verdict().message
    assert not reader.verdict().retryable


def test_arguments_count_as_text(monkeypatch):
    monkeypatch.setattr(answer, "MAX_ANSWER_CHARS", 100)
    call = {"index": 0, "function": {"name": "f", "arguments": "x" * 60}}
    reader, _ = read(*[{"choices": [{"delta": {"tool_calls": [call]}}]}] * 2)
    assert "longer than 100 characters" in reader.verdict().message


@pytest.mark.parametrize("piece", ["x}", "x" * 50])
def test_arguments_in_many_pieces_that_each_could_be_the_last(piece):
    assembler = ToolCallAssembler()
    pieces = ['{"a": "', *[piece] * 30_000]
    for arguments in pieces:
        assembler.feed([{"index": 0, "function": {"name": "f", "arguments": arguments}}])
    assert assembler.count == 1


@pytest.mark.parametrize("half", ["", '"half": "\\ud83d", '])
@pytest.mark.parametrize("depth", [201, 400, 900, 50_000])
def test_json_that_is_too_deep(depth, half):
    nested = '{"error": ' * depth + "1" + "}" * depth
    assert isinstance(parse_json(f'{{{half}"error": {nested}}}'.encode()), Malformed)


@pytest.mark.parametrize("half", ["", '"half": "\\ud83d", '])
@pytest.mark.parametrize("inner", ['{"error": %s}', '{"choices": [{"delta": {"content": [{"thinking": %s}]}}]}'])
def test_json_that_is_just_not_too_deep(inner, half):
    nested = '[{"error": [{"thinking": ' * 45 + '"x"' + "}]}]" * 45
    payload = parse_json((inner % nested).replace("{", "{" + half, 1).encode())
    reader = AnswerReader()
    reader.read(SSEParser().feed(b"data: " + json.dumps(payload).encode() + b"\n\n")[0])
    reader.close()
    reader.verdict()


def test_numbers_of_many_digits():
    digits = "9" * 5_000
    reader = AnswerReader()
    for event in SSEParser().feed(f'data: {{"code": {digits}, "usage": {{"prompt_tokens": {digits}}}}}\n\n'.encode()):
        reader.read(event)
    assert reader.verdict().error is ModelStreamBroken


def packed(data, encoding):
    return gzip.compress(data) if encoding == "gzip" else zlib.compress(data)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "GZIP"])
async def test_a_compressed_stream_is_read(encoding):
    async def handler(exchange):
        assert exchange.headers["accept-encoding"] == "gzip, deflate"
        await exchange.start(headers=[("content-encoding", encoding)])
        await exchange.send(packed(HI, encoding.lower()))
        await exchange.end()

    async with wire_server(handler) as server:
        assert fold_deltas(await collect(OpenAIServerModel("m", server.url, "k"))).content == "hi"


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "what"])
async def test_compressions_that_nobody_asked_for_are_not_undone(encoding):
    async def handler(exchange):
        await exchange.start(headers=[("content-encoding", encoding)])
        await exchange.send(gzip.compress(gzip.compress(HI)))
        await exchange.end()

    async with wire_server(handler) as server:
        with pytest.raises(ModelStreamBroken):
            await collect(OpenAIServerModel("m", server.url, "k", retries=ONCE))


@pytest.mark.parametrize("data", [b"broken", gzip.compress(HI)[:-9]])
async def test_a_compression_that_is_broken_is_a_broken_stream(data):
    async def handler(exchange):
        await exchange.start(headers=[("content-encoding", "gzip")])
        await exchange.send(data)
        await exchange.end()

    async with wire_server(handler) as server:
        model = OpenAIServerModel("m", server.url, "k", retries=ONCE)
        if data == b"broken":
            with pytest.raises(ModelStreamBroken):
                await collect(model)
        else:  # cut after the finish: nothing is missing
            assert fold_deltas(await collect(model)).content == "hi"


async def test_a_compressed_error_is_undone_up_to_a_limit():
    bomb = gzip.compress(b"boom " * 4_000_000)

    async def handler(exchange):
        await exchange.start(400, [("content-encoding", "gzip")], content_type="text/plain")
        await exchange.send(bomb)
        await exchange.end()

    async with wire_server(handler) as server:
        with pytest.raises(ModelHTTPError, match="boom boom") as caught:
            await collect(OpenAIServerModel("m", server.url, "k"))
    assert len(caught.value.body) <= 4_000
