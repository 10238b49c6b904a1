"""What the test of a server says in words, against servers on this machine that fail in every way."""

import asyncio

import pytest
from wire_server import delta, play, sse, usage_chunk, wire_server

from agentui.models import probe as probing
from agentui.models.listing import MAX_LIST_BYTES
from agentui.models.probe import probe_server

KEY = "sk-secret-1234567890"
HI = sse(delta("he"), delta("llo", "stop"), usage_chunk(9, 3))


def server(chat, models=("m", "qwen3-coder"), *, prefix="/v1"):
    """A handler with a list of models (None: none such) and a way to answer chats, below `prefix` only."""

    async def handler(exchange):
        if exchange.path == f"{prefix}/models" and models is not None:
            await exchange.reply(200, {"data": [{"id": name} for name in models]})
        elif exchange.path == f"{prefix}/chat/completions":
            await chat(exchange)
        else:
            await exchange.reply(404, b"<html>no such page</html>", content_type="text/html")

    return handler


def refusing(status, message):
    async def chat(exchange):
        await exchange.reply(status, {"error": {"message": message}})

    return chat


async def test_a_server_that_works_is_told_in_facts():
    async with wire_server(server(play(HI))) as wire:
        found = await probe_server("m", wire.url, KEY)
        asked = wire.exchanges[-1].body
    assert found.ok
    assert found.summary.startswith("'m' answers; the first text came after ")
    assert found.facts == (
        "the key is accepted",
        "one of 2 models that the server lists",
        "the answer streams",
        "token usage is reported",
    )
    assert found.models == ("m", "qwen3-coder")
    assert (asked["stream"], asked["max_tokens"]) == (True, probing.MAX_TOKENS)
    assert KEY not in repr(found)


async def test_what_a_server_leaves_out_is_told_too():
    async with wire_server(server(play(sse(delta("hello", "stop"))), models=None)) as wire:
        found = await probe_server("m", wire.url, "")
    assert found.ok
    assert "no key was sent, and none is needed" in found.facts
    assert "the server lists no models" in found.facts
    assert "too little came to see whether it streams" in found.facts
    assert any("not reported in full" in fact for fact in found.facts)


async def test_the_only_model_of_a_server_is_not_counted_as_many():
    async with wire_server(server(play(HI), models=["m"])) as wire:
        assert "the server lists no other model" in (await probe_server("m", wire.url, KEY)).facts
        assert (await probe_server(None, wire.url, KEY)).summary == f"{wire.url} answers, 1 model: m"


async def test_a_model_that_only_thinks_for_so_few_tokens_works():
    async with wire_server(server(play(sse(delta(reasoning_content="Hm"), delta(finish="length"))))) as wire:
        assert (await probe_server("m", wire.url, KEY)).ok


@pytest.mark.parametrize(
    ("status", "message", "words"),
    [
        (401, "bad key", "401 from {url}: the API key was refused; check api_key; the server says: bad key"),
        (403, "no", "403 from {url}: this API key may not use 'qwen3-codr'; check the key's rights"),
        (
            404,
            "no such model",
            "{url} has no model 'qwen3-codr'; choose one that it lists as model_id, such as 'qwen3-",
        ),
        (429, "slow down", "429 from {url}: too many requests, or the quota is used up; wait, or check the account"),
        (500, "oh", "500 from {url}: the server failed; try again, or look into its log"),
    ],
)
async def test_a_refusal_says_what_to_do(status, message, words):
    async with wire_server(server(refusing(status, message))) as wire:
        found = await probe_server("qwen3-codr", wire.url, KEY)
        assert not found.ok
        assert found.summary.startswith(words.format(url=wire.url))
        assert KEY not in repr(found)


async def test_a_missing_key_is_asked_for():
    async with wire_server(server(refusing(401, "no key"))) as wire:
        found = await probe_server("m", wire.url, "")
    assert "an API key is needed, and none was sent; set api_key" in found.summary


async def test_an_address_without_v1_is_completed_without_the_key():
    async with wire_server(server(play(HI))) as wire:
        base = wire.url.removesuffix("/v1")
        found = await probe_server("m", base, KEY)
        assert not found.ok
        assert found.summary == f"{base} is no such API; {base}/v1 is: put that into api_base"
        tried = [exchange for exchange in wire.exchanges if exchange.path == "/v1/models"]
        assert tried
        assert all(KEY not in str(exchange.headers) for exchange in tried)


async def test_an_address_of_something_else_says_so():
    async def page(exchange):
        await exchange.reply(200, b"<html>hello</html>", content_type="text/html")

    async with wire_server(page) as wire:
        base = wire.url.removesuffix("/v1")
        found = await probe_server("m", base, KEY)
        assert "most likely lacks /v1" in found.summary
        found = await probe_server("m", wire.url, KEY)
    assert "text/html instead of a stream" in found.summary


async def test_nobody_there():
    async with wire_server(server(play(HI))) as wire:
        url = wire.url
    host = url.removeprefix("http://").removesuffix("/v1")
    found = await probe_server("m", url, KEY)
    assert found.summary == (
        f"cannot reach {host}: nothing listens there; start the server, or correct the port in api_base"
    )
    found = await probe_server("m", "http://no-such-host.invalid/v1", KEY)
    assert "the name 'no-such-host.invalid' is not known; check the spelling of api_base" in found.summary


async def test_a_plain_server_behind_https():
    async def refuse(reader, writer):
        await reader.read(1)  # of a greeting that is no request
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        found = await probe_server("m", f"https://127.0.0.1:{port}/v1", KEY)
    assert found.summary.startswith(f"cannot reach 127.0.0.1:{port}: it does not speak TLS")
    assert found.summary.endswith("begin api_base with http:// instead")


async def test_a_silent_server_is_not_waited_for_longer_than_allowed(monkeypatch):
    monkeypatch.setattr(probing, "PROBE_S", 0.05)

    async def silent(exchange):
        await exchange.start()
        await exchange.gone.wait()

    async with wire_server(server(silent)) as wire:
        found = await probe_server("m", wire.url, KEY)
        assert found.summary.startswith(f"{wire.url} was reached, but did not answer within 0.05 s")


async def test_a_list_that_never_ends_is_cut():
    async def endless(exchange):
        await exchange.start(content_type="application/json")
        while not exchange.gone.is_set():
            await exchange.send(b" " * 1_000_000)

    async with wire_server(endless) as wire:
        found = await probe_server(None, wire.url, KEY)
    assert f"longer than {MAX_LIST_BYTES:,} bytes" in found.summary


async def test_names_that_are_no_names_are_left_out():
    names = ["good", "x" * 301, "a\nb", "\u202egnp.exe", "", 7, None]
    async with wire_server(server(play(HI), models=names)) as wire:
        assert (await probe_server(None, wire.url, "")).models == ("good",)
