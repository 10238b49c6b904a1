"""Going on with a run that a limit, a stop or a failure has ended."""

import math
from dataclasses import replace

import pytest
from builders import of_type
from hypothesis import given
from hypothesis import strategies as st

from agentui.agent import CodeAgent, ToolCallingAgent
from agentui.errors import ConfigError, ModelHTTPError, RunFailed, RunLimitReached, SandboxUnavailable
from agentui.events import CodeStarted, OutputDelta, ParentRun, StepStarted
from agentui.limits import Limits
from agentui.messages import ToolCall
from agentui.sandbox.local import LocalSandboxPool
from agentui.session import Session
from agentui.testing import FakePool, Gate, ScriptedModel
from agentui.tools import tool
from agentui.unfinished import Spent, Unfinished
from agentui.usage import NO_USAGE, TokenUsage
from agentui.worker import Worker


def code(body, thought="Go."):
    return f"{thought}\n<code>\n{body}\n</code>"


def agent_for(*answers, kind=CodeAgent, pool=None, **options):
    return kind([], ScriptedModel(answers), sandbox_pool=pool or FakePool(), **{"stream_outputs": True, **options})


async def stop_at(gate, run):
    await gate.reached
    run.stop()
    return await run.wait()


def sent(agent, request=-1):
    """The conversation of a request, without its fixed opening."""
    return [(message.role, message.content) for message in agent.model.requests[request][-4:]]


async def test_a_run_that_used_up_its_steps_goes_on_with_more_of_them():
    agent, session = agent_for(code("x = 20\nprint(x)"), code("final_answer(x + 1)")), Session()
    first = agent.start("task", session=session, max_steps=1)
    ended = await first.wait()
    left = session.unfinished
    assert (left.run_id, left.task, left.step, left.status) == (first.run_id, "task", 1, "limit")
    assert (left.limits.max_steps, left.spent.steps) == (1, 1)
    assert left.spent.tokens == ended.usage.total_tokens
    second = agent.start(None, session=session, limits=left.raised())
    assert session.unfinished is None
    result = await second.wait()
    assert (result.status, result.output, session.unfinished) == ("completed", 21, None)
    assert second.run_id != first.run_id
    assert [record.seq for record in result.records] == list(range(len(result.records)))
    begun = result.records[0].event
    assert (begun.task, begun.limits.max_steps) == ("task", 2)
    assert begun.parent == ParentRun(run_id=first.run_id, step=1, relation="resumed")
    assert sent(agent)[-3:] == [
        ("user", "task"),
        ("assistant", "Go.\n<code>\nx = 20\nprint(x)\n</code>"),
        ("user", "Observation:\n20"),
    ]
    assert of_type(result.records, StepStarted)[0].step == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_first_run_takes_limits_of_its_own(stream):
    agent = agent_for(code("x = 1"), code("final_answer(2)"))
    limits = Limits(max_steps=1)
    if stream:
        *_, last = agent.run("task", stream=True, limits=limits)
        assert last.event.status == "limit"
    else:
        with pytest.raises(RunLimitReached, match="max_steps=1"):
            agent.run("task", limits=limits)
    assert agent.resume(limits=Limits()) == 2
    assert agent.limits == Limits()


async def test_what_earlier_parts_spent_counts_but_is_in_the_totals_of_its_own_run_alone():
    answers = [[code(f"x = {i}"), TokenUsage(1000, 200)] for i in range(3)]
    agent, session = agent_for(*answers), Session()
    await agent.start("task", session=session, limits=Limits(max_tokens=2400)).wait()
    assert (session.unfinished.spent.tokens, session.unfinished.spent.steps) == (2400, 2)
    result = await agent.start(None, session=session, limits=Limits(max_tokens=3600)).wait()
    assert (result.status, result.usage) == ("limit", TokenUsage(1000, 200))
    assert session.unfinished.spent == replace(session.unfinished.spent, tokens=3600, steps=3)
    left = session.unfinished
    assert left.needed > 3600
    again = await agent.start(None, session=session, limits=left.raised(1.25)).wait()
    assert again.records[0].event.limits.max_tokens == math.ceil(left.needed * 1.25)
    assert again.records[0].event.parent.run_id == result.records[0].run_id
    assert (again.status, again.usage) == ("failed", NO_USAGE)  # the script has no more answers


async def test_the_model_is_told_that_it_was_cut_off_and_keeps_what_it_said():
    gate, session = Gate("in code"), Session()
    agent = agent_for(["I try.\n<code>\nx = 1\ny =", gate], code("final_answer(2)"))
    await stop_at(gate, agent.start("task", session=session))
    result = await agent.start(None, session=session).wait()
    assert result.output == 2
    task, said, told = sent(agent)[-3:]
    assert (task, said) == (("user", "task"), ("assistant", "I try.\n<code>\nx = 1\ny ="))
    assert told[0] == "user"
    assert "cut off" in told[1]
    assert "from <code> to </code>" in told[1]


async def test_an_answer_of_which_nothing_had_come_is_simply_asked_for_again():
    gate, session = Gate("before the first word"), Session()
    agent = agent_for([gate], [gate], code("final_answer(1)"))
    for task in ("task", None):
        run = agent.start(task, session=session)
        gate.reached = type(gate.reached)()
        await stop_at(gate, run)
    assert session.unfinished.step == 1
    result = await agent.start(None, session=session).wait()
    assert result.output == 1
    assert agent.model.requests[0] == agent.model.requests[1] == agent.model.requests[2]


async def test_a_limit_inside_an_answer_can_be_raised_and_the_cut_step_counts_once():
    agent, session = agent_for(["word " * 2000, Gate("never")], code("final_answer(1)")), Session()
    await agent.start("task", session=session, limits=Limits(max_tokens=1500, max_steps=1)).wait()
    left = session.unfinished
    assert (left.status, left.spent.steps) == ("limit", 0)
    assert left.needed == 2 * left.spent.tokens  # it all goes into the next request
    assert (left.raised().max_steps, left.raised().max_tokens) == (1, math.ceil(left.needed * 1.5))
    assert (await agent.start(None, session=session, limits=left.raised(3)).wait()).output == 1


async def test_code_that_was_stopped_left_its_variables_and_files():
    pool, session = LocalSandboxPool(), Session()
    agent = agent_for(
        code("x = 7\nopen('kept.txt', 'w').write('there')\nprint('in', flush=True)\nwhile True: pass"),
        code("final_answer((x, open('kept.txt').read()))"),
        pool=pool,
    )
    run = agent.start("task", session=session)
    async for batch in run.subscribe():
        if of_type(batch, OutputDelta):
            run.stop()
    result = await agent.start(None, session=session).wait()
    await session.close()
    await pool.close()
    assert result.output == (7, "there"), result.error
    assert sent(agent)[-1] == ("user", "Observation:\nin\n(stopped while this code was running)")


async def test_the_model_is_told_that_its_variables_are_gone_when_they_are():
    gate, session = Gate("second answer"), Session()
    agent = agent_for(code("x = 1"), [gate], code("print('here')"), code("final_answer(n)"))
    await stop_at(gate, agent.start("task", session=session, additional_args={"n": 5}))
    await session.close()
    result = await agent.start(None, session=session).wait()
    assert "interpreter had to be restarted" in sent(agent)[-1][1]
    assert result.output == 5


async def test_a_run_that_never_began_is_gone_on_with_whole():
    agent, session = agent_for(code("final_answer(sum(numbers))")), Session()
    run = agent.start("add", session=session, images=["http://127.0.0.1/a.png"], additional_args={"numbers": [1, 2]})
    run.stop()
    await run.wait()
    assert (session.messages, session.unfinished.step) == ([], 0)
    result = await agent.start(None, session=session).wait()
    assert result.output == 3
    assert [part["type"] for part in agent.model.requests[0][-1].content] == ["text", "image_url"]


async def test_a_sandbox_that_was_missing_gets_the_variables_when_it_is_there():
    pool, session = FakePool(error=SandboxUnavailable("no worker")), Session()
    agent = agent_for(code("final_answer(n)"), pool=pool)
    assert (await agent.start("task", session=session, additional_args={"n": 3}).wait()).status == "failed"
    pool._error = None
    assert (await agent.start(None, session=session).wait()).output == 3
    assert sent(agent)[-1][1].startswith("task")


async def test_a_failure_of_the_model_is_gone_on_from():
    agent, session = (
        agent_for(code("x = 4"), ["So far", ModelHTTPError("no credit", status=402)], code("final_answer(x)")),
        Session(),
    )
    assert (await agent.start("task", session=session).wait()).status == "failed"
    assert session.unfinished.status == "failed"
    result = await agent.start(None, session=session).wait()
    assert result.output == 4
    assert sent(agent)[-2] == ("assistant", "So far")


async def test_a_model_that_was_given_up_gets_to_read_its_last_mistake():
    agent, session = agent_for(*[code("1 / 0")] * 3, code("final_answer(1)")), Session()
    assert (await agent.start("task", session=session).wait()).status == "failed"
    assert (await agent.start(None, session=session).wait()).output == 1
    assert "ZeroDivisionError" in sent(agent)[-1][1]


async def test_an_answer_whose_callback_failed_is_not_taken_for_a_cut_one():
    def fail(step):
        if len(heard) == 0:
            heard.append(step)
            raise ValueError("disk full")

    heard = []
    agent, session = agent_for(code("final_answer(1)"), code("final_answer(2)"), step_callbacks=[fail]), Session()
    assert "disk full" in (await agent.start("task", session=session).wait()).error
    assert (await agent.start(None, session=session).wait()).output == 2
    assert sent(agent)[-2][0] == "assistant"
    assert "interrupted" in sent(agent)[-1][1]


async def test_a_plan_is_not_made_twice():
    gate, session = Gate("first step"), Session()
    agent = agent_for("The plan.", [gate], code("x = 1"), "Another plan.", code("final_answer(x)"), planning_interval=1)
    await stop_at(gate, agent.start("task", session=session))
    result = await agent.start(None, session=session).wait()
    assert (result.output, [step.kind for step in of_type(result.records, StepStarted)]) == (
        1,
        ["action", "planning", "action"],
    )
    agent.model.assert_finished()


async def test_an_agent_that_calls_tools_goes_on_too():
    started = Gate("in the tool")

    @tool
    async def wait() -> str:
        """Wait."""
        await started.wait()
        return "done"

    def call(name, arguments="{}"):
        return [ToolCall(call_id="c1", name=name, arguments=arguments)]

    session = Session()
    model = ScriptedModel([call("wait"), ["half", Gate("never")], call("final_answer", '{"answer": 1}')])
    agent = ToolCallingAgent([wait], model, sandbox_pool=FakePool())
    await stop_at(started, agent.start("task", session=session))
    run = agent.start(None, session=session)
    assert agent.model.requests[0][-1].content == "task"
    started.open()
    async for _ in run.subscribe():
        if len(agent.model.requests) == 2:
            await model._answers[1][1].reached
            run.stop()
    assert agent.model.requests[1][-1] == replace(agent.model.requests[1][-1], role="tool", content="(stopped)")
    assert (await agent.start(None, session=session).wait()).output == 1
    assert "none of its calls was made" in sent(agent)[-1][1]


async def test_a_called_agent_gets_no_more_than_a_resumed_run_has_left():
    helper = agent_for(code("final_answer(1)"), name="helper", description="Helps.")
    answers = [[code("x = 1"), TokenUsage(900, 0)], [code("final_answer(helper('it'))"), TokenUsage(800, 0)]]
    agent, session = agent_for(*answers, managed_agents=[helper]), Session()
    await agent.start("task", session=session, limits=Limits(max_tokens=900)).wait()
    result = await agent.start(None, session=session, limits=Limits(max_tokens=10_000)).wait()
    inner = next(r.event.event for r in result.records if r.event.type == "subagent_event")
    assert inner.limits.max_tokens == 10_000 - 1700


async def test_seconds_of_earlier_parts_count():
    agent, session = agent_for(["a", Gate("never")], ["b", Gate("never")]), Session()
    await agent.start("task", session=session, limits=Limits(max_seconds=0.05)).wait()
    with pytest.raises(ConfigError, match="max_seconds=0.05 is used up"):
        agent.start(None, session=session)
    most = session.unfinished.spent.seconds + 0.02
    result = await agent.start(None, session=session, limits=Limits(max_seconds=most)).wait()
    assert result.status == "limit"
    assert session.unfinished.spent.seconds >= most


async def test_what_cannot_be_gone_on_with_is_said_and_changes_nothing():
    gate, session = Gate("working"), Session()
    agent = agent_for(code("x = 1"), [gate, code("final_answer(x)")], code("final_answer(2)"))
    with pytest.raises(ConfigError, match="no unfinished run to go on with: give a task"):
        agent.start(None, session=session)
    await agent.start("task", session=session, max_steps=1).wait()
    with pytest.raises(ConfigError, match=r"max_steps=1 is used up by what the task has spent \(1\): raise it"):
        agent.start(None, session=session)
    with pytest.raises(ConfigError, match="belong to a task"):
        agent.start(None, session=session, additional_args={"n": 1})
    assert session.unfinished is not None
    run = agent.start(None, session=session, max_steps=2)
    await gate.reached
    with pytest.raises(ConfigError, match="has not ended"):
        agent.start(None, session=session)
    gate.open()
    assert (await run.wait()).output == 1
    with pytest.raises(ConfigError, match="no unfinished run"):
        agent.start(None, session=session)


async def test_a_new_task_forgets_the_unfinished_one():
    gate, session = Gate("mid"), Session()
    agent = agent_for(["half", gate], code("final_answer(1)"))
    await stop_at(gate, agent.start("task", session=session))
    result = await agent.start("another", session=session).wait()
    assert (result.output, session.unfinished) == (1, None)
    assert [content for _, content in sent(agent)[-3:]] == ["task", "half", "another"]
    assert result.records[0].event.parent is None


async def test_a_worker_goes_on_with_a_run_too():
    agent, session, worker = agent_for(code("x = 1"), code("final_answer(x)")), Session(), Worker()
    await worker.start(agent, "task", session=session, limits=Limits(max_steps=1)).wait()
    run = worker.start(agent, None, session=session, limits=session.unfinished.raised())
    assert worker.get(run.run_id) is run
    assert (await run.wait()).output == 1


async def test_the_async_face_goes_on_with_the_agents_own_conversation():
    agent = agent_for(code("x = 1"), code("final_answer(x)"))
    first = [record async for record in agent.stream("task", max_steps=1)]
    more = [record async for record in agent.stream(None, reset=False, limits=Limits(max_steps=2))]
    assert (first[-1].event.status, more[-1].event.output) == ("limit", 1)
    assert more[0].event.parent.run_id == first[0].run_id


def test_plain_code_goes_on_with_resume():
    agent = agent_for(
        code("x = 1"), code("x += 1"), ["half", ModelHTTPError("busy", status=400)], code("final_answer(x)")
    )
    with pytest.raises(RunLimitReached):
        agent.run("task", max_steps=1)
    with pytest.raises(ConfigError, match="max_steps=1 is used up"):
        agent.resume()
    assert agent.resume(max_steps=2, return_full_result=True).status == "limit"
    with pytest.raises(RunFailed, match="busy"):
        agent.resume(limits=Limits(max_steps=3))
    records = list(agent.resume(stream=True))
    assert records[-1].event.output == 2
    assert of_type(records, CodeStarted)
    with pytest.raises(ConfigError, match="no unfinished run"):
        agent.resume()


counts, amounts = st.integers(1, 10**12), st.floats(1e-6, 1e9)


@given(
    most=st.builds(
        Limits,
        max_steps=st.none() | counts,
        max_tokens=st.none() | counts,
        max_seconds=st.none() | amounts,
        max_cost_usd=st.none() | amounts,
    ),
    spent=st.builds(Spent, tokens=counts, steps=counts, seconds=amounts, usd=amounts),
    factor=st.floats(1.001, 10),
)
def test_raised_limits_are_always_enough_and_never_lower(most, spent, factor):
    left = Unfinished(run_id="r", task="t", step=1, status="limit", limits=most, spent=spent)
    more = left.raised(factor)
    left.check(more)
    for cap in ("max_steps", "max_tokens", "max_seconds", "max_cost_usd"):
        before, after = getattr(most, cap), getattr(more, cap)
        assert (before is None) == (after is None)
        assert before is None or after == before or after >= before * factor
        assert cap in {"max_seconds", "max_cost_usd"} or after is None or isinstance(after, int)


@pytest.mark.parametrize("factor", [1, 0.5, float("nan"), float("inf")])
def test_a_factor_that_raises_nothing_is_refused(factor):
    left = Unfinished(run_id="r", task="t", step=1, status="limit", limits=Limits(), spent=Spent())
    with pytest.raises(ConfigError, match="give a number above 1"):
        left.raised(factor)


def test_only_what_is_nearly_used_up_is_raised():
    limits = Limits(max_steps=20, max_tokens=1000, max_seconds=60.0, max_cost_usd=None)
    spent = Spent(steps=5, tokens=950, seconds=10.0, usd=3.0)
    left = Unfinished(run_id="r", task="t", step=5, status="stopped", limits=limits, spent=spent)
    assert left.raised() == replace(limits, max_tokens=1500)
