import sys

import pytest
import smolagents

from agentui.adopt import AgentSource, as_agent, load_agent
from agentui.agent import CodeAgent
from agentui.cli import main
from agentui.errors import ConfigError
from agentui.models.scripted import ScriptedModel
from agentui.session import Session
from agentui.settings import Settings
from agentui.smolagents.agent import SmolagentsAgent
from agentui.testing import FakePool
from agentui.ui.app import build_app


def own():
    return CodeAgent([], ScriptedModel(["hi"]), sandbox_pool=FakePool())


def theirs(**options):
    return smolagents.CodeAgent(tools=[], model=smolagents.Model(model_id="m"), **options)


def test_an_agent_of_ours_is_taken_as_it_is_and_one_of_smolagents_is_adapted():
    agent = own()
    assert as_agent(agent) is agent
    assert isinstance(as_agent(theirs()), SmolagentsAgent)
    with pytest.raises(ConfigError, match="is no agent"):
        as_agent("researcher")


def test_one_agent_serves_all_conversations_and_a_function_makes_one_for_each():
    agent, made = own(), []
    assert AgentSource(agent).of(Session()) is agent
    source = AgentSource(lambda: made.append(own()) or made[-1])
    first, second = Session(), Session()
    assert source.of(first) is source.of(first) is source.first
    assert source.of(second) is not source.of(first)
    assert len(made) == 2


def test_a_function_that_makes_no_agent_is_named_at_once():
    with pytest.raises(ConfigError, match="is no agent"):
        AgentSource(lambda: 3)


def test_an_agent_is_found_by_name_in_the_current_directory(tmp_path, monkeypatch):
    (tmp_path / "my_agents_of_test.py").write_text("researcher = 'R'\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert load_agent("my_agents_of_test:researcher") == "R"
    with pytest.raises(ConfigError, match="has no 'other'"):
        load_agent("my_agents_of_test:other")
    with pytest.raises(ConfigError, match="cannot be imported"):
        load_agent("no_such_module:x")


@pytest.mark.parametrize("name", ["researcher", ":x", "m:"])
def test_a_name_without_its_two_halves_ends_in_one_line(name, capsys):
    assert main(["serve", name, "--no-browser"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_strangers_get_no_agent_whose_code_runs_in_the_host():
    tool = smolagents.PythonInterpreterTool()
    agent = smolagents.ToolCallingAgent(tools=[tool], model=smolagents.Model(model_id="m"))
    with pytest.raises(ConfigError, match="python_interpreter"):
        build_app(Settings(host="0.0.0.0"), agent=agent, pool=FakePool())
