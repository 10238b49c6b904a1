import html

import pytest
import smolagents

from agentui.adopt import AgentSource
from agentui.agent import CodeAgent
from agentui.errors import ConfigError
from agentui.events import Limits
from agentui.models.gate import Gate
from agentui.models.scripted import ScriptedModel
from agentui.settings import Settings
from agentui.smolagents.agent import SmolagentsAgent
from agentui.testing import FakePool, serve_chat
from agentui.tools import tool
from agentui.ui.choices import Choices
from agentui.ui.connections import Connections
from agentui.ui.service import Service

DEMO = Choices(preset="demo")
SECRET = "<code>secret = 7\nfinal_answer(secret)</code>"


def make_service(*answers, agent=None, **settings):
    model, settings = ScriptedModel(answers), Settings(**settings)
    own = agent.spec.model if agent else None
    return Service(settings, Connections(settings, own, lambda: model), FakePool(), agent and AgentSource(agent))


def shown(visitor):
    messages = [*visitor.settled, *visitor.live]
    return html.unescape(" ".join(part["text"] for said in messages for part in said["content"]))


async def test_a_task_is_run_for_its_visitor():
    service = make_service("<code>final_answer('hello')</code>")
    visitor = service.visitors.get(None)
    assert await service.send(visitor, "Say hello", DEMO)
    await visitor.runs[0].run.wait()
    assert "hello" in shown(visitor)


async def test_a_second_task_has_to_wait_and_changes_nothing():
    gate = Gate()
    service = make_service(["Working", gate])
    visitor = service.visitors.get(None)
    assert await service.send(visitor, "First", DEMO)
    assert not await service.send(visitor, "Second", DEMO)
    assert len(visitor.runs) == 1
    service.stop(visitor)
    await visitor.runs[0].run.wait()
    assert visitor.run is None


@pytest.mark.parametrize(
    ("task", "choices", "said"),
    [
        ("  ", DEMO, "The task is empty"),
        ("x" * 200_001, DEMO, "200,001 characters and at most 200,000"),
        ("Go", Choices(preset="demo", max_steps="0"), "The limit Steps is '0'"),
        ("Go", Choices(preset="demo", max_steps="nan"), "not a whole number"),
        ("Go", Choices(preset="demo", max_seconds="-1"), "The limit Seconds"),
        ("Go", Choices(preset="demo", max_seconds="nan"), "not a number above 0"),
        ("Go", Choices(preset="demo", max_tokens="1e3"), "not a whole number"),
        ("Go", Choices(preset="demo", max_cost_usd="0,5"), "The limit US dollars is '0,5'"),
        ("Go", Choices(preset="demo", max_cost_usd="0.5"), "The limit US dollars needs a price"),
        ("Go", Choices(preset="demo", step_seconds="inf"), "The limit Seconds a step"),
        ("Go", Choices(preset="nonsense"), "preset"),
        ("Go", Choices(preset="custom", base_url="http://x/v1"), "No model id"),
    ],
)
async def test_what_cannot_be_started_is_said_and_leaves_no_trace(task, choices, said):
    service = make_service("<code>final_answer('still works')</code>")
    visitor = service.visitors.get(None)
    assert not await service.send(visitor, task, choices)
    assert said in shown(visitor)
    assert visitor.runs == []
    assert await service.send(visitor, "Go", DEMO)
    await visitor.runs[0].run.wait()
    assert "still works" in shown(visitor)


async def test_a_key_that_comes_with_a_bad_task_is_kept_for_the_next_one():
    service = make_service()
    visitor = service.visitors.get(None)
    choices = Choices(preset="custom", base_url="http://127.0.0.1:9/v1", model_id="m", key="secret")
    assert not await service.send(visitor, "", choices)
    assert visitor.key.secret == "secret"
    assert "secret" not in repr(choices)


async def test_the_limits_of_the_panel_hold():
    service = make_service(*["<code>1</code>"] * 3)
    visitor = service.visitors.get(None)
    assert await service.send(visitor, "Go", Choices(preset="demo", max_steps="2", max_tokens="100000"))
    result = await visitor.runs[0].run.wait()
    assert result.status == "limit"
    assert result.records[0].event.limits.max_steps == 2
    assert result.records[0].event.limits.max_tokens == 100_000


async def test_an_agent_of_ones_own_keeps_its_tools_and_model():
    @tool
    def double(number: int) -> int:
        """Double a number.

        Args:
            number: Any.
        """
        return 2 * number

    own = ScriptedModel(["<code>final_answer(double(21))</code>"], model_id="own")
    agent = CodeAgent([double], own, limits=Limits(max_tokens=500_000), sandbox_pool=FakePool())
    service = make_service(agent=agent)
    assert [offer.name for offer in service.connections.offers[:2]] == ["agent", "demo"]
    one, two = service.visitors.get(None), service.visitors.get(None)
    assert await service.send(one, "Go", Choices(preset="agent"))
    result = await one.runs[0].run.wait()
    assert (result.output, result.records[0].event.model) == (42, "own")
    assert result.records[0].event.limits.max_tokens == 500_000
    assert any(record.event.type == "code_delta" for record in result.records)
    assert two.session is not one.session
    assert not agent.spec.stream_outputs


async def test_tools_of_the_page_s_own_agent_take_the_place_of_the_demo_s():
    @tool
    def double(number: int) -> int:
        """Double a number.

        Args:
            number: The number.
        """
        return 2 * number

    model, settings = ScriptedModel(["<code>final_answer(double(21))</code>"]), Settings()
    service = Service(settings, Connections(settings, None, lambda: model), FakePool(), tools=[double])
    visitor = service.visitors.get(None)
    assert await service.send(visitor, "Double", DEMO)
    await visitor.runs[0].run.wait()
    records = visitor.runs[0].run.records
    assert records[0].event.tools == ("double",)
    assert records[-1].event.output == 42


async def test_visitors_of_a_smolagents_agent_share_nothing():
    with serve_chat(SECRET, "<code>final_answer('secret' in globals())</code>") as server:
        model = smolagents.OpenAIModel("own", api_base=server.base_url, api_key="sk-x")
        service = make_service(
            agent=SmolagentsAgent(smolagents.CodeAgent(tools=[], model=model), sandbox_pool=FakePool())
        )
        outputs = []
        for task in ("I am Alice", "I am Bob"):
            visitor = service.visitors.get(None)
            assert await service.send(visitor, task, Choices(preset="agent"))
            outputs.append((await visitor.runs[0].run.wait()).output)
        assert outputs == [7, False]
        assert "Alice" not in str(server.requests[1].body)


async def test_lost_records_are_only_given_to_who_knows_the_chat():
    service = make_service("<code>final_answer(1)</code>")
    visitor = service.visitors.get(None)
    await service.send(visitor, "Go", DEMO)
    run = visitor.runs[0].run
    await run.wait()
    act, asked = service.actions.act, {"chat": visitor.chat_id, "verb": "records", "run_id": run.run_id, "from_seq": 2}
    assert (await act(asked))["answer"]["records"][0]["seq"] == 2
    for wrong in ({"run_id": "x"}, {"from_seq": -1}):
        assert await act(asked | wrong) == {"answer": None}
    for wrong in ({"chat": "x"}, {"verb": "x"}, {"verb": ["x"]}, {"from_seq": "0"}, {"from_seq": None}, {"whole": 1}):
        assert "reload" in (await act(asked | wrong))["error"]
    for rubbish in (None, [], "x", 3):
        assert "reload" in (await act(rubbish))["error"]


async def test_closing_the_records_stops_the_run():
    service, runs = make_service(["Begun", Gate()]), set()
    records = service.records("Go", DEMO, runs)
    while (await anext(records))["event"]["type"] != "text_delta":
        pass
    (run,) = runs
    await records.aclose()
    assert (await run.wait()).status == "stopped"
    assert runs == set()


async def test_records_refuse_what_the_page_refuses():
    with pytest.raises(ConfigError, match="empty"):
        await anext(make_service().records("", DEMO, set()))
