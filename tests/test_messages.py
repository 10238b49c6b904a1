"""What somebody says while the agent works: when it is read, what it cuts, and that it is never lost."""

import asyncio

import pytest
from builders import kinds, of_type

from agentui.agent import CodeAgent, ToolCallingAgent
from agentui.errors import ConfigError
from agentui.events import MessageAdded, OutputDelta, StepFinished, TextDelta, UpstreamClosed
from agentui.mailbox import CUT, MAX_UNREAD
from agentui.messages import ToolCall
from agentui.models.openai_server import OpenAIServerModel
from agentui.sandbox.local import LocalSandboxPool
from agentui.session import Session
from agentui.testing import FakePool, Gate, ScriptedModel, serve_chat


def code(body):
    return f"Go.\n<code>\n{body}\n</code>"


def agent_for(*answers, kind=CodeAgent, **options):
    model = ScriptedModel(answers)
    return kind([], model, **{"sandbox_pool": FakePool(), "stream_outputs": True, **options})


def sent(agent, request=-1):
    return [(message.role, message.text) for message in agent.model.requests[request]]


async def shown(run, kind, text):
    """Wait until a delta of the run has said `text`."""
    async for _ in run.subscribe():
        if text in "".join(event.text for event in of_type(run.records, kind)):
            return
    raise AssertionError(f"the run never said {text!r}")


async def test_a_message_is_read_with_the_next_request_and_cuts_nothing():
    gate = Gate("the first answer")
    agent = agent_for(["Let me ", gate, code("x = 1")], code("final_answer(x)"))
    run = agent.start("task")
    await shown(run, TextDelta, "Let me")
    run.say("be quick")
    assert not of_type(run.records, MessageAdded)
    gate.open()
    assert (await run.wait()).output == 1
    assert of_type(run.records, MessageAdded) == [MessageAdded(text="be quick")]
    assert sent(agent)[-1] == ("user", "be quick")
    assert sent(agent)[-3][0] == "assistant"
    order = kinds(run.records)
    assert order.index("step_finished") < order.index("message_added")


async def test_one_that_cannot_wait_closes_the_connection_and_what_was_written_stays():
    never, session = Gate("never opened"), Session()
    with serve_chat(["Let me think about ", never, "it"], [code("final_answer(7)")]) as server:
        agent = CodeAgent(
            [],
            OpenAIServerModel(model_id="m", api_base=server.base_url, api_key="none"),
            sandbox_pool=FakePool(),
            stream_outputs=True,
        )
        run = agent.start("task", session=session)
        await shown(run, TextDelta, "think about")
        run.say("take seven", now=True)
        result = await run.wait()
        await server.requests[0].closed
        assert not server.requests[0].finished
        await agent.model.aclose()
    assert (result.status, result.output) == ("completed", 7)
    first = result.steps[0]
    assert (first.thought, first.error) == ("Let me think about", CUT)
    assert of_type(run.records, UpstreamClosed)[0].usage.output_tokens > 0
    assert of_type(run.records, MessageAdded) == [MessageAdded(text="take seven", interrupted=True)]
    told = [message.text for message in session.messages]
    at = next(index for index, text in enumerate(told) if text.endswith("take seven"))
    assert "cut off where it ends" in told[at]
    assert told[at - 1] == "Let me think about"


async def test_an_answer_of_which_nothing_had_come_leaves_no_trace_in_the_conversation():
    never = Gate("never opened")
    agent = agent_for([never], code("final_answer(1)"))
    run = agent.start("task")
    await never.reached
    run.say("hello", now=True)
    assert (await run.wait()).output == 1
    assert [role for role, _ in sent(agent)][-2:] == ["user", "user"]
    assert sent(agent)[-1] == ("user", "hello")


async def test_one_that_cannot_wait_interrupts_code_and_its_variables_stay():
    pool = LocalSandboxPool()
    agent = agent_for(
        code("x = 5\nprint('in', flush=True)\nwhile True: pass"), code("final_answer(x)"), sandbox_pool=pool
    )
    run = agent.start("task")
    await shown(run, OutputDelta, "in")
    run.say("enough", now=True)
    result = await run.wait()
    await pool.close()
    assert result.output == 5, result.error
    assert sent(agent)[-2][1] == "Observation:\nin\n(stopped while this code was running)"
    assert sent(agent)[-1] == ("user", "enough")


async def test_one_that_cannot_wait_takes_the_place_of_a_decision():
    agent = agent_for(code("x = 1"), code("final_answer(2)"), approval=True)
    run = agent.start("task")
    async for _ in run.subscribe():
        if "approval_requested" in kinds(run.records):
            break
    run.say("no, say two", now=True)
    async for _ in run.subscribe():
        if kinds(run.records).count("approval_requested") == 2:
            break
    assert sent(agent)[-2:] == [("user", "Observation:\n(this code was not run)"), ("user", "no, say two")]
    run.stop()
    await run.wait()


async def test_native_calls_that_were_cut_have_their_answers():
    never = Gate("never opened")
    last = [ToolCall(call_id="b", name="final_answer", arguments='{"answer": 3}')]
    agent = agent_for(["Hm", never], last, kind=ToolCallingAgent)
    run = agent.start("task")
    await shown(run, TextDelta, "Hm")
    run.say("now", now=True)
    assert (await run.wait()).output == 3
    assert sent(agent)[-2] == ("assistant", "Hm")


async def test_a_plan_can_be_cut_too():
    never = Gate("never opened")
    agent = agent_for(["First I ", never], code("final_answer(1)"), planning_interval=1)
    run = agent.start("task")
    await shown(run, TextDelta, "First I")
    run.say("do not plan", now=True)
    assert (await run.wait()).output == 1
    assert sent(agent)[-1][1].endswith("do not plan")


async def test_several_are_read_in_their_order_and_one_that_was_taken_back_is_not():
    gate = Gate("the first answer")
    agent = agent_for([gate, code("x = 1")], code("final_answer(x)"))
    run = agent.start("task")
    await gate.reached
    one, two, three = run.say("one"), run.say("two"), run.say("three")
    assert run.mailbox.take_back(two.message_id) == two
    assert run.mailbox.take_back(two.message_id) is None
    gate.open()
    await run.wait()
    assert [text for _, text in sent(agent)[-2:]] == [one.text, three.text]
    assert run.mailbox.unread == []
    assert run.mailbox.take_back(one.message_id) is None


async def test_a_message_that_comes_as_the_run_ends_is_still_there():
    gate = Gate("the only answer")
    run = agent_for([gate, code("final_answer(1)")]).start("task")
    await gate.reached
    run.say("and then?")
    gate.open()
    assert (await run.wait()).status == "completed"
    assert [message.text for message in run.mailbox.unread] == ["and then?"]
    assert not of_type(run.records, MessageAdded)


async def test_what_cannot_be_taken_is_refused_in_words():
    gate = Gate("the only answer")
    run = agent_for([gate, code("final_answer(1)")]).start("task")
    await gate.reached
    with pytest.raises(ConfigError, match="empty"):
        run.say(" \n")
    for _ in range(MAX_UNREAD):
        run.say("more")
    with pytest.raises(ConfigError, match="wait already"):
        run.say("one too many")
    run.stop()
    with pytest.raises(ConfigError, match="run is over"):
        run.say("too late")
    await run.wait()
    with pytest.raises(ConfigError, match="run is over"):
        run.say("too late")


async def test_a_stop_in_the_same_moment_as_a_cut_wins():
    never = Gate("never opened")
    run = agent_for(["Hm", never]).start("task")
    await shown(run, TextDelta, "Hm")
    run.say("now", now=True)
    run.stop()
    result = await run.wait()
    assert result.status == "stopped"
    assert [message.text for message in run.mailbox.unread] == ["now"]


async def test_cutting_twice_is_cutting_once():
    never = Gate("never opened")
    agent = agent_for(["Hm", never], code("final_answer(1)"))
    run = agent.start("task")
    await shown(run, TextDelta, "Hm")
    run.say("one", now=True)
    run.say("two", now=True)
    assert (await run.wait()).output == 1
    assert [event.interrupted for event in of_type(run.records, MessageAdded)] == [False, True]
    assert [event.error for event in of_type(run.records, StepFinished)] == [CUT, None]


async def test_a_fork_from_the_records_holds_what_was_said():
    never = Gate("never opened")
    agent = agent_for(["Let me ", never], code("x = 1"), code("final_answer(x)"))
    run = agent.start("task")
    await shown(run, TextDelta, "Let me")
    run.say("go", now=True)
    await run.wait()
    twin = agent_for(code("final_answer(x)")).fork_recorded(run.records, 2)
    await asyncio.to_thread(twin.resume)
    recorded, live = sent(twin), sent(agent)
    assert recorded == live
