"""The same assertions on every real server: text, finish, usage, refusals, stops, streams side by side, a whole run.

What the server said is read from the wire, beside the client under test.
"""

import asyncio

import pytest
from builders import of_type
from real.servers import SERVERS, TASK, UNKNOWN, post

from agentui import CodeAgent
from agentui.errors import ModelHTTPError
from agentui.events import CodeStarted, TextDelta, UpstreamClosed
from agentui.models.base import fold_deltas

COLOURS = "Name three colours."
pytestmark = [pytest.mark.llama, pytest.mark.timeout(180)]


def on(**checks):
    """The servers of which all this is true."""
    chosen = [server for server in SERVERS if all(getattr(server, name) == value for name, value in checks.items())]
    return pytest.mark.parametrize("place", chosen, ids=str, indirect=True)


def ask(text):
    return [{"role": "user", "content": text}]


def counts(usage):
    return usage.input_tokens, usage.output_tokens


async def test_the_text_streams_and_its_finish_and_usage_are_the_servers(place):
    model = place.model("lister")
    deltas = [delta async for delta in model.stream(ask(COLOURS))]
    (exchange,) = place.tap.exchanges()
    assert exchange.whole
    assert len([delta for delta in deltas if delta.content]) > 1
    message = fold_deltas(deltas)
    assert message.content == exchange.text
    assert message.finish_reason == deltas[-1].finish_reason == finish_of(exchange)
    assert (counts(deltas[-1].token_usage), message.token_usage.source) == (exchange.usage, "reported")
    await model.aclose()


@on(repeats=True)
async def test_the_same_request_without_a_stream_costs_the_same(place):
    model = place.model("solver")
    message = await asyncio.to_thread(model.generate, ask(TASK), ["</code>"])
    (exchange,) = place.tap.exchanges()
    request = {name: value for name, value in exchange.request.items() if not name.startswith("stream")}
    usage = post(place.port, "/v1/chat/completions", request)["usage"]
    assert counts(message.token_usage) == (usage["prompt_tokens"], usage["completion_tokens"])


async def test_an_agent_solves_a_task_and_its_usage_is_what_the_server_reports(place):
    agent = CodeAgent(tools=[], model=place.model("solver"), stream_outputs=True, max_steps=4)
    result = await agent.start(TASK).wait()
    assert (result.status, result.output) == ("completed", 391)
    assert "17 * 23" in of_type(result.records, CodeStarted)[-1].code
    reported = [exchange.usage for exchange in place.tap.exchanges()]
    assert counts(result.usage) == tuple(map(sum, zip(*reported, strict=True)))
    assert result.usage.source == "reported"


async def test_stop_closes_the_connection_in_the_middle_of_the_answer(place):
    agent = CodeAgent(tools=[], model=place.model("teller", max_tokens=3_000), stream_outputs=True)
    run = agent.start("Write a very long story about a fox.")
    async for batch in run.subscribe():
        if of_type(batch, TextDelta):
            run.stop()
    (connection,) = place.tap.connections
    await connection.left
    assert not connection.exchanges()[0].whole
    assert run.result.status == "stopped"
    assert of_type(run.records, UpstreamClosed)
    assert run.result.usage.output_tokens > 0
    # A server with few slots can answer these only if it noticed that nobody reads the story any more.
    model = place.model("lister")
    answers = await asyncio.gather(*(asyncio.to_thread(model.generate, ask(COLOURS)) for _ in range(3)))
    assert all(answer.finish_reason for answer in answers)


async def test_streams_side_by_side_do_not_mix(place):
    models = {question: place.model(name) for name, question in (("solver", TASK), ("lister", COLOURS))}
    asked = [TASK, COLOURS] * 2
    answers = await asyncio.gather(*(read(models[question], question) for question in asked))
    said = {question: set() for question in models}
    for exchange in place.tap.exchanges():
        said[exchange.request["messages"][0]["content"]].add(exchange.text)
    assert len(place.tap.connections) == len(asked)
    assert not said[TASK] & said[COLOURS]
    assert all(answer in said[question] for question, answer in zip(asked, answers, strict=True))
    await asyncio.gather(*(model.aclose() for model in models.values()))


@on(refuses_model=True)
async def test_an_unknown_model_is_one_clear_error(place):
    await refused(place, place.model(UNKNOWN), {400, 404}, UNKNOWN)


@on(refuses_key=True)
async def test_a_wrong_key_is_one_clear_error_that_does_not_show_it(place):
    error = await refused(place, place.model("solver", key="sk-wrong-key"), {400, 401}, "solver")
    assert "sk-wrong-key" not in f"{error} {error.body}"


async def refused(place, model, statuses, name):
    with pytest.raises(ModelHTTPError) as raised:
        await read(model, TASK)
    error = raised.value
    assert error.status in statuses
    assert "\n" not in str(error)
    assert str(error.status) in str(error)
    assert [exchange.status for exchange in place.tap.exchanges()] == [error.status]  # asked once
    await model.aclose()
    return error


async def read(model, text):
    deltas = [delta async for delta in model.stream(ask(text))]
    return "".join(delta.content or "" for delta in deltas)


def finish_of(exchange):
    choices = [choice for event in exchange.events for choice in event["choices"]]
    return [choice["finish_reason"] for choice in choices if choice.get("finish_reason")][-1]
