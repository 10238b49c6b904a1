import asyncio

import pytest
from builders import kinds, of_type

from agentui.agent import CodeAgent, ToolCallingAgent
from agentui.events import StepFinished, ToolCallDelta, ToolCallFinished, ToolCallStarted
from agentui.messages import ToolCall
from agentui.testing import FakePool, Finish, ScriptedModel, serve_chat
from agentui.tools import tool


def call(name, arguments, call_id="c1", index=0):
    return ToolCall(call_id=call_id, name=name, arguments=arguments, index=index)


@tool
def add(left: int, right: int) -> int:
    """Add two numbers.

    Args:
        left: One of them.
        right: The other.
    """
    return left + right


def agent_for(*answers, tools=(add,), kind=ToolCallingAgent, **options):
    return kind(
        tools=list(tools), model=ScriptedModel(answers), stream_outputs=True, sandbox_pool=FakePool(), **options
    )


async def records_of(agent, task="task"):
    return [record async for record in agent.stream(task)]


async def test_a_native_call_runs_the_tool_and_its_result_goes_back():
    agent = agent_for(
        ["I add.", call("add", '{"left": 20,'), call("add", ' "right": 22}')], [call("final_answer", '{"answer": 42}')]
    )
    got = await records_of(agent)
    assert [kind for kind in kinds(got) if "usage" not in kind] == [
        "run_started",
        "step_started",
        "model_requested",
        "text_delta",
        "tool_call_delta",
        "tool_call_delta",
        "tool_call_started",
        "tool_call_finished",
        "step_finished",
        "step_started",
        "model_requested",
        "tool_call_delta",
        "step_finished",
        "run_finished",
    ]
    assert "".join(e.text for e in of_type(got, ToolCallDelta)[:2]) == '{"left": 20, "right": 22}'
    assert of_type(got, ToolCallStarted)[0].arguments == {"left": 20, "right": 22}
    assert got[-1].event.output == 42
    asked, answered = agent.model.requests[1][-2:]
    assert (asked.tool_calls[0].call_id, answered.role, answered.content) == ("c1", "tool", "42")
    assert answered.tool_call_id == "c1"


async def test_calls_of_one_answer_run_side_by_side():
    both = asyncio.Barrier(2)

    @tool
    async def meet(name: str) -> str:
        """Wait for the other one.

        Args:
            name: Who waits.
        """
        await both.wait()
        return name

    agent = agent_for(
        [call("meet", '{"name": "a"}', "c1", 0), call("meet", '{"name": "b"}', "c2", 1)],
        [call("final_answer", '{"answer": "met"}')],
        tools=[meet],
    )
    got = await records_of(agent)
    assert {e.result for e in of_type(got, ToolCallFinished)} == {"a", "b"}
    assert [m.content for m in agent.model.requests[1][-2:]] == ["a", "b"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (call("add", '{"left": 1'), "not valid JSON"),
        (call("add", "[1, 2]"), "not a JSON object"),
        (call("subtract", "{}"), "there is no tool 'subtract'; the tools are: add"),
        (call("add", '{"left": 1}'), "TypeError"),
    ],
    ids=["cut", "list", "unknown", "argument"],
)
async def test_a_wrong_call_is_told_to_the_model(wrong, said):
    agent = agent_for([wrong], [call("final_answer", '{"answer": 1}')])
    got = await records_of(agent)
    assert said in agent.model.requests[1][-1].content
    assert got[-1].event.output == 1


async def test_an_answer_without_a_call_is_corrected_once_and_then_taken():
    agent = agent_for("It is 4.", "It is really 4.")
    got = await records_of(agent)
    assert "called no tool" in agent.model.requests[1][-1].content
    assert got[-1].event.output == "It is really 4."


async def test_a_call_that_was_cut_off_is_not_made():
    agent = agent_for([call("add", '{"left": 1'), Finish("length")], [call("final_answer", '{"answer": 1}')])
    got = await records_of(agent)
    assert of_type(got, ToolCallStarted) == []
    assert "cut off" in agent.model.requests[1][-1].content


async def test_a_refused_answer_goes_back_to_the_model():
    final = [call("final_answer", '{"answer": 3}')], [call("final_answer", '{"answer": 4}', "c2")]
    got = await records_of(agent_for(*final, final_answer_checks=[lambda answer: answer % 2 == 0]))
    assert got[-1].event.output == 4


async def test_stopping_while_a_tool_runs_leaves_a_conversation_that_a_server_accepts():
    started, forever = asyncio.Event(), asyncio.Event()

    @tool
    async def wait() -> str:
        """Wait for ever."""
        started.set()
        await forever.wait()
        return "never"

    agent = agent_for([call("wait", "{}")], tools=[wait])
    run = agent.start("task")
    await started.wait()
    run.stop()
    assert (await run.wait()).status == "stopped"
    assert agent._runs.session(reset=False).messages[-1].role == "tool"
    assert of_type(run.records, ToolCallFinished)[0].error == "stopped before it returned"


async def test_tools_are_described_to_the_server_and_its_calls_are_understood():
    answers = [call("add", '{"left": 1, "right": 2}')], [call("final_answer", '{"answer": 3}')]
    with serve_chat(*answers) as server:
        from agentui import OpenAIServerModel

        model = OpenAIServerModel(model_id="m", api_base=server.base_url)
        agent = ToolCallingAgent(tools=[add], model=model, sandbox_pool=FakePool())
        assert (await agent.start("1 + 2?").wait()).output == 3
        body = server.requests[0].body
    assert [item["function"]["name"] for item in body["tools"]] == ["add", "final_answer"]
    parameters = body["tools"][0]["function"]["parameters"]
    assert parameters["properties"]["left"] == {"type": "integer", "description": "One of them."}
    assert parameters["required"] == ["left", "right"]
    assert "stop" not in body


@pytest.mark.parametrize(
    "native",
    [
        call("python", '{"code": "final_answer(add(20, 22))"}'),
        call("code_interpreter", "final_answer(add(20, 22))"),
        call("final_answer", '{"answer": 42}'),
    ],
    ids=["code", "bare code", "answer"],
)
async def test_a_code_agent_takes_native_calls_for_the_code_they_mean(native):
    got = await records_of(agent_for([native], kind=CodeAgent))
    assert got[-1].event.output == 42


@pytest.mark.parametrize(
    ("name", "arguments", "wrong"),
    [
        ("functions.add", '{"a": 1}', "there is no such function"),
        ("", "{}", "there is no such function"),
        ("add", '{"a": 1', "the arguments are not valid JSON"),
        ("add", "[1]", "the arguments are a JSON list, not an object"),
        ("python", '{"n": 1}', "there is no code in the arguments"),
    ],
)
@pytest.mark.parametrize("said", ["", "I call it."])
async def test_a_code_agent_is_told_which_native_call_means_no_code(name, arguments, wrong, said):
    bad = [
        said,
        call(name, arguments),
        call("python", "1/0", call_id="c2", index=1),
    ]
    agent = agent_for(bad, "<code>final_answer(3)</code>", kind=CodeAgent)
    got = await records_of(agent)
    steps = of_type(got, StepFinished)
    assert (got[-1].event.output, len(steps)) == (3, 2)
    for text in (steps[0].error, steps[0].observation, agent.model.requests[1][-1].content):
        assert f"{name or '(no name)'}({arguments}): {wrong}" in text
    assert "empty" not in steps[0].error
    again = agent_for(*[bad] * 3, kind=CodeAgent)
    got = await records_of(again)
    assert "the same mistake 3 times in a row" in got[-1].event.error
    assert wrong in got[-1].event.error


async def test_a_code_agent_runs_a_native_tool_call_as_code():
    agent = agent_for([call("add", '{"left": 1, "right": 2}')], "<code>\nfinal_answer('seen')\n</code>", kind=CodeAgent)
    got = await records_of(agent)
    assert of_type(got, ToolCallFinished)[0].result == 3
    said, observed = agent.model.requests[1][-2:]
    assert said.content == "<code>\nprint(add(**{'left': 1, 'right': 2}))\n</code>"
    assert observed.content == "Observation:\n3"
