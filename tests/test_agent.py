import asyncio
import threading

import pytest
from builders import kinds, of_type

from agentui.agent import CodeAgent
from agentui.calibration import Calibration
from agentui.errors import (
    ConfigError,
    ModelStreamBroken,
    RunFailed,
    RunLimitReached,
    RunStopped,
    SandboxUnavailable,
)
from agentui.events import (
    RECORD,
    CodeDelta,
    CodeStarted,
    ContextCompacted,
    ModelRetried,
    OutputDelta,
    ReasoningDelta,
    RunStarted,
    StepFinished,
    StepStarted,
    SubagentEvent,
    TextDelta,
    ToolCallFinished,
    ToolCallStarted,
    UpstreamClosed,
    UsageUpdated,
)
from agentui.ledger import usage_rows
from agentui.limits import Limits
from agentui.session import Session
from agentui.testing import FakePool, Finish, Gate, Reasoning, ScriptedModel
from agentui.tools import tool
from agentui.usage import TokenUsage
from agentui.view import fold
from tests.serving import eventually


def code(body, thought="Go."):
    return f"{thought}\n<code>\n{body}\n</code>"


def agent_for(*answers, tools=(), pool=None, **options):
    model = ScriptedModel(answers)
    options = {"stream_outputs": True, **options}
    return CodeAgent(tools=list(tools), model=model, sandbox_pool=pool or FakePool(), **options)


async def records_of(agent, task="task", **options):
    return [record async for record in agent.stream(task, **options)]


async def result_of(agent, task="task", **options):
    return await agent.start(task, **options).wait()


async def test_one_step_gives_the_records_of_the_contract_in_order():
    agent = agent_for([Reasoning("hm"), "I add.", "\n<code>\nprint(2)\n", "final_answer(4)\n</code>", TokenUsage(9, 5)])
    got = await records_of(agent, "2+2?")
    assert [kind for kind in kinds(got) if kind != "usage_updated"] == [
        "run_started",
        "step_started",
        "model_requested",
        "reasoning_delta",
        "text_delta",
        "text_delta",
        "code_delta",
        "code_delta",
        "code_started",
        "output_delta",
        "step_finished",
        "run_finished",
    ]
    step = of_type(got, StepFinished)[0]
    assert (step.thought, step.reasoning, step.code) == ("I add.", "hm", "print(2)\nfinal_answer(4)")
    assert (step.output, step.is_final, step.usage) == ("2\n", True, TokenUsage(9, 5))
    assert (got[-1].event.status, got[-1].event.output, got[-1].event.usage) == ("completed", 4, TokenUsage(9, 5))


async def test_deltas_join_to_what_the_finished_step_repeats():
    agent = agent_for(code("print(1)\nprint(2)\nfinal_answer(3)", "First this."))
    got = await records_of(agent)
    step = of_type(got, StepFinished)[0]
    assert "".join(e.text for e in of_type(got, TextDelta)).strip() == step.thought
    assert "".join(e.text for e in of_type(got, CodeDelta)).strip() == step.code
    assert "".join(e.text for e in of_type(got, OutputDelta)) == step.output


async def test_without_stream_outputs_the_records_are_the_same_but_for_the_deltas():
    async def run(**options):
        got = await records_of(agent_for([Reasoning("hm"), code("print(1)\nfinal_answer(2)")], **options))
        return [r.event for r in got if not r.event.type.endswith(("_delta", "_updated", "finished"))], kinds(got)

    with_deltas, all_kinds = await run(stream_outputs=True)
    without, few_kinds = await run(stream_outputs=False)
    assert with_deltas == without
    assert {"text_delta", "reasoning_delta", "code_delta", "output_delta"} <= set(all_kinds)
    assert not any(kind.endswith("_delta") for kind in few_kinds)


async def test_variables_persist_between_steps_and_output_comes_back_as_an_observation():
    agent = agent_for(code("x = 20\nprint('x is', x)"), code("final_answer(x + 1)"))
    result = await result_of(agent)
    assert result.output == 21
    assert agent.model.requests[1][-1].content == "Observation:\nx is 20"


async def test_the_value_of_a_last_expression_is_observed():
    agent = agent_for(code("6 * 7"), code("final_answer(0)"))
    await result_of(agent)
    assert agent.model.requests[1][-1].content == "Observation:\nResult: 42"


async def test_a_traceback_becomes_an_observation_and_the_agent_goes_on():
    agent = agent_for(code("1 / 0"), code("final_answer('repaired')"))
    result = await result_of(agent)
    assert result.output == "repaired"
    assert "ZeroDivisionError" in result.steps[0].error
    assert "ZeroDivisionError" in agent.model.requests[1][-1].content


async def test_a_tool_runs_in_the_host_and_is_recorded():
    seen = []

    @tool
    def look_up(key: str) -> int:
        """Look a key up.

        Args:
            key: What to look up.
        """
        seen.append((key, threading.get_ident()))
        return 7

    agent = agent_for(code("final_answer(look_up('a') + look_up(key='b'))"), tools=[look_up])
    got = await records_of(agent)
    assert got[-1].event.output == 14
    assert [key for key, _ in seen] == ["a", "b"]
    assert [(e.name, e.arguments) for e in of_type(got, ToolCallStarted)] == [
        ("look_up", {"key": "a"}),
        ("look_up", {"key": "b"}),
    ]
    assert [(e.result, e.error) for e in of_type(got, ToolCallFinished)] == [(7, None), (7, None)]
    assert of_type(got, RunStarted)[0].tools == ("look_up",)
    assert "def look_up(key: str) -> int:" in agent.model.requests[0][0].content


async def test_a_failing_tool_is_an_exception_in_the_code():
    @tool
    def fail() -> int:
        """Fail."""
        raise KeyError("gone")

    agent = agent_for(code("try:\n    fail()\nexcept RuntimeError as e:\n    final_answer(str(e))"), tools=[fail])
    got = await records_of(agent)
    assert "KeyError" in got[-1].event.output
    assert "KeyError" in of_type(got, ToolCallFinished)[0].error


async def test_an_answer_without_code_is_corrected_once():
    agent = agent_for("The answer is 4.", code("final_answer(4)"))
    result = await result_of(agent)
    assert result.output == 4
    assert "had no code" in agent.model.requests[1][-1].content
    assert result.steps[0].error == "the model's answer had no code"


async def test_the_second_answer_without_code_in_a_row_is_the_final_one():
    result = await result_of(agent_for("It is 4.", "It really is 4."))
    assert (result.status, result.output, result.steps[-1].is_final) == ("completed", "It really is 4.", True)


async def test_a_truncated_answer_is_not_run_and_the_model_is_told():
    agent = agent_for(["Go.\n<code>\nprint('half", Finish("length")], code("final_answer(1)"))
    result = await result_of(agent)
    assert result.output == 1
    assert "cut off at the token limit" in agent.model.requests[1][-1].content
    assert "cut off" in result.steps[0].error
    assert result.steps[0].output == ""


@pytest.mark.parametrize("answer", [[""], ["Go.\n<code>\nx", Finish("length")]], ids=["empty", "truncated"])
async def test_a_model_that_repeats_its_mistake_fails_instead_of_going_round(answer):
    result = await result_of(agent_for(answer, answer, answer))
    assert (result.status, len(result.steps)) == ("failed", 3)
    assert "3 times in a row" in result.error


async def test_code_that_fails_the_same_way_is_told_so_and_then_given_up():
    agent = agent_for(*[code("1 / 0")] * 3)
    result = await result_of(agent)
    assert result.status == "failed"
    assert "same failure" in agent.model.requests[2][-1].content


async def test_the_step_limit_ends_the_run_as_limit():
    result = await result_of(agent_for(code("x = 1"), code("x = 2"), max_steps=2))
    assert (result.status, len(result.steps)) == ("limit", 2)
    assert "max_steps=2" in result.error


async def test_the_token_limit_cuts_inside_an_answer_and_keeps_the_text():
    gate = Gate("never")
    agent = agent_for(["word " * 2000, gate, "end"], limits=Limits(max_tokens=1500))
    result = await result_of(agent)
    assert result.status == "limit"
    assert "max_tokens" in result.error
    assert result.steps[0].thought.startswith("word word")
    assert result.usage.total_tokens > 1500


async def test_the_time_limit_ends_a_stalled_model():
    result = await result_of(agent_for(["half", Gate("never")], limits=Limits(max_seconds=0.05)))
    assert (result.status, result.steps[0].thought) == ("limit", "half")
    assert "max_seconds" in result.error


async def test_stop_while_the_model_writes_keeps_the_text_and_counts_it():
    gate = Gate("mid")
    agent = agent_for(["Half a thought", gate, " more"])
    run = agent.start("task")
    await gate.reached
    run.stop()
    result = await run.wait()
    assert (result.status, result.steps[0].thought) == ("stopped", "Half a thought")
    assert result.usage.output_tokens > 0
    assert result.usage.input_tokens > 100
    assert result.usage.source == "estimated"
    closed = of_type(result.records, UpstreamClosed)[0]
    assert closed.usage == result.usage
    assert f"{result.usage.total_tokens:,} tokens billed" in result.error


async def test_stop_while_code_runs_ends_it():
    agent = agent_for(code("print('in')\nwhile True: pass"))
    run = agent.start("task")
    async for batch in run.subscribe():
        if of_type(batch, OutputDelta):
            run.stop()
    assert run.result.status == "stopped"
    assert run.result.steps[0].output == "in\n"


async def test_interrupt_stops_from_another_thread():
    gate = Gate("mid")
    agent = agent_for(["a", gate])
    run = agent.start("task")
    await gate.reached
    await asyncio.to_thread(agent.interrupt)
    assert (await run.wait()).status == "stopped"


async def test_closing_the_stream_stops_the_run():
    agent = agent_for(["a", Gate("never")])
    stream = agent.stream("task")
    seen = [await anext(stream)]
    while not of_type(seen, TextDelta):
        seen.append(await anext(stream))
    await stream.aclose()
    assert agent._runs.running == []


async def test_a_broken_stream_is_asked_again_and_its_text_and_cost_stay(monkeypatch):
    monkeypatch.setattr("agentui.ask.RESTART_WAIT_S", 0.0)
    broken = ModelStreamBroken("the connection was lost", token_usage=TokenUsage(50, 3, source="estimated"))
    agent = agent_for(["half ", broken], [code("final_answer(1)"), TokenUsage(60, 9)])
    got = await records_of(agent)
    retried = of_type(got, ModelRetried)[0]
    assert (retried.attempt, retried.reason, retried.partial) == (1, "the connection was lost", "half ")
    assert got[-1].event.output == 1
    assert of_type(got, StepFinished)[0].usage == retried.usage + TokenUsage(60, 9)


async def test_a_stream_that_keeps_breaking_fails_the_run_with_the_partial_text(monkeypatch):
    monkeypatch.setattr("agentui.ask.RESTART_WAIT_S", 0.0)
    result = await result_of(agent_for(*[["half", ModelStreamBroken("lost")] for _ in range(3)]))
    assert (result.status, result.error, result.steps[0].thought) == ("failed", "lost", "half")
    assert result.usage.total_tokens > 0


async def test_a_sandbox_that_cannot_start_fails_the_run():
    pool = FakePool(error=SandboxUnavailable("no worker could be started"))
    result = await result_of(agent_for(code("x = 1"), pool=pool))
    assert (result.status, result.error) == ("failed", "no worker could be started")


async def test_two_runs_of_one_agent_never_mix():
    gates = [Gate("a"), Gate("b")]
    agent = agent_for(
        [gates[0], code("secret = 'a'\nfinal_answer(dir().count('other'))")],
        [gates[1], code("other = 1\nfinal_answer(2)")],
    )
    runs = []
    for i, gate in enumerate(gates):
        runs.append(agent.start(f"task {i}"))
        await gate.reached
    gates[1].open()
    assert (await runs[1].wait()).output == 2
    gates[0].open()
    assert (await runs[0].wait()).output == 0
    assert [request[-1].content for request in agent.model.requests] == ["task 0", "task 1"]


async def test_a_follow_up_keeps_the_conversation_and_the_variables():
    agent = agent_for(code("x = 41\nfinal_answer(x)"), code("final_answer(x + 1)"))
    await result_of(agent, "first")
    result = await result_of(agent, "second", reset=False)
    assert result.output == 42
    texts = [message.content for message in agent.model.requests[1]]
    assert "first" in texts
    assert texts[-1] == "second"


async def test_a_new_conversation_forgets_everything():
    agent = agent_for(code("x = 1\nfinal_answer(x)"), code("final_answer('x' in globals())"))
    await result_of(agent, "first")
    result = await result_of(agent, "second")
    assert result.output is False
    assert "first" not in [message.content for message in agent.model.requests[1]]


async def test_a_session_takes_one_run_at_a_time():
    session = Session()
    agent = agent_for(["a", Gate("never")])
    run = agent.start("first", session=session)
    with pytest.raises(ConfigError, match="has not ended"):
        agent.start("second", session=session)
    run.stop()
    await run.wait()


async def test_a_stopped_answer_is_known_to_the_next_turn():
    gate = Gate("mid")
    agent = agent_for(["I was about to", gate], code("final_answer(1)"))
    run = agent.start("first")
    await gate.reached
    run.stop()
    await run.wait()
    await result_of(agent, "second", reset=False)
    assert "I was about to" in [message.content for message in agent.model.requests[1]]


async def test_planning_happens_before_the_first_step_and_every_interval():
    agent = agent_for("The plan.", code("x = 1"), "New plan.", code("final_answer(x)"), planning_interval=1)
    got = await records_of(agent)
    assert [event.kind for event in of_type(got, StepStarted)] == ["planning", "action", "planning", "action"]
    assert [event.step for event in of_type(got, StepStarted)] == [1, 2, 3, 4]
    assert "The plan." in [message.content for message in agent.model.requests[1]]
    assert got[-1].event.usage.total_tokens == sum(step.usage.total_tokens for step in of_type(got, StepFinished))


async def test_a_refused_answer_goes_back_to_the_model():
    def is_even(answer, memory, agent=None):
        return answer % 2 == 0

    agent = agent_for(code("final_answer(3)"), code("final_answer(4)"), final_answer_checks=[is_even])
    result = await result_of(agent)
    assert result.output == 4
    assert "is_even said no" in agent.model.requests[1][-1].content
    assert [step.is_final for step in result.steps] == [False, True]


async def test_step_callbacks_hear_of_each_finished_step():
    heard = []

    async def listen(step, agent):
        heard.append((step.step, agent))

    agent = agent_for(
        code("x = 1"), code("final_answer(x)"), step_callbacks=[listen, lambda step: heard.append(step.step)]
    )
    await result_of(agent)
    assert heard == [(1, agent), 1, (2, agent), 2]


async def test_instructions_and_imports_are_in_the_system_prompt():
    agent = agent_for(
        code("final_answer(1)"), instructions="Answer in Latin.", additional_authorized_imports=["sqlite3"]
    )
    await result_of(agent)
    prompt = agent.model.requests[0][0].content
    assert prompt.endswith("Answer in Latin.")
    assert "sqlite3" in prompt


def images_in(request):
    return str([message.content for message in request]).count("image_url',")


async def test_an_image_stands_in_the_conversation_once_however_many_steps_follow():
    agent = agent_for(code("x = 1"), code("y = 2"), code("final_answer(x)"), code("final_answer('a cat')"))
    await result_of(agent, images=["http://127.0.0.1/cat.png"])
    await result_of(agent, "What was it?", reset=False)
    assert [images_in(request) for request in agent.model.requests] == [1, 1, 1, 1]


async def test_an_old_image_leaves_the_conversation_when_the_context_runs_short():
    steps = [code(f"print('{i} ' * 1500)") for i in range(3)]
    agent = agent_for(*steps, code("final_answer(1)"), context_tokens=11_000)
    result = await result_of(agent, images=["http://127.0.0.1/cat.png"])
    assert of_type(result.records, ContextCompacted)
    assert [images_in(request) for request in agent.model.requests][::3] == [1, 0]
    assert "1 image of this message was left out" in str(agent.model.requests[-1])


async def test_additional_args_are_variables_of_the_code():
    agent = agent_for(code("final_answer(sum(numbers))"))
    result = await result_of(agent, "add", additional_args={"numbers": [1, 2, 3]})
    assert result.output == 6
    assert "numbers (list)" in agent.model.requests[0][-1].content


async def test_markdown_tags_are_used_in_the_prompt_and_understood():
    agent = agent_for("Go.\n```python\nfinal_answer(5)\n```", code_block_tags="markdown")
    assert (await result_of(agent)).output == 5
    assert "<code>" not in agent.model.requests[0][0].content


async def test_a_closing_tag_that_a_stop_sequence_swallowed_is_no_mistake():
    result = await result_of(agent_for("Go.\n<code>\nfinal_answer(1)\n"))
    assert (result.output, result.steps[0].code) == (1, "final_answer(1)")


async def test_live_usage_is_an_estimate_until_the_server_speaks():
    gate = Gate("mid")
    agent = agent_for(["some words of thought", gate, code("final_answer(1)"), TokenUsage(500, 50)])
    run = agent.start("task")
    await gate.reached
    live = of_type(run.records, UsageUpdated)[-1].usage
    gate.open()
    await run.wait()
    assert (live.source, live.output_tokens > 0) == ("estimated", True)
    assert of_type(run.records, UsageUpdated)[-1].usage == TokenUsage(500, 50)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_steps": 0}, "max_steps=0 is not a whole number above 0"),
        ({"limits": Limits(max_seconds=-1)}, "max_seconds=-1"),
        ({"planning_interval": 0}, "planning_interval=0"),
        ({"additional_authorized_imports": ["no_such_module"]}, "'no_such_module' is not installed"),
        ({"code_block_tags": ("a",)}, "code_block_tags"),
    ],
)
def test_a_bad_setting_is_named_before_anything_runs(options, message):
    with pytest.raises(ConfigError, match=message):
        agent_for(**options)


async def test_an_empty_task_is_refused():
    with pytest.raises(ConfigError, match="the task is empty"):
        agent_for().start("  ")


def test_run_returns_the_answer_from_plain_code():
    assert agent_for(code("final_answer(17 * 23)")).run("17 * 23?") == 391


def test_run_streams_records_from_plain_code():
    got = list(agent_for(code("final_answer(1)")).run("task", stream=True))
    assert kinds(got)[0] == "run_started"
    assert kinds(got)[-1] == "run_finished"


def test_run_raises_what_ended_a_run_without_an_answer():
    with pytest.raises(RunFailed, match="lost") as caught:
        agent_for([ModelStreamBroken("lost")]).run("task")
    assert isinstance(caught.value.__cause__, ModelStreamBroken)
    with pytest.raises(RunLimitReached):
        agent_for(code("x = 1"), max_steps=1).run("task")


def test_a_full_result_tells_of_every_ending():
    result = agent_for(code("x = 1"), max_steps=1).run("task", return_full_result=True)
    assert (result.status, len(result.steps), result.records[-1].event.status) == ("limit", 1, "limit")


def test_closing_a_plain_stream_stops_the_run():
    agent = agent_for(["a", Gate("never")])
    stream = agent.run("task", stream=True)
    next(stream)
    stream.close()
    assert agent._runs.running == []


def test_interrupt_ends_a_plain_run():
    gate = Gate("mid")
    agent = agent_for(["a", gate])
    threading.Thread(target=lambda: (gate.reached.wait_blocking(), agent.interrupt())).start()
    with pytest.raises(RunStopped):
        agent.run("task")


async def test_the_code_that_ran_is_recorded_whole():
    got = await records_of(agent_for(code("final_answer(1)")))
    assert of_type(got, CodeStarted)[0].code == "final_answer(1)"
    assert "".join(event.text for event in of_type(got, ReasoningDelta)) == ""


async def test_a_managed_agent_is_a_function_whose_records_and_tokens_are_in_the_run():
    helper = agent_for(
        [code("final_answer(number * 2)"), TokenUsage(30, 3)],
        name="doubler",
        description="Doubles the variable `number`.",
    )
    agent = agent_for(
        [code("final_answer(doubler('double it', additional_args={'number': 21}))"), TokenUsage(100, 10)],
        managed_agents=[helper],
    )
    got = await records_of(agent)
    inner = of_type(got, SubagentEvent)
    assert [(e.agent, e.call_id) for e in inner][:1] == [("doubler", "call_1")]
    assert (inner[0].event.type, inner[-1].event.type, inner[-1].event.output) == ("run_started", "run_finished", 42)
    assert got[-1].event.output == 42
    assert got[-1].event.usage == TokenUsage(130, 13)
    assert [RECORD.validate_json(RECORD.dump_json(record)) for record in got] == got
    rows = usage_rows(fold(got))
    assert [(row.agent, row.usage.total_tokens) for row in rows] == [("", 110), ("doubler", 33)]


async def test_stopping_a_run_stops_the_agent_it_called_and_counts_it():
    gate = Gate("inner")
    helper = agent_for(["half", gate], name="slow", description="Never ends.")
    agent = agent_for([code("slow('x')"), TokenUsage(100, 10)], managed_agents=[helper])
    run = agent.start("task")
    await gate.reached
    run.stop()
    result = await run.wait()
    assert [e.event.status for e in of_type(result.records, SubagentEvent) if e.event.type == "run_finished"] == [
        "stopped"
    ]
    assert result.usage.input_tokens > 200
    assert result.usage.source == "mixed"


async def test_the_cost_limit_cuts_inside_an_answer_of_a_model_whose_price_is_known():
    agent = agent_for(["word " * 5000, Gate("never")], limits=Limits(max_cost_usd=0.002))
    agent.model.model_id, agent.model.server = "gpt-5-mini", "https://api.openai.com/v1"
    result = await result_of(agent)
    assert (result.status, result.records[-1].event.cost.usd > 0.002) == ("limit", True)
    assert "max_cost_usd=0.002" in result.error
    assert "genai-prices" in result.records[-1].event.cost.source


async def test_a_cost_limit_on_a_model_without_a_price_is_refused_and_the_session_stays_free():
    session = Session()
    agent = agent_for(code("final_answer(1)"))
    with pytest.raises(ConfigError, match="that of 'scripted' is unknown: set max_tokens"):
        agent.start("task", session=session, limits=Limits(max_cost_usd=1))
    assert (await agent.start("task", session=session).wait()).output == 1


async def test_the_cost_of_a_run_is_unknown_and_not_zero_where_nobody_knows_it():
    result = await result_of(agent_for(code("final_answer(1)")))
    assert result.records[-1].event.cost is None


async def test_estimates_say_what_they_were_off_by_before(monkeypatch):
    monkeypatch.setattr("agentui.ask.CALIBRATION", Calibration())
    gate = Gate("second call")
    agent = agent_for([code("x = 1"), TokenUsage(500, 50)], ["some words", gate, code("final_answer(1)")])
    run = agent.start("task")
    await gate.reached
    first, live = of_type(run.records, UsageUpdated)[-2:]
    run.stop()
    await run.wait()
    assert (first.settled, first.usage.output_tokens, first.margin) == (True, 50, None)
    assert (live.settled, live.usage.source) == (False, "estimated")
    assert live.margin == pytest.approx(abs(first.counted_output_tokens / 50 - 1))


async def test_a_token_limit_is_not_overrun_however_fast_the_model_streams():
    result = await result_of(agent_for(["word "] * 5000, limits=Limits(max_tokens=1000)))
    assert result.status == "limit"
    assert 1000 < result.usage.total_tokens <= 1010


async def test_old_observations_are_shortened_when_the_context_fills_up():
    steps = [code(f"print('{i}' * 6000)") for i in range(6)]
    agent = agent_for(*steps, code("final_answer(1)"), context_tokens=12_000)
    got = await records_of(agent)
    compacted = of_type(got, ContextCompacted)[0]
    assert compacted.after_tokens < compacted.before_tokens
    assert (compacted.elided_observations > 0, compacted.summarised) == (True, False)
    last = agent.model.requests[-1]
    assert "left out to save context" in last[agent._runs.session(reset=False).opening + 2].content
    assert last[-1].content == "Observation:\n" + "5" * 6000
    assert got[-1].event.output == 1


async def test_a_conversation_that_is_still_too_long_is_summarised_and_the_tokens_are_counted():
    thoughts = [code(f"x = {i}", "word " * 900) for i in range(8)]
    agent = agent_for(*thoughts[:4], "All is well, x is 3.", code("final_answer(x)"), context_tokens=5_000)
    got = await records_of(agent)
    assert of_type(got, ContextCompacted)[0].summarised is True
    assert [event.kind for event in of_type(got, StepStarted)].count("planning") == 1
    texts = [message.content for message in agent.model.requests[-1]]
    assert any("All is well, x is 3." in text for text in texts)
    assert got[-1].event.output == 3
    assert len(of_type(got, StepFinished)) == len(agent.model.requests)


@pytest.mark.parametrize("task", [7, b"bytes"])
async def test_a_task_that_is_no_text_is_refused(task):
    with pytest.raises(ConfigError, match="not a text"):
        agent_for().start(task)


def test_the_name_of_a_model_is_no_model():
    with pytest.raises(ConfigError, match="model='gpt-4' is no model"):
        CodeAgent(tools=[], model="gpt-4", sandbox_pool=FakePool())


async def test_code_that_runs_too_long_is_told_the_limit():
    agent = agent_for(code("while True: pass"), code("final_answer(1)"), limits=Limits(step_seconds=0.2))
    result = await result_of(agent)
    assert "0.2 s" in result.steps[0].observation
    assert "KeyboardInterrupt" not in result.steps[0].observation


async def test_a_session_that_is_dropped_ends_its_interpreter():
    pool = FakePool()
    await result_of(agent_for(code("final_answer(1)"), pool=pool), session=Session())
    await asyncio.to_thread(eventually, lambda: pool.opened[0].closed)
    assert pool.opened[0].closed
