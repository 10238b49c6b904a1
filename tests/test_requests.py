"""Every request to the model and its raw response are records, without a key and without saying anything twice."""

import json

import pytest
from builders import kinds, of_type
from wire_server import delta, sse, usage_chunk, wire_server

from agentui.agent import CodeAgent, ToolCallingAgent
from agentui.call_events import ModelRequested, ModelResponded
from agentui.events import RECORD, ModelRetried, StepFinished, SubagentEvent
from agentui.limits import Limits
from agentui.messages import ChatMessage
from agentui.models.openai_server import OpenAIServerModel
from agentui.models.retry import Retries
from agentui.models.tap import HEAD_BYTES, TAIL_BYTES, RawBody
from agentui.sent import MAX_TEXT, SentLog
from agentui.session import Session
from agentui.testing import FakePool, Gate, ScriptedModel
from agentui.tokens import count_messages, load
from agentui.tools import tool
from agentui.ui.feed import compact
from agentui.view import fold

KEY = "sk-visitor/0123456789"
CODE = "Go.\n<code>\n{}\n</code>"


def scripted(*answers, **options):
    return CodeAgent(tools=[], model=ScriptedModel(answers), sandbox_pool=FakePool(), **options)


def on_wire(url, **options):
    options = {"retries": Retries(attempts=3, base_s=0.0), **options}
    model = OpenAIServerModel("m", url, KEY, **options)
    return CodeAgent(tools=[], model=model, sandbox_pool=FakePool(), stream_outputs=True)


def answers(*bodies):
    """A handler that gives one body after the other; a number is the status of an error."""
    left = list(bodies)

    async def handler(exchange):
        body = left.pop(0)
        if isinstance(body, tuple):
            await exchange.reply(*body)
            return
        await exchange.start()
        await exchange.send(body)
        await exchange.end()

    return handler


def said(code, *more):
    return sse(delta(CODE.format(code)), *more, delta(finish="stop"), usage_chunk(50, 9))


def as_body(request):
    """What a reader makes of a folded request; the page does the same."""
    messages = [{"role": message.role, "content": message.text} for message in request.messages]
    return {**request.sent.settings, "messages": messages}


async def test_every_request_is_recorded_with_what_is_new_in_it():
    await load()
    agent = scripted(CODE.format("print(1)"), CODE.format("print(2)"), CODE.format("final_answer(3)"))
    result = await agent.start("Count.").wait()
    first, second, third = of_type(result.records, ModelRequested)
    n = len(first.messages)
    assert [(r.step, r.kept, len(r.messages)) for r in (second, third)] == [(2, n, 2), (3, n + 2, 2)]
    assert (first.kept, first.messages[0].role, first.messages[-1].text) == (0, "system", "Count.")
    assert third.messages[0].text == CODE.format("print(2)")
    assert third.messages[1].text.startswith("Observation:\n")
    sent = [[(m.role, m.text) for m in messages] for messages in agent.model.requests]
    view = fold(result.records)
    assert [[(m.role, m.text) for m in step.requests[0].messages] for step in view.steps] == sent
    assert [sum(m.tokens for m in step.requests[0].messages) for step in view.steps] == [
        count_messages(messages) for messages in agent.model.requests
    ]
    order = kinds(result.records)
    assert order[order.index("step_started") + 1] == "model_requested"
    assert first.settings == {"stop": ["</code>"]}


async def test_a_request_is_there_while_its_answer_is_waited_for():
    gate = Gate()
    run = scripted([gate, CODE.format("final_answer(3)")]).start("Count.")
    await gate.reached
    assert kinds(run.records)[-1] == "model_requested"
    gate.open()
    await run.wait()


async def test_plans_and_summaries_are_requests_too_and_the_next_keeps_what_both_begin_with():
    agent = scripted("First this.", CODE.format("final_answer(3)"), planning_interval=5)
    result = await agent.start("Count.").wait()
    plan, action = of_type(result.records, ModelRequested)
    assert (plan.step, action.step, action.kept) == (1, 2, len(plan.messages) - 1)
    assert [m.text for m in action.messages][0] == "First this."
    assert plan.settings == {}


async def test_another_run_of_the_conversation_begins_anew():
    agent = scripted(CODE.format("final_answer(1)"), CODE.format("final_answer(2)"))
    session = Session()
    await agent.start("One.", session=session).wait()
    result = await agent.start("Two.", session=session).wait()
    (request,) = of_type(result.records, ModelRequested)
    assert (request.kept, request.messages[-1].text, "One." in str(request.messages)) == (0, "Two.", True)
    await session.close()


async def test_a_called_agent_has_requests_of_its_own():
    helper = scripted(CODE.format("final_answer(7)"), name="helper", description="It helps.")
    calling = [CODE.format("print(helper('Help.'))"), CODE.format("final_answer(3)")]
    agent = CodeAgent(
        tools=[], managed_agents=[helper], model=ScriptedModel(calling), sandbox_pool=FakePool(), limits=Limits()
    )
    result = await agent.start("Count.").wait()
    first, second = of_type(result.records, ModelRequested)
    assert (first.kept, second.kept) == (0, len(first.messages))
    (inner,) = [e.event for e in of_type(result.records, SubagentEvent) if isinstance(e.event, ModelRequested)]
    assert (inner.kept, inner.messages[-1].text) == (0, "Help.")
    (call,) = fold(result.records).steps[0].calls.values()
    assert call.subagent.steps[0].requests[0].sent == inner


async def test_native_tools_are_offered_in_the_settings_and_their_calls_are_in_the_messages():
    @tool
    def look(where: str) -> str:
        """Look.

        Args:
            where: Place.
        """
        return f"nothing in {where}"

    def call(name, arguments):
        function = {"name": name, "arguments": json.dumps(arguments)}
        return sse(delta(tool_calls=[{"index": 0, "id": "c1", "type": "function", "function": function}]),
                   delta(finish="tool_calls"))  # fmt: skip

    async with wire_server(answers(call("look", {"where": "A"}), call("final_answer", {"answer": 1}))) as server:
        model = OpenAIServerModel("m", server.url, KEY)
        result = await ToolCallingAgent(tools=[look], model=model).start("Look.").wait()
    first, second = of_type(result.records, ModelRequested)
    assert [schema["function"]["name"] for schema in first.settings["tools"]] == ["look", "final_answer"]
    assert second.messages[0].tool_calls == tuple(server.bodies[1]["messages"][second.kept]["tool_calls"])
    assert (second.messages[1].role, second.messages[1].tool_call_id) == ("tool", "c1")


async def test_a_request_is_recorded_as_the_server_gets_it():
    bodies = [said("print(1)"), said("final_answer(2)")]
    async with wire_server(answers(*bodies)) as server:
        agent = on_wire(server.url, temperature=0.5, max_tokens=900, extra_headers={"x-team": "blue"})
        result = await agent.start("Count – “all”.").wait()
    requests = [request for step in fold(result.records).steps for request in step.requests]
    assert [as_body(request) for request in requests] == server.bodies
    assert [request.response.raw for request in requests] == [body.decode() for body in bodies]
    assert {request.response.status for request in requests} == {200}
    assert not [record for record in result.records if b"blue" in RECORD.dump_json(record)]


async def test_what_is_sent_again_is_recorded_again_as_it_is_then():
    refusal = (400, {"error": {"message": "Unsupported parameter: 'temperature'", "param": "temperature"}})
    async with wire_server(answers(refusal, (503, {"error": {"message": "busy"}}), said("final_answer(1)"))) as server:
        result = await on_wire(server.url, temperature=0.5).start("Count.").wait()
    requests = fold(result.records).steps[0].requests
    assert [as_body(request) for request in requests] == server.bodies
    assert ["temperature" in request.sent.settings for request in requests] == [True, False, False]
    n = len(requests[0].messages)
    seen = [(request.sent.kept, len(request.sent.messages), request.response.status) for request in requests]
    assert seen == [(0, n, 400), (n, 0, 503), (n, 0, 200)]
    assert "busy" in requests[1].response.raw
    order = [kind for kind in kinds(result.records) if kind.startswith("model_")]
    assert order == ["model_requested", "model_responded", "model_retried"] * 2 + ["model_requested", "model_responded"]


async def test_a_stream_that_breaks_leaves_what_had_come():
    async def handler(exchange):
        await exchange.start()
        if len(server.exchanges) == 1:
            await exchange.send(sse(delta("Half "), done=False))
            exchange.reset()
            return
        await exchange.send(said("final_answer(1)"))
        await exchange.end()

    async with wire_server(handler) as server:
        result = await on_wire(server.url).start("Count.").wait()
    first, second = fold(result.records).steps[0].requests
    assert first.response.raw == sse(delta("Half "), done=False).decode()
    assert (second.sent.kept, second.sent.messages, second.response.status) == (len(first.messages), (), 200)
    assert len(of_type(result.records, ModelRetried)) == 1


@pytest.mark.parametrize("when", ["before the answer", "in the answer"])
async def test_a_stopped_call_has_a_response_too(when):
    async def handler(exchange):
        if when == "in the answer":
            await exchange.start()
            await exchange.send(sse(delta("Half "), done=False))
        waiting.open()
        await exchange.gone.wait()

    waiting = Gate()
    async with wire_server(handler) as server:
        run = on_wire(server.url).start("Count.")
        await waiting.wait()
        while when == "in the answer" and "text_delta" not in kinds(run.records):
            await run._next_record()
        run.stop()
        result = await run.wait()
    (response,) = of_type(result.records, ModelResponded)
    assert (response.status, "Half" in response.raw) == ((200, True) if when == "in the answer" else (None, False))
    assert kinds(result.records)[-2:] == ["step_finished", "run_finished"]


async def test_nobody_there_is_a_response_without_a_status():
    result = await on_wire("http://127.0.0.1:1/v1", retries=Retries(attempts=1)).start("Count.").wait()
    assert result.status == "failed"
    assert [(r.raw, r.status) for r in of_type(result.records, ModelResponded)] == [("", None)]


@pytest.mark.parametrize("status", [200, 401])
async def test_a_key_that_comes_back_is_in_no_record(status):
    escaped = json.dumps(KEY).replace("/", "\\/").encode()
    echo = b": " + KEY.encode() + b"\n\n" + said("final_answer(1)", {"headers": {"authorization": f"Bearer {KEY}"}})
    body = echo + b'data: {"note": ' + escaped + b"}\n\n" if status == 200 else (401, {"error": f"no {KEY}"})
    extra = {"extra_body": {"proxy": {"api_key": "sk-inner-0123456789"}, "user": "me"}}
    async with wire_server(answers(body)) as server:
        result = await on_wire(server.url, **extra).start("Count.").wait()
    assert server.bodies[0]["proxy"]["api_key"] == "sk-inner-0123456789"
    text = b"\n".join(map(RECORD.dump_json, result.records)).decode()
    assert "sk-inner" not in text
    assert "0123456789" not in text
    assert "[redacted]" in of_type(result.records, ModelResponded)[0].raw
    assert of_type(result.records, ModelRequested)[0].settings["user"] == "me"


@pytest.mark.parametrize("size", [1, 1000, HEAD_BYTES + TAIL_BYTES, HEAD_BYTES + TAIL_BYTES + 1, 300_000])
@pytest.mark.parametrize("chunk", [7, 70_000])
def test_of_a_long_body_both_ends_are_kept(size, chunk):
    data = (b"%09d " * 30_000 % tuple(range(30_000)))[:size]
    body = RawBody([])
    for start in range(0, size, chunk):
        body.add(data[start : start + chunk])
    raw, left_out = body.text()
    if size <= HEAD_BYTES + TAIL_BYTES:
        assert (raw.encode(), left_out) == (data, 0)
    else:
        assert raw.encode() == data[:HEAD_BYTES] + data[-TAIL_BYTES:]
        assert left_out == size - HEAD_BYTES - TAIL_BYTES


@pytest.mark.parametrize("shift", range(-len(KEY), len(KEY) + 1, 3))
@pytest.mark.parametrize("edge", [HEAD_BYTES, 300_000 - TAIL_BYTES])
def test_no_part_of_a_key_is_left_at_the_edges_of_what_is_kept(edge, shift):
    data = bytearray(b"." * 300_000)
    data[edge + shift : edge + shift + len(KEY)] = KEY.encode()
    body = RawBody([KEY])
    for start in range(0, len(data), 1000):
        body.add(bytes(data[start : start + 1000]))
    raw, _ = body.text()
    assert set(raw) <= set(".[redacted]")


async def test_messages_are_counted_once(monkeypatch):
    await load()
    counted = []
    monkeypatch.setattr("agentui.sent.count_messages", lambda messages: counted.extend(messages) or 1)
    log, messages = SentLog(), []
    for turn in range(50):
        messages = [*messages, ChatMessage(role="user", content=f"turn {turn}")]
        log.take(messages)
        assert await log.count() == turn + 1
        request = log.record(turn, {})
        assert (request.kept, len(request.messages)) == (turn, 1)
    assert len(counted) == 50


def test_a_message_that_changed_ends_what_is_kept_and_so_does_the_way_it_is_sent():
    log = SentLog()
    one, two, three = (ChatMessage(role="user", content=text) for text in "123")
    log.take([one, two])
    log.record(1, {})
    log.take([one, three, two])
    assert log.record(2, {}).kept == 1
    other = [{"role": "user", "content": "1"}, {"role": "assistant", "content": "3"}, {"role": "user", "content": "2"}]
    log.take([one, three, two])
    assert log.record(3, {}, other).kept == 1
    log.take([one])  # never sent
    log.take([one, three, two])
    assert log.record(4, {}, other).kept == 1


def test_pictures_and_long_texts_are_named_and_not_repeated():
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    texts = [{"type": "text", "text": "Look \ud800"}, picture, {"type": "text", "text": "twice"}]
    log = SentLog()
    log.take([ChatMessage(role="user", content=texts), ChatMessage(role="user", content="x" * (MAX_TEXT + 5))])
    both = log.record(1, {}).messages
    assert (both[0].text, both[0].parts, both[0].pictures) == ("Look ?twice", (6, -1, 5), 1)
    assert (len(both[1].text), both[1].left_out, both[1].parts) == (MAX_TEXT, 5, ())


async def test_what_is_sent_late_lacks_the_raw_responses_only():
    codes = [said(f"print({i})") for i in range(30)]
    async with wire_server(answers(*codes, said("final_answer(1)"))) as server:
        agent = on_wire(server.url)
        result = await agent.start("Count.", limits=Limits(max_steps=None)).wait()
    late = compact(result.records)
    assert of_type(late, ModelRequested) == of_type(result.records, ModelRequested)
    assert of_type(late, ModelResponded) == []
    assert len(of_type(late, StepFinished)) == 31
