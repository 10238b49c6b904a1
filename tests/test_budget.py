"""Limits that end a run inside an answer, over real sockets: what is closed, kept, counted and said."""

import asyncio
import json

import pytest
from builders import of_type

from agentui.agent import CodeAgent, ToolCallingAgent
from agentui.errors import ConfigError
from agentui.events import ModelRetried, SubagentEvent, UpstreamClosed, UsageUpdated
from agentui.ledger import usage_rows
from agentui.limits import Limits
from agentui.messages import ToolCall
from agentui.models.openai_server import OpenAIServerModel
from agentui.models.retry import Retries
from agentui.session import Session
from agentui.testing import Drop, FakePool, Gate, Raw, Reply, ScriptedModel, serve_chat
from agentui.tokens import count_messages
from agentui.usage import TokenUsage, sum_usage
from agentui.view import fold


def code(body):
    return f"Go.\n<code>\n{body}\n</code>"


def agent_on(server, model_id="m", **options):
    model = OpenAIServerModel(model_id=model_id, api_base=server.base_url, api_key="none")
    return CodeAgent([], model, sandbox_pool=FakePool(), **{"stream_outputs": True, **options})


def scripted(*answers, kind=CodeAgent, **options):
    return kind([], ScriptedModel(answers), sandbox_pool=FakePool(), **{"stream_outputs": True, **options})


def priced(*answers, **options):
    agent = scripted(*answers, **options)
    agent.model.model_id, agent.model.server = "gpt-5-mini", "https://api.openai.com/v1"
    return agent


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(max_tokens=1500), "of max_tokens=1,500, and the next request needs about "),
        (Limits(max_cost_usd=0.002), "of max_cost_usd=0.002, and the next request needs about $0.0"),
        (Limits(max_seconds=0.3), "s of max_seconds=0.3): raise it and go on"),
    ],
    ids=["tokens", "dollars", "seconds"],
)
async def test_a_limit_closes_the_connection_inside_the_answer_and_keeps_what_was_said(limits, said):
    never = Gate("after the cut")
    session = Session()
    with serve_chat(["word " * 2000, never, "never sent"], [code("final_answer(1)")]) as server:
        agent = agent_on(server, "gpt-5-mini")
        agent.model.server = "https://api.openai.com/v1"  # whose prices are known
        result = await agent.start("task", session=session, limits=limits).wait()
        await server.requests[0].closed
        assert not server.requests[0].finished
        assert (result.status, len(server.requests)) == ("limit", 1)
        assert said in result.error
        assert result.steps[0].thought == ("word " * 2000).strip()
        assert result.usage.output_tokens >= 1900
        assert result.usage.source == "estimated"
        assert of_type(result.records, UpstreamClosed)[0].usage == result.usage
        more = await agent.start(None, session=session, limits=session.unfinished.raised(20)).wait()
        assert (more.status, more.output) == ("completed", 1), more.error
        await agent.model.aclose()


@pytest.mark.parametrize("limits", [Limits(max_tokens=2000), Limits(max_cost_usd=0.002)], ids=["tokens", "dollars"])
async def test_each_time_that_a_cap_is_raised_by_half_the_model_gets_to_say_more(limits):
    agent, session = priced(*[["word "] * 3000] * 3, code("final_answer(1)")), Session()
    result = await agent.start("task", session=session, limits=limits).wait()
    for requests in (2, 3, 4):
        assert (result.status, len(agent.model.requests)) == ("limit", requests - 1), result.error
        result = await agent.start(None, session=session, limits=session.unfinished.raised()).wait()
        assert len(agent.model.requests) == requests, result.error
    assert result.output == 1
    agent.model.assert_finished()


async def test_money_is_not_overrun_however_fast_the_model_streams():
    result = await priced(["word "] * 5000).start("task", limits=Limits(max_cost_usd=0.002)).wait()
    assert result.status == "limit"
    assert 0.002 < result.records[-1].event.cost.usd < 0.002 + 2 * 2e-6 + 1e-9


async def test_a_request_that_cannot_be_paid_is_not_sent():
    agent, session = scripted([code("print('long ' * 2000)"), TokenUsage(900, 100)]), Session()
    result = await agent.start("task", session=session, limits=Limits(max_tokens=2000)).wait()
    assert (result.status, len(agent.model.requests)) == ("limit", 1)
    assert result.usage == TokenUsage(900, 100)
    assert "1,000 of max_tokens=2,000, and the next request needs about" in result.error
    with pytest.raises(ConfigError, match="max_tokens=2000 is too little to go on: raise it to at least"):
        agent.start(None, session=session)
    assert session.unfinished.raised().max_tokens > session.unfinished.needed * 1.4


async def test_agents_that_work_side_by_side_share_what_is_left():
    def calls(*names):
        return [ToolCall(call_id=name, name=name, arguments='{"task": "go"}', index=i) for i, name in enumerate(names)]

    helpers = [scripted(["word "] * 3000, name=f"helper_{i}", description="Writes.") for i in range(3)]
    agent = scripted(
        [*calls(*(helper.name for helper in helpers)), TokenUsage(100, 10)],
        kind=ToolCallingAgent,
        managed_agents=helpers,
    )
    result = await agent.start("task", limits=Limits(max_tokens=5000)).wait()
    assert result.status == "limit"
    assert result.usage.total_tokens <= 5000 + len(helpers) * 10
    assert [e.event.status for e in of_type(result.records, SubagentEvent) if e.event.type == "run_finished"] == [
        "limit"
    ] * 3


async def test_a_called_agent_on_another_model_counts_at_its_own_price():
    helper = priced([code("final_answer(1)"), TokenUsage(1_000_000, 0)], name="helper", description="Helps.")
    agent = priced(
        [code("x = helper('it')"), TokenUsage(1000, 0)],
        managed_agents=[helper],
        limits=Limits(max_cost_usd=0.1),
    )
    agent.model.model_id = "gpt-5"
    result = await agent.start("task").wait()
    cost = result.records[-1].event.cost
    assert result.status == "limit"
    assert cost.usd == pytest.approx(1_000_000 * 0.25e-6 + 1000 * 1.25e-6)
    assert cost.source.count("genai-prices") == 2


async def test_a_called_agent_whose_price_nobody_knows_is_refused_where_money_is_limited():
    helper = scripted(code("final_answer(1)"), name="helper", description="Helps.")
    agent = priced(
        code("helper('it')"), code("final_answer('no')"), managed_agents=[helper], limits=Limits(max_cost_usd=1)
    )
    result = await agent.start("task").wait()
    assert "that of 'scripted' is unknown: set max_tokens instead" in result.steps[0].error
    assert helper.model.requests == []


async def test_what_an_attempt_cost_that_the_model_itself_repeats_is_counted():
    error = {"error": {"message": "overloaded", "code": 503}, "usage": {"prompt_tokens": 70, "completion_tokens": 0}}
    failing = [Raw(b"data: " + json.dumps(error).encode() + b"\n\n")]
    with serve_chat(failing, [code("final_answer(1)"), TokenUsage(60, 9)]) as server:
        agent = agent_on(server)
        agent.model.retries = Retries(base_s=0.0)
        result = await agent.start("task").wait()
        await agent.model.aclose()
    retried = of_type(result.records, ModelRetried)[0]
    assert (result.status, retried.usage.input_tokens) == ("completed", 70)
    assert result.usage.input_tokens == 130
    rows = usage_rows(fold(result.records))
    assert [(row.attempt, row.failed, row.usage.input_tokens) for row in rows] == [(1, True, 70), (2, False, 60)]
    assert sum_usage(row.usage for row in rows) == result.usage


async def test_every_request_of_a_step_has_a_number_and_its_own_times(monkeypatch):
    monkeypatch.setattr("agentui.ask.RESTART_WAIT_S", 0.05)
    error = {"error": {"message": "overloaded", "code": 503}, "usage": {"prompt_tokens": 70, "completion_tokens": 0}}
    failing = [Raw(b"data: " + json.dumps(error).encode() + b"\n\n")]
    with serve_chat(failing, ["half", Drop()], [code("final_answer(1)"), TokenUsage(60, 9)]) as server:
        agent = agent_on(server)
        agent.model.retries = Retries(base_s=0.0)
        result = await agent.start("task").wait()
        await agent.model.aclose()
    retries = [record for record in result.records if isinstance(record.event, ModelRetried)]
    assert [record.event.attempt for record in retries] == [1, 2]
    rows = usage_rows(fold(result.records))
    assert [(row.attempt, row.failed) for row in rows] == [(1, True), (2, True), (3, False)]
    sent_again, timing = retries[1].t + 0.05, result.steps[0].timing
    assert timing.first_delta > sent_again
    assert rows[-1].first_delta_s == pytest.approx(timing.first_delta - sent_again)
    assert rows[-1].generating_s == pytest.approx(timing.model_finished - timing.first_delta)


async def test_a_request_that_is_stopped_before_its_first_byte_was_counted_by_then():
    never = Gate("first byte")
    with serve_chat([never]) as server:
        agent = agent_on(server)
        run = agent.start("task: " + "<|?|> " * 500)
        await never.reached
        await asyncio.gather(*[task for task in asyncio.all_tasks() if task.get_coro().__name__ == "to_thread"])
        run.stop()
        result = await run.wait()
        await agent.model.aclose()
    assert result.usage.input_tokens == count_messages(server.requests[0].body["messages"])
    assert of_type(result.records, UpstreamClosed)[0].usage == result.usage


async def test_a_refusal_costs_nothing():
    with serve_chat([Reply(503, "busy")], [code("final_answer(1)"), TokenUsage(60, 9)]) as server:
        agent = agent_on(server)
        agent.model.retries = Retries(base_s=0.0)
        result = await agent.start("task").wait()
        await agent.model.aclose()
    assert (result.usage, of_type(result.records, ModelRetried)[0].usage) == (TokenUsage(60, 9), None)


async def test_stopping_while_a_retry_is_waited_for_bills_nothing():
    with serve_chat([Reply(503, "busy", {"retry-after": "30"})]) as server:
        agent = agent_on(server)
        run = agent.start("task")
        async for batch in run.subscribe():
            if of_type(batch, ModelRetried):
                run.stop()
        await agent.model.aclose()
    assert (run.result.status, run.result.error) == ("stopped", "stopped on request")
    assert run.result.usage.total_tokens == 0
    assert of_type(run.records, UsageUpdated) == []


async def test_every_connection_that_a_stop_closes_is_in_its_account():
    gates = [Gate("a"), Gate("b")]
    helpers = [
        scripted(["half", gate], name=name, description="Writes.") for name, gate in zip("ab", gates, strict=True)
    ]
    calls = [ToolCall(call_id=name, name=name, arguments='{"task": "go"}', index=i) for i, name in enumerate("ab")]
    agent = scripted([*calls, TokenUsage(100, 10)], kind=ToolCallingAgent, managed_agents=helpers)
    run = agent.start("task")
    await asyncio.gather(*(gate.reached for gate in gates))
    run.stop()
    result = await run.wait()
    closed = [e.event for e in of_type(result.records, SubagentEvent) if isinstance(e.event, UpstreamClosed)]
    assert len(closed) == 2
    total = sum(event.usage.total_tokens for event in closed)
    assert f"about {total:,} tokens billed for the cut answers" in result.error
    assert result.usage.total_tokens == total + 110
