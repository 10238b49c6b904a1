"""`OpenAIServerModel` against a real server: requests, failures, retries, limits and usage."""

import asyncio
import math

import pytest
from PIL import Image
from wire_server import delta, play, sse, usage_chunk, wire_server

from agentui.errors import (
    ConfigError,
    ModelAnswerEmpty,
    ModelConnectionError,
    ModelHTTPError,
    ModelRefused,
    ModelStreamBroken,
    ModelTimeout,
)
from agentui.messages import ChatMessage, ToolCall
from agentui.models.base import fold_deltas
from agentui.models.openai_server import OpenAIModel, OpenAIServerModel
from agentui.models.retry import Retries
from agentui.models.timing import Timeouts

PROMPT = [{"role": "user", "content": "Say hi."}]
HI = sse(delta("hi", "stop"), usage_chunk(9, 3))
QUICK = Retries(base_s=0.001)
KEY = "sk-secret-1234"


async def collect(model, messages=PROMPT, stop_sequences=None):
    return [item async for item in model.stream(messages, stop_sequences)]


async def fail(model, error, **options):
    with pytest.raises(error) as caught:
        await collect(model, **options)
    return caught.value


def refusing(status, body, times=math.inf, headers=(), content_type="application/json", then=None):
    """A handler that refuses so many requests and then answers."""
    seen = 0

    async def handler(exchange):
        nonlocal seen
        seen += 1
        if seen <= times:
            await exchange.reply(status, body, headers, content_type)
        else:
            await (then or play(HI))(exchange)

    return handler


class TestRequests:
    async def test_the_request_as_a_whole(self):
        async with wire_server(play(HI)) as server:
            model = OpenAIServerModel(
                "kimi", server.url, KEY, organization="org", temperature=0.5, top_k=3, extra_body={"thinking": False},
                extra_headers={"x-title": "t"}, client_kwargs={"default_headers": {"x-app": "a"}},
            )  # fmt: skip
            deltas = await collect(model, stop_sequences=["</code>"])
        assert fold_deltas(deltas).content == "hi"
        (exchange,) = server.exchanges
        assert exchange.path == "/v1/chat/completions"
        assert exchange.body == {
            "model": "kimi",
            "messages": PROMPT,
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": 0.5,
            "top_k": 3,
            "thinking": False,
            "stop": ["</code>"],
        }
        headers = exchange.headers
        assert headers["authorization"] == f"Bearer {KEY}"
        assert (headers["openai-organization"], headers["x-title"], headers["x-app"]) == ("org", "t", "a")

    async def test_messages_of_every_kind(self):
        call = ToolCall(call_id="c", name="f", arguments="{}", extra={"google": {"thought_signature": "s"}})
        picture = {"type": "image", "image": Image.new("RGB", (2, 2))}
        link = {"type": "image_url", "image_url": {"url": "https://x/y.png"}}
        messages = [
            ChatMessage(role="system", content="s"),
            ChatMessage(role="assistant", content="", reasoning="not sent", tool_calls=(call,)),
            ChatMessage(role="tool", content="r", tool_call_id="c"),
            ChatMessage(role="user", content=[{"type": "text", "text": "t"}, picture, link]),
            {"role": "tool-response", "content": [{"type": "text", "text": "o"}], "name": "n"},
        ]
        async with wire_server(play(HI)) as server:
            await collect(OpenAIServerModel("m", server.url, KEY), messages)
        sent = server.bodies[0]["messages"]
        assert sent[0] == {"role": "system", "content": "s"}
        function = {"name": "f", "arguments": "{}"}
        extra = {"google": {"thought_signature": "s"}}
        assert sent[1] == {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": function, "extra_content": extra}],
        }
        assert sent[2] == {"role": "tool", "content": "r", "tool_call_id": "c"}
        assert sent[3]["content"][1]["image_url"]["url"].startswith("data:image/png;base64,iVBOR")
        assert sent[3]["content"][2] == link
        assert sent[4] == {"role": "user", "content": [{"type": "text", "text": "o"}], "name": "n"}

    async def test_text_parts_may_be_flattened_and_roles_renamed(self):
        parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
        async with wire_server(play(HI)) as server:
            model = OpenAIServerModel(
                "m", server.url, KEY, flatten_messages_as_text=True, custom_role_conversions={"tool": "user"}
            )
            await collect(model, [{"role": "tool", "content": parts}])
        assert server.bodies[0]["messages"] == [{"role": "user", "content": "a\nb"}]

    @pytest.mark.parametrize(
        "message",
        [
            {"role": "wizard", "content": "x"},
            {"content": "x"},
            {"role": "user", "content": [{"type": "image", "image": 3}]},
            {"role": "user", "content": [3]},
        ],
    )
    async def test_a_message_that_cannot_be_sent(self, message):
        await fail(OpenAIServerModel("m", "http://127.0.0.1:1/v1"), ConfigError, messages=[message])

    async def test_none_leaves_out_what_is_sent_otherwise(self):
        async with wire_server(play(HI)) as server:
            await collect(OpenAIServerModel("m", server.url, KEY, stream_options=None, max_tokens=None))
        assert set(server.bodies[0]) == {"model", "messages", "stream"}

    async def test_the_two_token_limits_are_never_sent_together(self):
        async with wire_server(play(HI)) as server:
            await collect(OpenAIServerModel("m", server.url, KEY, max_tokens=5, max_completion_tokens=6))
        assert server.bodies[0]["max_completion_tokens"] == 6
        assert "max_tokens" not in server.bodies[0]

    def test_generate_and_generate_stream_from_code_that_is_not_async(self, in_thread):
        url = in_thread(play(HI))
        model = OpenAIModel("m", url, KEY)
        message = model.generate(PROMPT)
        assert (message.role, message.content, message.finish_reason) == ("assistant", "hi", "stop")
        assert (message.token_usage.input_tokens, message.token_usage.source) == (9, "reported")
        assert fold_deltas(model.generate_stream(PROMPT)).content == "hi"

    async def test_connections_are_used_again(self):
        async with wire_server(play(HI)) as server:
            model = OpenAIServerModel("m", server.url, KEY)
            await collect(model)
            await collect(model)
            await model.aclose()
        assert (len(server.exchanges), server.connections) == (2, 1)

    def test_every_event_loop_has_its_own_connections(self):
        model = OpenAIServerModel("m", "http://127.0.0.1:1/v1", KEY)

        async def once():
            async with wire_server(play(HI)) as server:
                other = OpenAIServerModel("m", server.url, KEY)
                async with model._clients.lease() as client:
                    return fold_deltas(await collect(other)).content, client

        (first, client), (second, other_client) = asyncio.run(once()), asyncio.run(once())
        assert (first, second) == ("hi", "hi")
        assert client is not other_client
        assert client.is_closed()
        assert len(model._clients._entries) <= 1


class TestModelLists:
    @pytest.mark.parametrize(
        ("body", "names"),
        [
            ({"object": "list", "data": [{"id": "a"}, {"id": "b", "owned_by": "x"}, {"name": "c"}, 3]}, ["a", "b"]),
            ([{"id": "a"}], ["a"]),
            ({"data": []}, []),
        ],
    )
    async def test_names_in_the_servers_order(self, body, names):
        async with wire_server(refusing(200, body)) as server:
            assert await OpenAIServerModel("m", server.url).list_models() == names
        assert (server.exchanges[0].method, server.exchanges[0].path) == ("GET", "/v1/models")
        assert "authorization" not in server.exchanges[0].headers

    @pytest.mark.parametrize(
        ("status", "body", "error"),
        [
            (401, {"error": KEY}, ModelHTTPError),
            (200, b"<html>", ModelStreamBroken),
            (200, b'{"a": 1}', ModelStreamBroken),
        ],
    )
    async def test_anything_else_is_an_error(self, status, body, error):
        async with wire_server(refusing(status, body)) as server:
            with pytest.raises(error) as caught:
                await OpenAIServerModel("m", server.url, KEY).list_models()
        assert KEY not in str(caught.value)

    async def test_nobody_listens(self):
        with pytest.raises(ModelConnectionError):
            await OpenAIServerModel("m", "http://127.0.0.1:1/v1").list_models()


class TestKeys:
    def test_the_key_is_in_no_text_of_the_model(self):
        model = OpenAIServerModel("m", f"http://user:{KEY}@localhost/v1?key={KEY}", KEY)
        assert KEY not in repr(model)
        assert "localhost/v1" in repr(model)

    async def test_a_server_that_echoes_the_key_does_not_get_it_into_errors(self):
        echo = {"error": {"message": f"bad key \x1b[31m{KEY}\x00 and {'long ' * 2000}"}}
        async with wire_server(refusing(401, echo, headers=[("x-request-id", KEY)])) as server:
            error = await fail(OpenAIServerModel("m", server.url, KEY), ModelHTTPError)
        for text in (str(error), error.body, repr(error), error.request_id):
            assert KEY not in text
            assert "\x1b" not in text
        assert error.__cause__ is None
        assert len(str(error)) < 1_000
        assert len(error.body) <= 4_000

    @pytest.mark.parametrize(
        "start", [delta("hi"), {"error": {"message": f"boom {KEY}"}}, {"error": f"boom {KEY} {'x' * 5000}"}]
    )
    async def test_a_key_in_a_failure_of_the_stream(self, start):
        async with wire_server(play(sse(start, {"error": f"boom {KEY}"}))) as server:
            error = await fail(OpenAIServerModel("m", server.url, KEY), ModelRefused)
        assert KEY not in str(error)
        assert "boom" in str(error)

    @pytest.mark.parametrize(
        ("base", "environment", "sent"),
        [
            (None, {"OPENAI_API_KEY": KEY}, True),
            ("same", {"OPENAI_API_KEY": KEY}, True),
            ("other", {"OPENAI_API_KEY": KEY}, False),
            ("other", {}, False),
        ],
    )
    async def test_the_environments_key_goes_where_it_belongs_only(self, monkeypatch, base, environment, sent):
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        async with wire_server(play(HI)) as server:
            monkeypatch.setenv("OPENAI_BASE_URL", server.url if base != "other" else "http://elsewhere/v1")
            await collect(OpenAIServerModel("m", None if base is None else server.url))
        assert (server.exchanges[0].headers.get("authorization") == f"Bearer {KEY}") is sent

    @pytest.mark.parametrize("key", ["ключ", "a\x00b", "a\nb"])
    def test_a_key_that_no_header_can_carry(self, key):
        with pytest.raises(ConfigError) as caught:
            OpenAIServerModel("m", "http://x/v1", key)
        assert key not in str(caught.value)

    @pytest.mark.parametrize("base", ["localhost:8000", "ftp://x/v1", "http://", "/v1"])
    def test_an_address_that_is_none(self, base):
        with pytest.raises(ConfigError, match="api_base"):
            OpenAIServerModel("m", base)


class TestHTTPErrors:
    @pytest.mark.parametrize(
        ("status", "advice"),
        [
            (400, "check the model's parameters"),
            (401, "the API key was refused; check api_key"),
            (402, "no credit"),
            (403, "may not use 'm'"),
            (404, "no model 'm'"),
            (413, "too large"),
            (422, "refuses"),
        ],
    )
    async def test_what_to_do_next(self, status, advice):
        async with wire_server(refusing(status, {"error": {"message": "boom", "code": "x"}})) as server:
            error = await fail(OpenAIServerModel("m", server.url, KEY), ModelHTTPError)
        assert str(error).startswith(f"{status} from {server.url}: ")
        assert advice in str(error)
        assert str(error).endswith("the server says: boom")
        assert (error.status, error.retryable, error.token_usage, error.partial) == (status, False, None, "")
        assert len(server.exchanges) == 1

    @pytest.mark.parametrize(
        "said",
        [
            "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.",
            "the request exceeds the available context size, try increasing it",
            "prompt is too long: 210000 tokens > 200000 maximum",
        ],
    )
    async def test_a_request_that_does_not_fit_is_told_what_to_do(self, said):
        async with wire_server(refusing(400, {"error": {"message": said}})) as server:
            error = await fail(OpenAIServerModel("m", server.url, KEY), ModelHTTPError)
        assert "does not fit into the model's context; shorten the task, or give the agent" in str(error)
        assert str(error).endswith(said)

    @pytest.mark.parametrize("status", [401, 403])
    async def test_a_refusal_without_a_key_says_that_none_was_sent(self, status):
        async with wire_server(refusing(status, b"no")) as server:
            error = await fail(OpenAIServerModel("m", server.url), ModelHTTPError)
        assert "an API key is needed, and none was sent; set api_key" in str(error)
        assert "may not use" not in str(error)

    @pytest.mark.parametrize("body", [b'"Invalid token"', b"Invalid token", b'{"message": "Invalid token"}'])
    async def test_bodies_of_every_shape(self, body):
        async with wire_server(refusing(401, body)) as server:
            error = await fail(OpenAIServerModel("m", server.url), ModelHTTPError)
        assert "Invalid token" in str(error)
        assert "an API key is needed" in str(error)

    async def test_a_page_instead_of_json(self):
        async with wire_server(refusing(404, b"<html>nginx</html>", content_type="text/html")) as server:
            error = await fail(OpenAIServerModel("m", server.url, KEY), ModelHTTPError)
        assert "/v1" in str(error)
        assert "web page" in str(error)
        assert "<html" not in str(error)

    async def test_an_error_without_end_is_read_up_to_a_limit(self):
        async def handler(exchange):
            await exchange.start(400, content_type="text/plain")
            while True:
                await exchange.send(b"boom " * 10_000)

        async with wire_server(handler) as server:
            error = await fail(OpenAIServerModel("m", server.url, KEY), ModelHTTPError)
        assert "boom boom" in str(error)

    async def test_an_error_that_breaks_off(self):
        async def handler(exchange):
            await exchange.start(400)
            await exchange.send(b'{"err')
            exchange.drop()

        async with wire_server(handler) as server:
            await fail(OpenAIServerModel("m", server.url, KEY, retries=QUICK), ModelStreamBroken)

    async def test_an_answer_without_end_is_given_up(self, monkeypatch):
        monkeypatch.setattr("agentui.models.answer.MAX_ANSWER_CHARS", 100)

        async def handler(exchange):
            await exchange.start()
            while True:
                await exchange.send(sse(delta("x" * 60), done=False))

        async with wire_server(handler) as server:
            error = await fail(OpenAIServerModel("m", server.url, KEY), ModelStreamBroken)
        assert "longer than 100 characters" in str(error)

    async def test_redirects_are_not_followed(self):
        async with wire_server(play(HI)) as target:
            to = [("location", target.url + "/chat/completions")]
            async with wire_server(refusing(307, b"", headers=to)) as server:
                error = await fail(OpenAIServerModel("m", server.url, KEY), ModelHTTPError)
            assert "redirect" in str(error)
            assert target.exchanges == []

    async def test_nobody_listens(self):
        async with wire_server(play(HI)) as server:
            url = server.url
        model = OpenAIServerModel("m", url, KEY, retries=QUICK)
        deltas = []
        with pytest.raises(ModelConnectionError) as caught:
            deltas += [item async for item in model.stream(PROMPT)]
        host = url.removeprefix("http://").removesuffix("/v1")
        assert f"cannot reach {host}" in str(caught.value)
        assert "api_base" in str(caught.value)
        assert caught.value.token_usage is None

    async def test_a_name_that_does_not_exist(self):
        error = await fail(OpenAIServerModel("m", "http://nowhere.invalid/v1", retries=QUICK), ModelConnectionError)
        assert "nowhere.invalid:80" in str(error)


class TestRetries:
    @pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
    async def test_what_may_pass_is_sent_again_and_shown_first(self, status):
        async with wire_server(refusing(status, {"error": {"message": "busy"}}, times=2)) as server:
            deltas = await collect(OpenAIServerModel("m", server.url, KEY, retries=QUICK))
        retries = [item.retry for item in deltas if item.retry]
        assert [retry.attempt for retry in retries] == [1, 2]
        assert all(f"{status} from" in retry.reason and "busy" in retry.reason for retry in retries)
        assert deltas[:2] == [item for item in deltas if item.retry]
        assert fold_deltas(deltas).content == "hi"
        assert fold_deltas(deltas).token_usage.source == "reported"

    @pytest.mark.parametrize("headers", [[], [("retry-after", "0")]])
    async def test_attempts_are_bounded(self, headers):
        async with wire_server(refusing(503, b"", headers=headers)) as server:
            error = await fail(OpenAIServerModel("m", server.url, KEY, retries=QUICK), ModelHTTPError)
        assert len(server.exchanges) == 3
        assert error.retryable

    async def test_the_openai_clients_own_settings_count(self):
        async with wire_server(refusing(503, b"")) as server:
            model = OpenAIServerModel("m", server.url, KEY, client_kwargs={"max_retries": 0, "timeout": 7})
            await fail(model, ModelHTTPError)
        assert len(server.exchanges) == 1
        assert (model.timeouts.silence_s, model.timeouts.first_byte_s) == (7, 7)

    @pytest.mark.parametrize(
        ("headers", "wait_s"), [([("retry-after-ms", "20")], 0.02), ([("retry-after", "0.01")], 0.01)]
    )
    async def test_the_server_says_how_long(self, headers, wait_s):
        async with wire_server(refusing(429, b"", times=1, headers=headers)) as server:
            deltas = await collect(OpenAIServerModel("m", server.url, KEY))
        assert deltas[0].retry.wait_s == wait_s

    @pytest.mark.parametrize("headers", [[("retry-after", "3600")], [("x-should-retry", "false")]])
    async def test_the_server_says_not_to(self, headers):
        async with wire_server(refusing(429, b"", headers=headers)) as server:
            error = await fail(OpenAIServerModel("m", server.url, KEY), ModelHTTPError)
        assert len(server.exchanges) == 1
        assert error.retry_after_s == (3600 if headers[0][0] == "retry-after" else None)

    async def test_a_break_before_the_first_delta_is_sent_again(self):
        breaks = iter([True, False])

        async def handler(exchange):
            if next(breaks):
                await exchange.start()
                await exchange.send(b": wait\n\n" + sse(delta(""), done=False))
                exchange.reset()
            else:
                await play(HI)(exchange)

        async with wire_server(handler) as server:
            deltas = await collect(OpenAIServerModel("m", server.url, KEY, retries=QUICK))
        assert deltas[0].retry.attempt == 1
        assert fold_deltas(deltas).content == "hi"

    async def test_an_overloaded_stream_is_sent_again(self):
        overloaded = play(sse({"error": {"message": "busy", "code": 529}}))
        handlers = iter([overloaded, play(HI)])
        async with wire_server(lambda exchange: next(handlers)(exchange)) as server:
            deltas = await collect(OpenAIServerModel("m", server.url, KEY, retries=QUICK))
        assert "busy" in deltas[0].retry.reason
        assert len(server.exchanges) == 2

    @pytest.mark.parametrize("then", ["reset", "drop", "end"])
    async def test_a_break_after_the_first_delta_is_not(self, then):
        async def handler(exchange):
            await exchange.start()
            await exchange.send(sse(delta("Thought"), delta(": x"), done=False))
            if then == "end":
                await exchange.end()
            else:
                getattr(exchange, then)()

        async with wire_server(handler) as server:
            error = await fail(OpenAIServerModel("m", server.url, KEY, retries=QUICK), ModelStreamBroken)
        assert len(server.exchanges) == 1
        assert (error.partial, error.retryable, error.token_usage.source) == ("Thought: x", True, "estimated")
        assert error.token_usage.output_tokens > 0


class TestAdapting:
    async def test_one_thing_after_the_other_is_left_out(self):
        refused = {
            "stream_options": "unknown: stream_options",
            "stop": "'stop' is unsupported",
            "top_k": "top_k: extra input",
        }

        async def handler(exchange):
            named = next((name for name in refused if name in exchange.body), None)
            if named is None:
                await play(sse(delta("a</code>b", "stop")))(exchange)
            else:
                await exchange.reply(422, {"detail": refused[named]})

        async with wire_server(handler) as server:
            model = OpenAIServerModel("adapting", server.url, KEY, top_k=1)
            deltas = await collect(model, stop_sequences=["</code>"])
            assert [item.retry.wait_s for item in deltas if item.retry] == [0, 0, 0]
            assert "without stream_options" in deltas[0].retry.reason
            assert fold_deltas(deltas).content == "a"
            assert set(server.bodies[-1]) == {"model", "messages", "stream"}
            await collect(OpenAIServerModel("adapting", server.url, KEY, top_k=1), stop_sequences=["</code>"])
            assert len(server.exchanges) == 5
            await collect(OpenAIServerModel("another", server.url, KEY))
            assert "stream_options" in server.bodies[5]

    async def test_lessons_do_not_use_up_the_retries(self):
        answers = [
            (400, "unknown stream_options"),
            (400, "unknown top_k"),
            (400, "unknown top_p"),
            (503, "busy"),
            (503, "busy"),
        ]

        async def handler(exchange):
            if answers:
                status, message = answers.pop(0)
                await exchange.reply(status, {"message": message})
            else:
                await play(HI)(exchange)

        async with wire_server(handler) as server:
            model = OpenAIServerModel("learning", server.url, KEY, retries=QUICK, top_k=1, top_p=1)
            deltas = await collect(model, iter(PROMPT))
        assert [item.retry.attempt for item in deltas if item.retry] == [1, 2, 3, 4, 5]
        assert fold_deltas(deltas).content == "hi"

    async def test_a_server_that_refuses_whatever_it_gets_ends_the_matter(self):
        echo = {"error": {"message": "unknown: stream_options 'stop' model messages tools"}}
        async with wire_server(refusing(400, echo)) as server:
            await fail(OpenAIServerModel("stubborn", server.url, KEY), ModelHTTPError, stop_sequences=["x"])
        assert len(server.exchanges) == 3


class TestStopping:
    async def test_the_usage_behind_our_own_cut_is_read(self):
        stream = sse(delta("a</co"), delta("de> and"), delta(" more", "stop"), usage_chunk(9, 7))
        async with wire_server(play(stream)) as server:
            deltas = await collect(OpenAIServerModel("m", server.url, KEY), stop_sequences=["</code>"])
        assert fold_deltas(deltas).content == "a"
        assert (deltas[-1].finish_reason, deltas[-1].token_usage.output_tokens) == ("stop", 7)
        assert deltas[-1].token_usage.source == "reported"

    @pytest.mark.parametrize("silent", [True, False])
    async def test_a_server_that_goes_on_is_closed(self, silent):
        async def handler(exchange):
            await exchange.start()
            await exchange.send(sse(delta("a</code>", usage={"prompt_tokens": 9, "completion_tokens": 2}), done=False))
            while not silent:
                await exchange.send(sse(delta(" on and on"), done=False))
            await exchange.gone.wait()

        async with wire_server(handler) as server:
            model = OpenAIServerModel("m", server.url, KEY, timeouts=Timeouts(drain_s=0.2 if silent else 10))
            deltas = await collect(model, stop_sequences=["</code>"])
        assert fold_deltas(deltas).content == "a"
        assert (deltas[-1].finish_reason, deltas[-1].token_usage.source) == ("stop", "mixed")


class TestLimits:
    async def silence(self, server_sends, timeouts, error=ModelTimeout):
        async def handler(exchange):
            await server_sends(exchange)
            await exchange.gone.wait()

        async with wire_server(handler) as server:
            model = OpenAIServerModel("m", server.url, KEY, timeouts=timeouts, retries=QUICK)
            raised = await fail(model, error)
            assert len(server.exchanges) == 1
            return raised

    async def test_no_answer(self):
        async def nothing(exchange):
            pass

        error = await self.silence(nothing, Timeouts(first_byte_s=0.1))
        assert "no answer within 0.1 s" in str(error)
        assert (error.token_usage.source, error.token_usage.output_tokens) == ("estimated", 0)

    @staticmethod
    async def keep_alives(exchange):
        while not exchange.gone.is_set():
            await exchange.send(b": keep-alive\n\n" + sse(delta(""), done=False))
            await asyncio.sleep(0.01)

    async def test_keep_alives_without_a_delta(self):
        async def pings(exchange):
            await exchange.start()
            await self.keep_alives(exchange)

        error = await self.silence(pings, Timeouts(first_delta_s=0.1))
        assert "no first delta within 0.1 s" in str(error)

    async def test_keep_alives_after_a_delta(self):
        async def pings(exchange):
            await exchange.start()
            await exchange.send(sse(delta("Thought <"), done=False))
            await self.keep_alives(exchange)

        error = await self.silence(pings, Timeouts(silence_s=0.1))
        assert "no new delta for 0.1 s" in str(error)
        assert error.partial == "Thought <"

    async def test_the_whole_call(self):
        async def trickle(exchange):
            await exchange.start()
            while not exchange.gone.is_set():
                await exchange.send(sse(delta("x"), done=False))
                await asyncio.sleep(0.01)

        error = await self.silence(trickle, Timeouts(call_s=0.6))
        assert "longer than 0.6 s" in str(error)
        assert error.partial.startswith("xx")

    async def test_silence_after_the_finish_is_the_end(self):
        async def handler(exchange):
            await exchange.start()
            await exchange.send(sse(delta("hi", "stop"), done=False))
            await exchange.gone.wait()

        async with wire_server(handler) as server:
            deltas = await collect(OpenAIServerModel("m", server.url, KEY, timeouts=Timeouts(tail_s=0.1)))
        assert (deltas[-1].finish_reason, deltas[-1].token_usage.source) == ("stop", "estimated")

    async def test_a_server_that_holds_the_connection_after_done_is_not_waited_for(self):
        async def handler(exchange):
            await exchange.start()
            await exchange.send(HI)
            await exchange.gone.wait()

        async with wire_server(handler) as server:
            assert fold_deltas(await collect(OpenAIServerModel("m", server.url, KEY))).content == "hi"

    async def test_a_break_after_the_finish_takes_nothing_away(self):
        async def handler(exchange):
            await exchange.start()
            await exchange.send(sse(delta("hi", "stop"), done=False))
            exchange.reset()

        async with wire_server(handler) as server:
            deltas = await collect(OpenAIServerModel("m", server.url, KEY))
        assert (fold_deltas(deltas).content, deltas[-1].finish_reason) == ("hi", "stop")

    async def test_a_slow_consumer_is_not_interrupted(self):
        async with wire_server(play(sse(delta("a"), done=False), HI)) as server:
            model = OpenAIServerModel("m", server.url, KEY, timeouts=Timeouts(silence_s=0.2))
            seen = []
            async for item in model.stream(PROMPT):
                await asyncio.sleep(0.3)
                seen.append(item.content)
        assert seen == ["a", "hi", None]

    @pytest.mark.parametrize("value", [0, -1, math.nan])
    def test_a_limit_must_be_positive(self, value):
        with pytest.raises(ValueError, match="silence_s"):
            Timeouts(silence_s=value)


class TestUsage:
    async def test_live_numbers_ride_on_the_deltas(self):
        chunks = [delta("a", usage={"prompt_tokens": 9, "completion_tokens": n}) for n in (1, 2)]
        async with wire_server(play(sse(*chunks, delta(finish="stop")))) as server:
            deltas = await collect(OpenAIServerModel("m", server.url, KEY))
        assert [item.token_usage.output_tokens for item in deltas] == [1, 2, 2]

    async def test_one_side_reported_is_mixed(self):
        stream = sse(delta("hi there"), delta(finish="stop", usage={"prompt_tokens": 9}))
        async with wire_server(play(stream)) as server:
            (*_, last) = await collect(OpenAIServerModel("m", server.url, KEY))
        assert (last.token_usage.input_tokens, last.token_usage.output_tokens) == (9, 2)
        assert last.token_usage.source == "mixed"

    async def test_an_empty_answer_keeps_what_it_cost(self):
        async with wire_server(play(sse(delta(finish="length"), usage_chunk(95, 256, reasoning_tokens=256)))) as server:
            error = await fail(OpenAIServerModel("m", server.url, KEY), ModelAnswerEmpty)
        assert (error.token_usage.output_tokens, error.token_usage.source) == (256, "reported")

    async def test_usage_behind_an_error_event_is_read(self):
        stream = sse(delta("a"), {"error": {"message": "boom"}}, usage_chunk(9, 4))
        async with wire_server(play(stream)) as server:
            error = await fail(OpenAIServerModel("m", server.url, KEY), ModelRefused)
        assert (error.partial, error.token_usage.input_tokens, error.token_usage.source) == ("a", 9, "mixed")
