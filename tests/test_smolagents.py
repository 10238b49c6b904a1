"""Agents of the real smolagents, run by us: over real sockets, with our sandbox for unit tests."""

import asyncio
import threading

import pytest
import smolagents
from builders import kinds, of_type
from PIL import Image
from smolagents import tool
from smolagents.models import ChatMessage, ChatMessageStreamDelta, MessageRole
from smolagents.monitoring import TokenUsage as TheirUsage

from agentui.deltas import CodeDelta, OutputDelta, TextDelta
from agentui.errors import RunFailed
from agentui.events import StepFinished, StepStarted, SubagentEvent, ToolCallFinished, ToolCallStarted, UpstreamClosed
from agentui.limits import Limits
from agentui.messages import ToolCall
from agentui.session import Session
from agentui.smolagents.agent import SmolagentsAgent
from agentui.testing import FakePool, Finish, Gate, Reply, Stall, serve_chat
from agentui.usage import TokenUsage
from agentui.view import fold


def code(body, thought="Thought: go."):
    return f"{thought}\n<code>\n{body}\n</code>"


def on(server, **options):
    model = smolagents.OpenAIModel("test-model", api_base=server.base_url, api_key="sk-secret")
    options = {"tools": [], "verbosity_level": 2, **options}
    return smolagents.CodeAgent(model=model, **options)


def ours(agent, **options):
    return SmolagentsAgent(agent, sandbox_pool=FakePool(), **options)


class Plain(smolagents.Model):
    """A model without a stream."""

    def __init__(self, *answers):
        super().__init__(model_id="plain")
        self.answers = list(answers)
        self.asked = []

    def generate(self, messages, stop_sequences=None, **options):
        self.asked.append([m.content for m in messages])
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return ChatMessage(role=MessageRole.ASSISTANT, content=answer, token_usage=TheirUsage(10, 5))


class Cumulative(Plain):
    """A model whose server repeats the usage so far in every chunk."""

    def generate_stream(self, messages, stop_sequences=None, **options):
        for i, letter in enumerate(self.answers.pop(0), start=1):
            yield ChatMessageStreamDelta(content=letter, token_usage=TheirUsage(100, i))


def test_a_run_has_the_records_of_our_own_agents():
    answer = [*code("print('seen')\nfinal_answer(6 * 7)"), TokenUsage(120, 33), Finish("stop")]
    with serve_chat(answer) as server:
        agent = on(server)
        result = ours(agent).run("What is 6 * 7?", return_full_result=True)
        server.assert_finished()
    assert (result.output, result.status) == (42, "completed")
    view = fold(result.records)
    assert "".join(e.text for e in of_type(result.records, TextDelta)).strip() == "Thought: go."
    assert "6 * 7" in "".join(e.text for e in of_type(result.records, CodeDelta))
    assert [e.text for e in of_type(result.records, OutputDelta)] == ["seen\n"]
    assert (view.usage.input_tokens, view.usage.output_tokens, view.usage.source) == (120, 33, "reported")
    assert view.steps[0].end.is_final
    assert kinds(result.records).count("run_finished") == 1
    assert agent.memory.steps == []  # the owner's object is only a template


def test_code_of_an_error_is_told_to_the_model_and_the_next_step_follows():
    with serve_chat(code("1 / 0"), code("final_answer('ok')")) as server:
        result = ours(on(server)).run("go", return_full_result=True)
        told = str(server.requests[1].body["messages"])
    first, second = of_type(result.records, StepFinished)
    assert "ZeroDivisionError" in first.error
    assert second.is_final
    assert "ZeroDivisionError" in told


def test_variables_live_from_task_to_task_of_a_session_and_in_no_other():
    steps = ["x = 5", "final_answer(x)", "final_answer(x + 1)", "final_answer('x' in globals())"]
    with serve_chat(*map(code, steps)) as server:
        agent = ours(on(server))
        assert agent.run("set x") == 5
        assert agent.run("and more", reset=False) == 6
        assert agent.run("fresh") is False
        roles = [[m["role"] for m in request.body["messages"]] for request in server.requests]
        last = str(server.requests[-1].body["messages"])
    assert len(roles[2]) > len(roles[0])
    assert "set x" not in last


async def test_two_visitors_of_one_agent_never_mix():
    first, second = Gate(), Gate()
    with serve_chat([first, code("final_answer('one')")], [second, code("final_answer('two')")]) as server:
        agent = ours(on(server))
        alice = agent.start("I am Alice", session=Session())
        await first.reached
        bob = agent.start("I am Bob", session=Session())
        await second.reached
        first.open()
        second.open()
        assert {(await alice.wait()).output, (await bob.wait()).output} == {"one", "two"}
        of_bob = str(server.requests[1].body["messages"])
    assert "Alice" not in of_bob


@pytest.mark.parametrize("trouble", [Stall(), None])
async def test_a_stop_closes_the_connection_while_it_streams_or_stalls(trouble):
    gate = Gate()
    with serve_chat(["Thinking about it", gate, trouble or "more"]) as server:
        run = ours(on(server)).start("go", session=Session())
        await gate.reached
        if trouble:
            gate.open()
        async for batch in run.subscribe():
            if of_type(batch, TextDelta):
                break
        run.stop()
        result = await run.wait()
        await server.requests[0].closed
        assert not server.requests[0].finished
        gate.open()
    assert result.status == "stopped"
    assert of_type(result.records, UpstreamClosed)
    step = of_type(result.records, StepFinished)[-1]
    assert step.thought.startswith("Thinking")
    assert step.usage.source == "estimated"


async def test_a_stop_ends_code_that_runs():
    started = threading.Event()

    @tool
    def wait_for_ever() -> str:
        """Wait."""
        started.set()
        threading.Event().wait(60)
        return "never"

    with serve_chat(code("wait_for_ever()")) as server:
        run = ours(on(server, tools=[wait_for_ever])).start("go", session=Session())
        await asyncio.to_thread(started.wait, 10)
        run.stop()
        result = await run.wait()
    assert result.status == "stopped"
    assert of_type(result.records, ToolCallFinished)[0].error


def test_tools_are_called_from_the_code_and_recorded():
    @tool
    def double(number: int) -> int:
        """Double it.

        Args:
            number: What to double.
        """
        return 2 * number

    with serve_chat(code("final_answer(double(21))")) as server:
        result = ours(on(server, tools=[double])).run("go", return_full_result=True)
    assert result.output == 42
    call = of_type(result.records, ToolCallStarted)[0]
    assert (call.name, call.arguments) == ("double", {"number": 21})


def test_the_step_limit_gives_one_record_a_step_and_the_answer_that_it_asks_for():
    with serve_chat(code("a = 1"), code("b = 2"), "I could not finish.") as server:
        result = ours(on(server, max_steps=2)).run("go", return_full_result=True)
    steps = of_type(result.records, StepFinished)
    assert [step.step for step in steps] == [1, 2, 3]
    assert "step limit" in steps[2].error
    assert "could not finish" in result.output


def test_our_limits_cut_it_in_the_middle():
    with serve_chat("word " * 4000) as server:
        result = ours(on(server), limits=Limits(max_tokens=5000)).run("go", return_full_result=True)
    assert result.status == "limit"
    assert "token" in result.error


def test_plans_checks_and_callbacks_are_its_own():
    seen, refused = [], []

    def check(answer, memory, agent=None):
        refused.append(answer)
        return answer != "bad"

    answers = ["Facts. Plan: 1. go <end_plan>", code("final_answer('bad')"), code("final_answer('good')")]
    with serve_chat(*answers) as server:
        agent = on(server, planning_interval=5, final_answer_checks=[check], step_callbacks=[seen.append])
        result = ours(agent).run("go", return_full_result=True)
    assert result.output == "good"
    assert refused == ["bad", "good"]
    assert [e.kind for e in of_type(result.records, StepStarted)] == ["planning", "action", "action"]
    assert "Check check failed" in of_type(result.records, StepFinished)[1].error
    assert [step.step_number for step in seen] == [1, 2]


def test_a_picture_is_sent_once():
    with serve_chat(code("a = 1"), code("final_answer(1)")) as server:
        ours(on(server)).run("look", images=[Image.new("RGB", (4, 4), "red")])
        sent = [str(request.body["messages"]).count("data:image/png") for request in server.requests]
    assert sent == [1, 1]


def test_usage_is_never_summed_over_chunks_and_zero_is_not_a_number():
    result = ours(smolagents.CodeAgent(tools=[], model=Cumulative(code("final_answer(1)")))).run(
        "go", return_full_result=True
    )
    assert (result.usage.input_tokens, result.usage.output_tokens) == (100, len(code("final_answer(1)")))
    model = Plain(code("final_answer(1)"))
    model.generate = lambda *a, **k: ChatMessage(
        role=MessageRole.ASSISTANT, content=code("final_answer(1)"), token_usage=TheirUsage(0, 0)
    )
    result = ours(smolagents.CodeAgent(tools=[], model=model)).run("go", return_full_result=True)
    assert result.usage.source == "estimated"
    assert result.usage.output_tokens > 0


def test_a_model_that_fails_ends_the_run_with_its_words():
    with pytest.raises(RunFailed, match="plain: ValueError: no credit"):
        ours(smolagents.CodeAgent(tools=[], model=Plain(ValueError("no credit")))).run("go")


def test_a_server_that_refuses_is_named():
    with serve_chat([Reply(401, "no such key")]) as server, pytest.raises(RunFailed, match="401"):
        ours(on(server)).run("go")


def test_a_tool_calling_agent_shows_its_calls():
    @tool
    def add(a: int, b: int) -> int:
        """Add.

        Args:
            a: One.
            b: Other.
        """
        return a + b

    calls = [
        ToolCall(call_id="c1", name="add", arguments='{"a": 1, "b": 2}', index=0),
        ToolCall(call_id="c2", name="add", arguments='{"a": 3, "b": 4}', index=1),
    ]
    last = [ToolCall(call_id="c3", name="final_answer", arguments='{"answer": "3 and 7"}')]
    with serve_chat([*calls, Finish("tool_calls")], [*last, Finish("tool_calls")]) as server:
        model = smolagents.OpenAIModel("m", api_base=server.base_url, api_key="k")
        agent = smolagents.ToolCallingAgent(tools=[add], model=model)
        result = ours(agent).run("add", return_full_result=True)
        offered = [t["function"]["name"] for t in server.requests[0].body["tools"]]
    assert result.output == "3 and 7"
    assert offered == ["add", "final_answer"]
    assert sorted(e.result for e in of_type(result.records, ToolCallFinished)) == [3, 7]
    assert "3" in of_type(result.records, StepFinished)[0].observation


def test_a_managed_agent_is_seen_inside_the_run_and_counted():
    with serve_chat(
        [code("final_answer(helper('find it'))"), TokenUsage(10, 5)], [code("final_answer('found')"), TokenUsage(7, 3)]
    ) as server:
        helper = on(server, name="helper", description="Finds things.")
        result = ours(on(server, managed_agents=[helper])).run("go", return_full_result=True)
    assert result.output == "found"
    inner = [e.event.type for e in of_type(result.records, SubagentEvent)]
    assert inner[0] == "run_started"
    assert inner[-1] == "run_finished"
    assert (result.usage.input_tokens, result.usage.output_tokens) == (17, 8)


async def test_a_run_that_was_stopped_can_be_gone_on_with():
    gate = Gate()
    with serve_chat(code("x = 2"), ["Let me", gate], code("final_answer(x)")) as server:
        agent, session = ours(on(server)), Session()
        run = agent.start("go", session=session)
        await gate.reached
        run.stop()
        assert (await run.wait()).status == "stopped"
        gate.open()
        again = agent.start(None, session=session)
        assert (await again.wait()).output == 2
        assert again.records[0].event.parent.run_id == run.run_id
