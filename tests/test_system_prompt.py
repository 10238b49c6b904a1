"""The system prompt of somebody's own, and tools that are switched off."""

import dataclasses

import pytest

from agentui.agent import CodeAgent, ToolCallingAgent
from agentui.events import RunStarted, StepFinished, ToolCallFinished
from agentui.session import Session
from agentui.system_prompt import own_system_prompt, system_prompt
from agentui.testing import FakePool, ScriptedModel
from agentui.tools import tool

TAGS = {"opening": "<code>", "closing": "</code>"}
GIVEN = {"imports": "math", "tools": "def f(): ...", "instructions": "Be brief.", "native": False}


@tool
def add(a: int, b: int) -> int:
    """Add two numbers.

    Args:
        a: One.
        b: The other.
    """
    return a + b


@tool
def shout(text: str) -> str:
    """Make a text loud.

    Args:
        text: It.
    """
    return text.upper()


def agent_for(*answers, **options):
    return CodeAgent([add, shout], ScriptedModel(answers), sandbox_pool=FakePool(), **options)


def test_the_own_prompt_given_back_unchanged_says_the_same():
    own = own_system_prompt(TAGS, native=False)
    assert {name for name in ("{{imports}}", "{{tools}}", "{{instructions}}") if name in own} == {
        "{{imports}}",
        "{{tools}}",
        "{{instructions}}",
    }
    assert system_prompt(own, TAGS, **GIVEN) == system_prompt(None, TAGS, **GIVEN)


def test_what_a_text_does_not_place_is_added():
    made = system_prompt("You are a pirate. {{ tools }}", TAGS, **GIVEN)
    assert made == "You are a pirate. def f(): ...\n\nYou can import math.\n\nBe brief."


@pytest.mark.parametrize("text", ["{{ 7 * 7 }}", "{% for a in b %}", "{{imports.__class__}}", "{{ config }}", "{#x#}"])
def test_a_text_is_never_a_template(text):
    assert system_prompt(text, TAGS, **GIVEN).startswith(text)


def test_what_is_filled_in_is_not_filled_in_again():
    made = system_prompt("{{instructions}}", TAGS, **{**GIVEN, "instructions": "{{tools}}"})
    assert made.startswith("{{tools}}\n\n")


async def test_a_tool_that_is_off_is_neither_offered_nor_called():
    agent = agent_for("<code>print(shout('a'))</code>", "<code>final_answer(add(1, 2))</code>")
    agent.spec = dataclasses.replace(agent.spec, switched_off=frozenset({"shout"}))
    records = [record.event async for record in agent.stream("task")]
    (started,) = [event for event in records if isinstance(event, RunStarted)]
    assert started.tools == ("add",)
    assert "def shout" not in agent.spec.opening_messages()[0].text
    (failed, done) = [event for event in records if isinstance(event, ToolCallFinished)]
    assert failed.error == "the tool 'shout' is switched off; the tools are: add"
    assert done.result == 3


def test_it_is_not_offered_natively_either():
    agent = ToolCallingAgent([add, shout], ScriptedModel([]), sandbox_pool=FakePool())
    spec = dataclasses.replace(agent.spec, switched_off=frozenset({"shout"}))
    assert [each.name for each in spec.offered_tools()] == ["add", "final_answer"]


async def test_a_conversation_goes_on_with_what_was_changed_meanwhile():
    agent = agent_for("<code>final_answer(1)</code>", "<code>final_answer(shout('b'))</code>")
    session = Session()
    first, second = agent.spec, dataclasses.replace(agent.spec, system_prompt="You are a pirate.")
    agent.spec = dataclasses.replace(first, switched_off=frozenset({"shout"}))
    await agent.start("one", session=session).wait()
    before = len(session.messages)
    agent.spec = second
    run = agent.start("two", session=session)
    await run.wait()
    assert session.messages[0].text.startswith("You are a pirate.\n\nYou can import ")
    assert "def shout" in session.messages[0].text
    assert sum("You are a pirate" in message.text for message in session.messages) == 1
    assert sum(message.role == "system" for message in session.messages) == 1
    assert session.opening < before < len(session.messages)
    (step,) = [record.event for record in run.records if isinstance(record.event, StepFinished)]
    assert step.is_final
