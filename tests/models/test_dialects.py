"""Every dialect, byte for byte over a real connection, through `OpenAIServerModel.stream`."""

from dataclasses import dataclass, field

import pytest
from dialect_cases import CASES, cut, expected, pieces_of
from wire_server import SSE, wire_server

from agentui.errors import (
    ModelAnswerEmpty,
    ModelError,
    ModelRefused,
    ModelStreamBroken,
    ModelTimeout,
)
from agentui.models.base import fold_deltas
from agentui.models.openai_server import OpenAIServerModel
from agentui.models.retry import Retries

PROMPT = [{"role": "user", "content": "Add the squares of 0 to 4."}]
VALUES = {
    "stop": ["</code>"],
    "temperature": 0.5,
    "top_p": 0.5,
    "reasoning_effort": "low",
    "parallel_tool_calls": True,
    "tool_choice": "required",
}
KINDS = {
    "server_error_event": ModelRefused,
    "finish_reason_error": ModelRefused,
    "empty": ModelAnswerEmpty,
    "incomplete": ModelStreamBroken,
    "transport": (ModelStreamBroken, ModelTimeout),
    "decode": ModelStreamBroken,
    "non_sse_body": (ModelStreamBroken, ModelRefused),
}


@dataclass
class Outcome:
    deltas: list = field(default_factory=list)
    error: ModelError | None = None

    @property
    def message(self):
        return fold_deltas(self.deltas)


def handler_for(case, size=None):
    quirk = case["request_quirk"] or {}
    transport = case.get("transport") or {}
    first = list(quirk.get("first_responses", []))

    async def handler(exchange):
        body = exchange.body
        if first:
            response = first.pop(0)
            return await exchange.reply(response["status"], response["body"], response.get("headers", {}).items())
        if quirk.get("reject_param") in body:
            return await exchange.reply(quirk["status"], quirk["error_body"])
        if any(message["role"] == quirk.get("reject_role") for message in body["messages"]):
            return await exchange.reply(quirk["status"], quirk["error_body"])
        await exchange.start(
            content_type=case.get("content_type") or SSE, chunked=transport.get("mode", "chunked") == "chunked"
        )
        pieces = pieces_of(case)
        for piece in cut(b"".join(pieces), size) if size else pieces:
            await exchange.send(piece)
        match transport.get("then"):
            case "rst":
                exchange.reset()
            case "drop":
                exchange.drop()
            case "stall":
                await exchange.gone.wait()
            case _:
                await exchange.end()

    return handler


async def run_case(case, url, **options):
    quirk = case["request_quirk"] or {}
    refused = quirk.get("reject_param")
    if refused not in (None, "stream_options"):
        options.setdefault(refused, VALUES.get(refused, 500))
    prompt = [{"role": quirk["reject_role"], "content": "Be brief."}, *PROMPT] if "reject_role" in quirk else PROMPT
    if quirk.get("reject_role") == "developer":
        options["custom_role_conversions"] = {"developer": "developer"}
    if case.get("n"):
        options["n"] = case["n"]
    options.setdefault("timeout", (case.get("transport") or {}).get("client_timeout_s", 10))
    model = OpenAIServerModel(case["id"], url, "secret-key", retries=Retries(base_s=0.001), **options)
    outcome = Outcome()
    try:
        async for delta in model.stream(prompt):
            outcome.deltas.append(delta)
    except ModelError as error:
        outcome.error = error
    return outcome


def check(case, outcome):
    expect = expected(case)
    message, error = outcome.message, outcome.error
    assert message.content == expect["text"]
    assert (message.reasoning or "") == expect["reasoning"]
    calls = [
        {"id": call.call_id, "name": call.name, "arguments": call.arguments}
        | ({"extra_content": call.extra} if call.extra else {})
        for call in message.tool_calls
    ]
    assert calls == expect["tool_calls"]
    if expect["error"] is None:
        assert error is None
        assert outcome.deltas[-1].finish_reason == expect["finish_norm"]
        usage = outcome.deltas[-1].token_usage
    else:
        assert isinstance(error, KINDS[expect["error_kind"]])
        assert expect["error"] in str(error)
        assert error.partial == expect["text"]
        assert "secret-key" not in str(error)
        usage = error.token_usage
    check_usage(expect["usage"], usage)


def check_usage(expected, usage):
    assert (usage.source == "reported") is expected["exact"]
    for known, value in ((expected["input"], usage.input_tokens), (expected["output"], usage.output_tokens)):
        assert value == known if known is not None else value >= 0
    assert usage.input_tokens > 0
    assert usage.cached_input_tokens == expected["cached"]
    assert usage.reasoning_tokens == expected["reasoning"]


@pytest.mark.parametrize("name", CASES)
async def test_every_dialect_as_recorded(name):
    async with wire_server(handler_for(CASES[name])) as server:
        check(CASES[name], await run_case(CASES[name], server.url))
        check_requests(CASES[name], server.bodies)


def check_requests(case, bodies):
    """Usage is asked for first; a refusal costs one more request, with nothing else changed."""
    assert bodies[0]["stream"] is True
    assert bodies[0]["stream_options"] == {"include_usage": True}
    quirk = case["request_quirk"] or {}
    rejected = quirk.get("reject_param")
    refusals = (rejected is not None) + ("reject_role" in quirk)
    if case["expect"]["text"]:  # else the call may have been sent again as a whole
        assert len(bodies) == 1 + refusals + len(quirk.get("first_responses", ()))
    if rejected is not None:
        expected = {name: value for name, value in bodies[0].items() if name != rejected}
        if "use_instead" in quirk:
            expected[quirk["use_instead"]] = bodies[0][rejected]
        assert bodies[1] == expected


@pytest.mark.parametrize("size", [1, 7, 64])
@pytest.mark.parametrize(
    "name", ["utf8_split_bytes", "llamacpp_python_crlf_ping", "minimax_final_full_message", "qwen_tool_call_empty_id"]
)
async def test_a_dialect_cut_into_small_http_chunks(name, size):
    async with wire_server(handler_for(CASES[name], size)) as server:
        check(CASES[name], await run_case(CASES[name], server.url))


@pytest.mark.parametrize(
    "name", [name for name, case in CASES.items() if (case["request_quirk"] or {}).get("reject_param")]
)
async def test_what_a_server_refuses_is_not_sent_to_it_again(name):
    case = CASES[name]
    async with wire_server(handler_for(case)) as server:
        await run_case(case, server.url)
        await run_case(case, server.url)
        assert len(server.bodies) == 3
        assert case["request_quirk"]["reject_param"] not in server.bodies[2]


async def test_a_refused_developer_role_is_sent_as_system():
    case = CASES["deepseek_reject_developer"]
    async with wire_server(handler_for(case)) as server:
        model = OpenAIServerModel("m", server.url, "k", custom_role_conversions={"system": "developer"})
        messages = [{"role": "system", "content": "Be brief."}, *PROMPT]
        deltas = [delta async for delta in model.stream(messages)]
    assert fold_deltas(deltas).content == case["expect"]["text"]
    assert [body["messages"][0]["role"] for body in server.bodies] == ["developer", "system"]
    assert deltas[0].retry.wait_s == 0
    assert "system" in deltas[0].retry.reason
