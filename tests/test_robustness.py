"""What must not break a run, its session or its neighbours."""

import asyncio
import gc
import sys
import weakref

import pytest
from builders import kinds, of_type, records, started, step_finished

from agentui.agent import CodeAgent, ToolCallingAgent
from agentui.compaction import elide, summarised
from agentui.errors import ConfigError, ModelStreamBroken
from agentui.events import ModelRetried, OutputDelta, StepStarted, TextDelta, UpstreamClosed
from agentui.ledger import usage_rows
from agentui.limits import Limits
from agentui.loop_thread import run_sync
from agentui.messages import ChatMessage, ToolCall
from agentui.parse import AnswerParser
from agentui.runner import Run
from agentui.sandbox.base import Artifact, ExecResult
from agentui.session import Session
from agentui.testing import FakePool, Gate, ScriptedModel
from agentui.tools import Tool, tool
from agentui.usage import TokenUsage
from agentui.view import fold
from agentui.worker import Worker


def code(body):
    return f"Go.\n<code>\n{body}\n</code>"


def call(name, arguments, call_id="c1"):
    return [ToolCall(call_id=call_id, name=name, arguments=arguments)]


def agent_for(*answers, kind=CodeAgent, tools=(), pool=None, **options):
    model = ScriptedModel(answers)
    return kind(tools=list(tools), model=model, stream_outputs=True, sandbox_pool=pool or FakePool(), **options)


@tool
def leave() -> str:
    """Leave."""
    sys.exit(3)


@tool
def first_of_nothing() -> str:
    """Take the first of nothing."""
    return next(iter([]))


@pytest.mark.parametrize(("bad", "said"), [(leave, "SystemExit: 3"), (first_of_nothing, "StopIteration")])
async def test_a_tool_may_end_in_any_way_and_the_model_is_told(bad, said):
    agent = agent_for(call(bad.name, "{}"), call("final_answer", '{"answer": 1}'), kind=ToolCallingAgent, tools=[bad])
    assert (await agent.start("task").wait()).output == 1
    assert said in agent.model.requests[1][-1].content


def test_the_process_goes_on_after_a_hook_that_leaves():
    agent = agent_for(code("final_answer(1)"), step_callbacks=[lambda step: sys.exit(3)])
    assert "SystemExit" in agent.run("task", return_full_result=True).error
    assert agent_for(code("final_answer(2)")).run("task") == 2


def test_a_check_may_ask_a_model_as_plain_code_does():
    judge = ScriptedModel(["yes"])
    agent = agent_for(
        code("final_answer(1)"),
        final_answer_checks=[lambda answer: judge.generate([{"role": "user", "content": str(answer)}]).text == "yes"],
    )
    assert agent.run("task") == 1


async def test_a_callback_that_blocks_holds_up_no_other_run():
    blocked, gate = asyncio.Event(), Gate("callback")
    loop = asyncio.get_running_loop()

    def wait(step):
        loop.call_soon_threadsafe(blocked.set)
        asyncio.run(gate.wait())

    slow = agent_for(code("final_answer(1)"), step_callbacks=[wait]).start("task")
    await blocked.wait()
    assert (await agent_for(code("final_answer(2)")).start("task").wait()).output == 2
    gate.open()
    assert (await slow.wait()).output == 1


@pytest.mark.parametrize("kind", ["run_started", "text_delta", "run_finished"])
async def test_a_listener_that_fails_changes_nothing(kind):
    session = Session()

    def listen(record):
        if record.event.type == kind:
            raise ValueError("a listener's own mistake")

    run = agent_for(code("final_answer(1)")).start("task", session=session, on_record=listen)
    assert (await run.wait()).output == 1
    assert session.busy is False


async def test_an_answer_that_cannot_be_printed_still_ends_the_run():
    class Unprintable:
        def __str__(self):
            raise ValueError("no")

    async def body(run):
        return Unprintable()

    result = await Run(body, started()).wait()
    assert result.status == "completed"
    assert "Unprintable object" in result.records[-1].event.output


async def test_a_second_stop_does_not_cut_the_first_one_short():
    cleaned = asyncio.Event()

    async def body(run):
        try:
            await asyncio.Event().wait()
        finally:
            run.stop()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            cleaned.set()

    run = Run(body, started())
    await asyncio.sleep(0)
    run.stop()
    assert (await run.wait()).status == "stopped"
    assert cleaned.is_set()


async def test_values_reach_an_agent_without_an_interpreter_in_its_task():
    pool = FakePool()
    agent = agent_for(call("final_answer", '{"answer": 1}'), kind=ToolCallingAgent, pool=pool)
    await agent.start("Where?", additional_args={"city": "Zanzibar"}).wait()
    assert "city = 'Zanzibar'" in agent.model.requests[0][-1].content
    assert pool.opened == []


async def test_a_value_that_cannot_be_sent_is_refused_before_anything_starts():
    with pytest.raises(ConfigError, match="'thing' cannot be sent"):
        agent_for().start("task", additional_args={"thing": object()})


async def test_prose_with_code_in_it_is_prose_to_an_agent_that_calls_tools():
    answer = "Here it is:\n```python\nprint(1)\n```\nDone."
    agent = agent_for(answer, answer, kind=ToolCallingAgent)
    result = await agent.start("task").wait()
    assert (result.status, result.output) == ("completed", answer)
    assert "called no tool" in agent.model.requests[1][-1].content


@pytest.mark.parametrize("words", ["question='x'", "''", "'t', ['a']", "'t', {'a b': 1}"])
async def test_a_wrong_call_of_an_agent_is_the_code_s_to_handle(words):
    helper = agent_for(name="helper", description="Helps.")
    handled = code(f"try:\n    helper({words})\nexcept RuntimeError as e:\n    final_answer('handled: ' + str(e))")
    result = await agent_for(handled, managed_agents=[helper]).start("task").wait()
    assert result.output.startswith("handled: helper: ")


async def test_a_called_agent_gets_no_more_than_its_caller_has_left():
    helper = agent_for(*[code("x = 1"), TokenUsage(1000, 100)] * 1, name="helper", description="Helps.")
    helper.model._answers = ([code("x = 1"), TokenUsage(1000, 100)],) * 9
    agent = agent_for(
        [code("helper('go')"), TokenUsage(500, 50)], managed_agents=[helper], limits=Limits(max_tokens=2000)
    )
    result = await agent.start("task").wait()
    assert result.status == "limit"
    assert result.usage.total_tokens < 3500
    assert len(helper.model.requests) <= 2


async def test_an_attempt_is_not_restarted_when_the_budget_is_used_up(monkeypatch):
    monkeypatch.setattr("agentui.ask.RESTART_WAIT_S", 0.0)
    broken = ["half", ModelStreamBroken("lost", token_usage=TokenUsage(900, 10))]
    agent = agent_for(broken, code("final_answer(1)"), limits=Limits(max_tokens=905))
    assert (await agent.start("task").wait()).status == "limit"
    assert len(agent.model.requests) == 1


def test_the_steps_of_the_limits_count_unless_something_else_is_said():
    assert agent_for(limits=Limits(max_steps=3)).limits.max_steps == 3
    assert agent_for(limits=Limits(max_steps=3), max_steps=5).limits.max_steps == 5
    assert agent_for().limits.max_steps == 20


async def test_finished_conversations_are_not_kept():
    agent = agent_for(*[code("final_answer(1)")] * 5)
    seen = weakref.WeakSet()
    for _ in range(5):
        run = agent.start("task")
        seen.add(agent._runs.session(reset=False))
        await run.wait()
    del run
    await asyncio.to_thread(run_sync, asyncio.sleep(0))  # the old ones are closed on the background loop
    gc.collect()
    assert len(seen) <= 2


async def test_a_run_keeps_no_more_bytes_than_it_may(monkeypatch):
    monkeypatch.setattr("agentui.runner.MAX_ARTIFACT_BYTES", 100)
    files = [Artifact(artifact_id=str(i), name=f"{i}.bin", media_type="x/y", data=bytes(60)) for i in range(2)]
    pool = FakePool(results=[[[*files, ExecResult(value=1, value_repr="1", is_final=True)]]])
    run = agent_for(code("final_answer(1)"), pool=pool).start("task")
    result = await run.wait()
    assert list(run.artifacts) == ["0"]
    assert "1.bin is not kept" in of_type(result.records, OutputDelta)[-1].text


async def test_old_runs_lose_their_files_first():
    worker, agent = Worker(max_artifact_bytes=100), agent_for(*[code("final_answer(1)")] * 3)
    runs = []
    for i in range(3):
        runs.append(worker.start(agent, "task", session=Session()))
        await runs[-1].wait()
        runs[-1].add_artifact(Artifact(artifact_id=str(i), name="f", media_type="x/y", data=bytes(60)))
    worker._forget()
    assert [run.artifact_bytes for run in runs] == [0, 0, 60]


async def test_a_failed_attempt_that_is_not_repeated_has_one_row(monkeypatch):
    monkeypatch.setattr("agentui.ask.RESTART_WAIT_S", 0.0)
    monkeypatch.setattr("agentui.ask.MAX_RESTARTS", 1)
    lost = ["half", ModelStreamBroken("lost", token_usage=TokenUsage(100, 5))]
    result = await agent_for(lost, lost).start("task").wait()
    rows = usage_rows(fold(result.records))
    assert sum(row.usage.total_tokens for row in rows) == result.usage.total_tokens == 210


async def test_a_mistake_in_a_model_s_own_code_still_counts_what_was_streamed():
    result = await agent_for(["some words", ValueError("a bug")]).start("task").wait()
    assert (result.status, result.usage.source) == ("failed", "estimated")
    assert result.usage.output_tokens > 0
    assert of_type(result.records, UpstreamClosed) == []


def test_a_recording_that_begins_in_the_middle_is_read_as_far_as_it_goes():
    view = fold(
        records(TextDelta(text="lost"), StepStarted(step=2), TextDelta(text="seen"), step_finished(2, thought="seen"))
    )
    assert [str(step.thought) for step in view.steps] == ["seen"]


def test_empty_blocks_cost_linear_time():
    parser = AnswerParser()
    parser.feed("<code></code>" * 20_000)
    parser.close()
    assert parser.answer.code is None


def test_a_shortened_conversation_never_begins_with_half_a_turn():
    turns = [ChatMessage(role="system", content="s"), ChatMessage(role="user", content="task")]
    calls = tuple(ToolCall(call_id=f"c{i}", name="f") for i in range(5))
    turns.append(ChatMessage(role="assistant", content="", tool_calls=calls))
    turns += [ChatMessage(role="tool", content="x" * 5000, tool_call_id=f"c{i}") for i in range(5)]
    kept = summarised(turns, 1, ChatMessage(role="user", content="summary"))
    assert [message.role for message in kept] == ["system", "user"]
    assert elide(turns, 1)[1] == 1


async def test_closing_an_agent_while_it_works_stops_it():
    gate = Gate("mid")
    agent = agent_for(["a", gate])
    run = agent.start("task")
    await gate.reached
    await asyncio.to_thread(agent.close)
    assert (await run.wait()).status == "stopped"


async def test_a_run_that_is_refused_leaves_the_conversation_as_it_was():
    agent = agent_for(code("final_answer(1)"))
    await agent.start("task").wait()
    before = agent._runs.session(reset=False)
    with pytest.raises(ConfigError):
        agent.start("task", limits=Limits(max_cost_usd=1))
    assert agent._runs.session(reset=False) is before


async def test_a_tool_is_set_up_once_before_its_first_call():
    class Counter(Tool):
        name, description, output_type = "count", "Count.", "integer"
        ready = 0

        def setup(self):
            self.ready += 1

        def forward(self):
            return self.ready

    assert await Counter().call([], {}) == 1
    counter = Counter()
    assert [counter(), counter()] == [1, 1]


async def test_text_that_no_json_can_hold_is_replaced_and_not_fatal():
    agent = agent_for(code("final_answer({'\\ud800': '\\ud800'})"))
    result = await agent.start("task \ud800").wait()
    assert result.status == "completed"
    assert "\ud800" not in result.records[0].event.task
    assert kinds(result.records)[-1] == "run_finished"


def test_a_retry_forgets_half_written_arguments():
    view = fold(records(started(), StepStarted(step=1), ModelRetried(attempt=1, wait_s=0, reason="x")))
    assert view.steps[0].writing_calls == {}
