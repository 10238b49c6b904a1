"""What the page asks about a run that goes on: only the visitor's own, only what makes sense, and nothing is lost."""

import pytest
import smolagents
from builders import of_type

from agentui.adopt import AgentSource
from agentui.agent import CodeAgent
from agentui.errors import ConfigError
from agentui.events import ApprovalDecided, MessageAdded
from agentui.models.gate import Gate
from agentui.models.scripted import ScriptedModel
from agentui.settings import Settings
from agentui.smolagents.agent import SmolagentsAgent
from agentui.testing import FakePool, Reply, Stall, serve_chat
from agentui.ui.choices import Choices
from agentui.ui.connections import Connections
from agentui.ui.service import Service
from agentui.ui.steering_actions import MAX_CODE, MAX_SHOWN, unread

DEMO = Choices(preset="demo")
ANSWER = "<code>final_answer(1)</code>"


def make_service(*answers):
    model, settings = ScriptedModel(answers), Settings()
    return Service(settings, Connections(settings, None, lambda: model), FakePool())


async def started(service, *, asks=False):
    visitor = service.visitors.get(None)
    if asks:
        await act(service, visitor, "ask_first", on=True)
    await service.send(visitor, "task", DEMO)
    return visitor, visitor.runs[-1].run


async def act(service, visitor, verb, **fields):
    return await service.actions.act({"chat": visitor.chat_id, "verb": verb, **fields})


async def asked(run):
    async for _ in run.subscribe():
        if any(record.event.type == "approval_requested" for record in run.records):
            return


async def test_the_visitor_decides_and_nobody_else():
    service = make_service(ANSWER)
    visitor, run = await started(service, asks=True)
    await asked(run)
    fields = {"run_id": run.run_id, "approval_id": "approval_1", "decision": "approved"}
    stranger = service.visitors.get(None)
    assert "not there any more" in (await act(service, stranger, "decide", **fields))["error"]
    assert await act(service, visitor, "decide", **fields) == {"answer": None}
    assert "has been decided" in (await act(service, visitor, "decide", **fields))["error"]
    assert (await run.wait()).output == 1
    assert "decided" in (await act(service, visitor, "decide", **fields))["error"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"decision": "shrug"}, "no decision"),
        ({"decision": 5}, "no usable 'decision'"),
        ({"decision": "edited"}, "needs the code"),
        ({"decision": "edited", "code": ["x"]}, "no usable 'code'"),
        ({"decision": "edited", "code": "x" * (MAX_CODE + 1)}, "shorten it"),
        ({"decision": "approved", "allow": "none"}, "no usable 'allow'"),
        ({"decision": "approved", "allow": [3]}, "no usable 'allow'"),
        ({"decision": "approved", "allow": ["none"] * 101}, "no usable 'allow'"),
        ({"decision": "approved", "allow": ["format c:"]}, "allows nothing"),
        ({"approval_id": "approval_2", "decision": "approved"}, "nothing waits"),
    ],
)
async def test_nonsense_is_refused_and_decides_nothing(fields, said):
    service = make_service(ANSWER)
    visitor, run = await started(service, asks=True)
    await asked(run)
    answer = await act(service, visitor, "decide", run_id=run.run_id, **{"approval_id": "approval_1", **fields})
    assert said.lower() in answer["error"].lower()
    assert not of_type(run.records, ApprovalDecided)
    run.stop()
    await run.wait()


async def test_messages_wait_in_line_until_they_are_read_or_taken_back():
    gate = Gate()
    service = make_service([gate, "<code>x = 1</code>"], ANSWER)
    visitor, run = await started(service)
    await gate.reached
    for text in ("one", "two"):
        assert "answer" in await act(service, visitor, "say", run_id=run.run_id, text=text)
    assert [(message["text"], message["over"]) for message in unread(visitor)] == [("one", False), ("two", False)]
    stranger = service.visitors.get(None)
    taken = {"run_id": run.run_id, "message_id": "message_2"}
    assert "error" in await act(service, stranger, "take_back", **taken)
    assert await act(service, visitor, "take_back", **taken) == {"answer": "two"}
    assert "not waiting any more" in (await act(service, visitor, "take_back", **taken))["error"]
    long = "very " * 5_000 + "long"
    await act(service, visitor, "say", run_id=run.run_id, text=long)
    assert len(unread(visitor)[-1]["text"]) == MAX_SHOWN
    assert await act(service, visitor, "take_back", **{**taken, "message_id": "message_3"}) == {"answer": long}
    gate.open()
    await run.wait()
    assert of_type(run.records, MessageAdded) == [MessageAdded(text="one")]
    assert unread(visitor) == []


async def test_hurrying_cuts_what_goes_on():
    never = Gate()
    service = make_service(["Hm", never], ANSWER)
    visitor, run = await started(service)
    await never.reached
    await act(service, visitor, "say", run_id=run.run_id, text="faster")
    await act(service, visitor, "hurry", run_id=run.run_id)
    await run.wait()
    assert of_type(run.records, MessageAdded) == [MessageAdded(text="faster", interrupted=True)]


async def test_an_agent_that_reads_nothing_before_its_end_says_so_when_it_is_hurried():
    with serve_chat(Reply("Let me ", Stall())) as server:
        model = smolagents.OpenAIModel("own", api_base=server.base_url, api_key="sk-x")
        agent = SmolagentsAgent(smolagents.CodeAgent(tools=[], model=model), sandbox_pool=FakePool())
        settings = Settings()
        service = Service(settings, Connections(settings, agent.model), FakePool(), AgentSource(agent))
        visitor = service.visitors.get(None)
        assert await service.send(visitor, "task", Choices(preset="agent"))
        fields = {"run_id": visitor.runs[-1].run.run_id, "text": "wait"}
        assert "reads nothing before" in (await act(service, visitor, "say", **fields, now=True))["error"]
        assert "answer" in await act(service, visitor, "say", **fields)
        assert "reads nothing before" in (await act(service, visitor, "hurry", **fields))["error"]
        assert [message["text"] for message in unread(visitor)] == ["wait"]
        await service.close()


async def test_what_came_too_late_for_a_run_is_the_next_task():
    gate, later = Gate(), Gate()
    service = make_service([gate, ANSWER], [later, "<code>final_answer(2)</code>"])
    visitor, run = await started(service)
    await gate.reached
    for text in ("and then?", "and after that?"):
        await act(service, visitor, "say", run_id=run.run_id, text=text)
    gate.open()
    await later.reached
    assert visitor.runs[-1].task == "and then?"
    assert of_type(visitor.run.records, MessageAdded) == [MessageAdded(text="and after that?")]
    assert unread(visitor) == []
    visitor.run.stop()
    await visitor.runs[-1].run.wait()


async def test_what_a_stopped_run_has_not_read_stays_to_be_sent_or_removed():
    never = Gate()
    service = make_service([never])
    visitor, run = await started(service)
    await never.reached
    await act(service, visitor, "say", run_id=run.run_id, text="still here")
    service.stop(visitor)
    await run.wait()
    assert [(message["text"], message["over"]) for message in unread(visitor)] == [("still here", True)]
    assert "over" in (await act(service, visitor, "say", run_id=run.run_id, text="more"))["error"]
    assert len(visitor.runs) == 1


async def test_an_agent_that_asks_cannot_be_run_where_nobody_is_asked():
    model, settings = ScriptedModel([ANSWER]), Settings()
    agent = CodeAgent([], model, approval=True, sandbox_pool=FakePool())
    service = Service(settings, Connections(settings, model, lambda: model), FakePool(), AgentSource(agent))
    with pytest.raises(ConfigError, match="nobody to ask"):
        async for _ in service.records("task", service.terms.initial(service.connections.offers[0].name), set()):
            pass
