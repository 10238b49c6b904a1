"""What a visitor may change of an agent, and what is said of what cannot be used."""

import smolagents

from agentui.adopt import AgentSource
from agentui.agent import CodeAgent
from agentui.events import Limits, RunStarted
from agentui.models.scripted import ScriptedModel
from agentui.settings import Settings
from agentui.testing import FakePool, serve_chat
from agentui.tools import tool
from agentui.ui.choices import Choices
from agentui.ui.connections import Connections
from agentui.ui.service import Service

DEMO = Choices(preset="demo")


@tool
def shout(text: str) -> str:
    """Say it loudly.

    Args:
        text: What to say.
    """
    return text.upper()


def make_service(*answers, agent=None, **settings):
    settings = Settings(**settings)
    model = ScriptedModel(answers)
    connections = Connections(settings, agent.spec.model if agent else None, lambda: model)
    agents = agent and AgentSource(agent)
    return Service(settings, connections, FakePool(), agents, [shout]), model


async def told(**chosen):
    """The system prompt and the tools of a run with these settings."""
    service, model = make_service("<code>final_answer('done')</code>")
    visitor = service.visitors.get(None)
    assert await service.send(visitor, "Go", Choices(preset="demo", **chosen))
    await visitor.runs[0].run.wait()
    started = visitor.runs[0].run.records[0].event
    assert isinstance(started, RunStarted)
    return model.requests[0][0].text, started.tools


async def test_prompt_imports_instructions_and_tools_reach_the_model():
    prompt, tools = await told(
        system_prompt="Use {{imports}} only. {{tools}}",
        imports="wave, zipfile",
        instructions="Be brief.",
        tools_off="shout",
    )
    assert prompt.startswith("Use collections, ")
    assert "wave, zipfile only." in prompt
    assert prompt.endswith("Be brief.")
    assert "shout" not in prompt
    assert "shout" not in tools


async def test_the_prompt_as_it_is_shown_is_the_agents_own():
    service, _ = make_service()
    assert (await told(system_prompt=service.terms.system_prompt))[0] == (await told())[0]


async def test_what_cannot_be_used_is_said_at_its_field_and_keeps_a_run_from_starting():
    service, _ = make_service()
    visitor = service.visitors.get(None)
    fields = {"max-steps": "0", "max-cost": "x", "imports": "math, os path-x", "tools-off": "shout"}
    said = await service.actions.act({"chat": visitor.chat_id, "verb": "settings", **fields})
    problems = said["answer"]
    assert set(problems) == {"max-steps", "max-cost", "imports"}
    assert problems["imports"].startswith("'path-x' is not the name of a module")
    assert visitor.chosen.tools_off == "shout"
    for field, text in (("imports", "nonsense_x"), ("instructions", "i" * 20_001), ("system_prompt", "p" * 60_001)):
        assert not await service.send(visitor, "Go", Choices(preset="demo", **{field: text}))
        assert visitor.runs == []


async def test_settings_are_kept_for_the_next_page_and_never_the_key():
    service, _ = make_service()
    visitor = service.visitors.get(None)
    fields = {"instructions": "Be brief.", "tools-off": "shout", "key": "sk-planted"}
    await service.actions.act({"chat": visitor.chat_id, "verb": "settings", **fields})
    values = service.terms.values(visitor.chosen)
    assert "Be brief." in values
    assert values[-1] == []  # the tools that are on
    assert "planted" not in str(values)
    assert service.terms.choices([*values, "sk"]).switched_off == {"shout"}


async def test_on_a_shared_server_its_limits_are_caps():
    shared, _ = make_service(share=True, limits=Limits(max_steps=5, max_tokens=None))
    own, _ = make_service(limits=Limits(max_steps=5))
    more = Choices(preset="demo", max_steps="6")
    assert "allows 5 at most" in shared.terms.problems(more)["max-steps"]
    assert shared.terms.problems(Choices(preset="demo", max_steps="4", max_tokens="9")) == {}
    assert own.terms.problems(more) == {}
    visitor = shared.visitors.get(None)
    assert not await shared.send(visitor, "Go", more)


async def test_of_an_agent_of_smolagents_only_the_instructions_can_be_changed():
    with serve_chat() as server:
        model = smolagents.OpenAIServerModel("m", api_base=server.base_url, api_key="k")
        source = AgentSource(smolagents.CodeAgent(tools=[], model=model))
    settings = Settings()
    service = Service(settings, Connections(settings, source.first.model), FakePool(), source)
    assert not service.terms.adjustable
    changed = service.terms.applied(source.first.spec, Choices(preset="agent", system_prompt="x", instructions="brief"))
    assert (changed.system_prompt, changed.instructions) == (None, "brief")


async def test_an_own_agents_prompt_is_where_a_visitor_begins():
    agent = CodeAgent(
        [shout], ScriptedModel(["<code>final_answer(1)</code>"]), system_prompt="Mine.", sandbox_pool=FakePool()
    )
    service, _ = make_service(agent=agent)
    assert service.terms.system_prompt == "Mine."
    assert service.terms.applied(agent.spec, DEMO).system_prompt == "Mine."
