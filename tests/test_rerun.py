"""Doing a recorded run again: from the recording, and live. The first difference is said, and the parent stays."""

import asyncio
import dataclasses

import pytest
from builders import code, kinds, of_type

from agentui.agent import CodeAgent, ToolCallingAgent
from agentui.errors import ConfigError, ModelStreamBroken, RunFailed
from agentui.events import (
    RECORD,
    Diverged,
    ModelRetried,
    ParentRun,
    ReasoningDelta,
    RunFinished,
    StepFinished,
    SubagentEvent,
    UsageUpdated,
)
from agentui.limits import Limits
from agentui.messages import ToolCall
from agentui.models.scripted import Finish, Reasoning
from agentui.recording import read_records
from agentui.testing import FakePool, Gate, ScriptedModel
from agentui.tools import tool


def agent_for(*answers, pool=None, tools=(), kind=CodeAgent, **options):
    options = {"stream_outputs": True, **options}
    return kind(list(tools), ScriptedModel(answers), sandbox_pool=pool or FakePool(), **options)


class Answers:
    """A tool that answers differently each time."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def tool(self):
        def look_up(name: str) -> str:
            """Look something up.

            Args:
                name: What.
            """
            self.asked.append(name)
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return tool(look_up)


def full(agent, *arguments, **options):
    return agent.run(*arguments, return_full_result=True, **options)


def rerun(agent, recording, **options):
    return agent.rerun(recording, return_full_result=True, **options)


def diverged(result):
    return of_type(result.records, Diverged)


def essence(result):
    """The records without times, ids, tokens, and what each run says of itself."""
    events = []
    for record in result.records:
        event = record.event
        if isinstance(event, UsageUpdated) or event.type.endswith("_delta"):
            continue
        event = RECORD.dump_python(record, mode="json")["event"]
        for key in ("timing", "duration_s", "usage", "cost", "model", "parent", "artifact_id"):
            event.pop(key, None)
        for message in event.get("messages", ()):  # counted, or estimated where counting would take a moment
            message.pop("tokens")
        events.append(event)
    return events


def on_another_day(records, path):
    path.write_bytes(b"".join(RECORD.dump_json(record) + b"\n" for record in records))
    return list(read_records(path))


TASK = [
    [Reasoning("Hm, "), Reasoning("a name."), "Look it up.\n<code>\nfound = look_up('x')\nprint(found)\n</code>"],
    code("print(1 / 0)"),
    "No code here.",
    code("for n in range(3):\n    print(n)\nn"),
    code("final_answer([found, n])"),
]


def test_a_rerun_is_the_same_run_without_a_call_of_the_model(real_pool, tmp_path):
    answers = Answers("one", "one", "one")
    agent = agent_for(*TASK, pool=real_pool, tools=[answers.tool()])
    first = full(agent, "Find x.")
    before = list(first.records)
    again = rerun(agent, first)
    other = agent_for(pool=real_pool, tools=[answers.tool()])
    elsewhere = rerun(other, on_another_day(first.records, tmp_path / "run.jsonl"))
    for result in (again, elsewhere):
        assert essence(result) == essence(first)
        assert result.output == ["one", 2]
        assert diverged(result) == []
        assert (result.usage.total_tokens, [step.usage for step in result.steps]) == (0, [None] * 5)
        assert of_type(result.records, UsageUpdated) == []
        start = result.records[0].event
        assert (start.model, start.server) == ("scripted (recorded)", None)
        assert start.parent == ParentRun(run_id=first.records[0].run_id, step=0, relation="rerun")
    assert answers.asked == ["x"] * 3
    assert len(agent.model.requests) == 5
    assert first.records == tuple(before)


def test_without_recorded_deltas_it_is_the_same():
    agent = agent_for(*TASK, tools=[Answers("one", "one").tool()], stream_outputs=False)
    first = full(agent, "Find x.")
    again = rerun(agent, first)
    assert essence(again) == essence(first)
    assert diverged(again) == []


@pytest.mark.parametrize(
    ("now", "what", "recorded", "later"),
    [
        ("two", "result", '"one"', '"two"'),
        (ValueError("gone"), "error", "no error", "ValueError: gone"),
    ],
)
def test_a_tool_that_answers_otherwise_is_the_first_difference(now, what, recorded, later):
    answers = Answers("one", now)
    agent = agent_for(*TASK, tools=[answers.tool()])
    again = rerun(agent, full(agent, "Find x."))
    (event,) = diverged(again)
    assert (event.step, event.what, event.recorded, event.now) == (1, what, recorded, later)
    place = kinds(again.records).index("diverged")
    assert kinds(again.records)[place - 1] == "tool_call_finished"
    assert of_type(again.records, RunFinished)[0].status in {"completed", "failed"}


def test_another_print_another_answer_and_another_call_are_differences():
    agent = agent_for(code("import uuid\nprint(uuid.uuid4())"), code("final_answer(1)"))
    (event,) = diverged(rerun(agent, full(agent, "t")))
    assert (event.step, event.what) == (1, "output")

    agent = agent_for(code("import uuid\nfinal_answer(str(uuid.uuid4()))"))
    first = full(agent, "t")
    again = rerun(agent, first)
    (event,) = diverged(again)
    assert (event.what, event.recorded) == ("result", f'the answer "{first.output}"')
    assert kinds(again.records)[-2:] == ["diverged", "run_finished"]

    agent = agent_for(
        code("import uuid\nlook_up(str(uuid.uuid4()))"), code("final_answer(1)"), tools=[Answers(1, 1).tool()]
    )
    (event,) = diverged(rerun(agent, full(agent, "t")))
    assert event.what == "request"
    assert event.recorded.startswith('look_up(name="')


def test_a_long_difference_is_shown_from_where_it_begins():
    body = "import uuid\nprint('a' * 9_000 + str(uuid.uuid4()) + 'b' * 9_000)"
    agent = agent_for(code(body), code("final_answer(1)"))
    (event,) = diverged(rerun(agent, full(agent, "t")))
    assert event.recorded.startswith("…a")
    assert event.recorded[:81] == event.now[:81]
    assert len(event.now) < 2_100


def test_a_refused_answer_that_is_accepted_now_ends_the_run_sooner():
    agent = agent_for(
        code("final_answer(1)"), code("final_answer(2)"), final_answer_checks=[lambda answer: answer == 2]
    )
    first = full(agent, "t")
    accepting = agent_for(final_answer_checks=[])
    again = rerun(accepting, first.records)
    (event,) = diverged(again)
    assert (event.step, event.what, again.output) == (1, "error", 1)


def test_where_the_recording_runs_out_the_run_ends_and_says_so():
    first = full(agent_for(code("final_answer(1)")), "t")
    strict = agent_for(final_answer_checks=[lambda answer: False])
    again = rerun(strict, first.records)
    assert (again.status, len(again.steps)) == ("failed", 2)
    assert again.error == "the recording has no answer to this request: run the task again live"
    assert len(diverged(again)) == 1
    with pytest.raises(RunFailed, match="no answer to this request"):
        strict.rerun(first.records)


async def test_a_run_that_was_stopped_is_done_again_as_far_as_it_went():
    gate = Gate("answer")
    agent = agent_for(code("x = 1"), ["Half a ", gate, "thought"])
    run = agent.start("t")
    await gate.reached.wait()
    run.stop()
    await run.wait()
    again = await asyncio.to_thread(rerun, agent, run)
    assert (again.status, diverged(again)) == ("failed", [])
    assert again.steps[-1].thought == "Half a"
    assert "the recorded run ended here as stopped" in again.error


def test_a_recording_that_is_cut_short_is_done_again_as_far_as_it_goes():
    first = full(agent_for(code("x = 1"), code("print(x)"), code("final_answer(x)")), "t")
    cut = next(
        i for i, record in enumerate(first.records) if isinstance(record.event, StepFinished) and record.event.step == 2
    )
    again = rerun(agent_for(), first.records[: cut + 1])
    assert (again.status, [step.output for step in again.steps]) == ("failed", ["", "1\n", ""])
    assert diverged(again) == []


def without_step(records, number):
    step, kept = 0, []
    for record in records:
        step = getattr(record.event, "step", step) if record.event.type.startswith("step_") else step
        if step != number or record.event.type == "run_finished":
            kept.append(record)
    return kept


def changed(record, **fields):
    return dataclasses.replace(record, event=dataclasses.replace(record.event, **fields))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda records: [], "do not begin with the start of a run"),
        (lambda records: records[1:], "do not begin with the start of a run"),
        (lambda records: without_step(records, 2), "step 3 stands where step 2 should"),
        (lambda records: [r for r in records if r.event.type != "step_finished"], "step 1 has no end"),
        (lambda records: [*records, records[0]], "more than one run"),
        (lambda records: [records[0], dataclasses.replace(records[1], run_id="other")], "more than one run"),
        (lambda records: [changed(records[0], task=" ")], "name no task"),
        (
            lambda records: [changed(records[0], parent=ParentRun(run_id="p", step=3, relation="resumed"))],
            "go on from step 3 of run 'p'",
        ),
    ],
)
def test_records_that_do_not_fit_together_are_refused_in_a_line(spoil, says):
    first = full(agent_for(code("x = 1"), code("y = 1"), code("final_answer(x)")), "t")
    for verb in ("rerun", "repeat"):
        with pytest.raises(ConfigError) as refused:
            getattr(agent_for(), verb)(spoil(list(first.records)))
        assert says in str(refused.value)
        assert "\n" not in str(refused.value)


def test_failed_attempts_are_left_out_and_truncated_answers_are_cut_again(monkeypatch):
    monkeypatch.setattr("agentui.ask.RESTART_WAIT_S", 0)
    agent = agent_for(
        ["Never ", "mind", ModelStreamBroken("lost")], code("x = 2"),
        ["Too\n<code>\nlong = 1\nprint(", Finish("length")], code("final_answer(x)"),
    )  # fmt: skip
    first = full(agent, "t")
    assert len(of_type(first.records, ModelRetried)) == 1
    again = rerun(agent, first)
    assert (again.output, diverged(again), of_type(again.records, ModelRetried)) == (2, [], [])
    assert [step.thought for step in again.steps] == [step.thought for step in first.steps]
    assert again.steps[1].code == first.steps[1].code


def test_plans_and_native_calls_of_a_code_agent_are_answers_too():
    agent = agent_for(
        "First this, then that.",
        ["I call.", ToolCall(call_id="c", name="python", arguments='{"code": "x = 4"}')],
        ["What?", ToolCall(call_id="d", name="nonsense", arguments="[")],
        code("final_answer(x)"),
        planning_interval=10,
    )
    first = full(agent, "t")
    again = rerun(agent, first)
    assert essence(again) == essence(first)
    assert (again.output, diverged(again)) == (4, [])


def test_a_plan_that_is_not_wanted_now_is_a_difference_and_left_out():
    first = full(agent_for("Plan.", code("final_answer(1)"), planning_interval=10), "t")
    again = rerun(agent_for(), first.records)
    (event,) = diverged(again)
    assert (event.what, event.recorded, event.now) == ("request", "planning step", "action step")
    assert again.output == 1


@pytest.mark.parametrize("streamed", [True, False])
def test_native_tool_calls_are_made_again(streamed):
    answers = Answers("a", "b", "a", "B")
    agent = agent_for(
        [
            "Two at once.",
            ToolCall(call_id="1", name="look_up", arguments='{"name": "x"}', index=0),
            ToolCall(call_id="2", name="look_up", arguments='{"name": "y"}', index=1),
        ],
        [ToolCall(call_id="3", name="final_answer", arguments='{"answer": [1, "è"]}')],
        tools=[answers.tool()], kind=ToolCallingAgent, stream_outputs=streamed,
    )  # fmt: skip
    first = full(agent, "t")
    again = rerun(agent, first)
    assert (again.output, sorted(answers.asked)) == ([1, "è"], ["x", "x", "y", "y"])
    (event,) = diverged(again)
    assert (event.step, event.what, event.recorded, event.now) == (1, "result", '"b"', '"B"')


def test_called_agents_answer_from_the_record_and_their_tools_run():
    answers = Answers("one", "one", "two")
    helper = agent_for(
        code("seen = look_up(what)\nprint(seen)"), code("final_answer(seen + '!')"),
        tools=[answers.tool()], name="helper", description="Helps.",
    )  # fmt: skip
    agent = agent_for(
        code("print(helper('Look.', additional_args={'what': 'x'}))"), code("final_answer(1)"), managed_agents=[helper]
    )
    first = full(agent, "t")
    same = rerun(agent, first)
    assert (same.output, diverged(same), same.usage.total_tokens) == (1, [], 0)
    assert len(helper.model.requests) == 2
    other = rerun(agent, first)
    assert [
        event.event.what for event in of_type(other.records, SubagentEvent) if isinstance(event.event, Diverged)
    ] == ["result"]
    assert diverged(other) == []
    assert answers.asked == ["x"] * 3


def test_what_came_with_the_task_is_known_of_an_own_run_and_asked_for_otherwise(real_pool):
    body = code("final_answer((open('a.txt').read(), n))")
    agent = agent_for(body, body, pool=real_pool)
    first = full(agent, "Read.", files={"a.txt": b"hello"}, additional_args={"n": 5})
    again = rerun(agent, first)
    assert (again.output, diverged(again)) == (("hello", 5), [])
    assert essence(again) == essence(first)
    assert agent.repeat(first) == ("hello", 5)
    with pytest.raises(ConfigError, match=r"came with a\.txt, and records do not hold files"):
        agent_for(pool=real_pool).rerun(first.records)
    given = agent_for(pool=real_pool).rerun(first.records, files={"a.txt": b"hello"}, additional_args={"n": 5})
    assert given == ("hello", 5)


def test_a_follow_up_is_done_again_from_where_it_began():
    agent = agent_for(
        code("x = 1"), code("final_answer(x)"), code("x += 1"), code("final_answer(x)"), code("final_answer(x + 10)")
    )
    full(agent, "One.")
    second = full(agent, "Two.", reset=False)
    again = rerun(agent, second)
    assert (again.output, diverged(again)) == (2, [])
    assert agent.repeat(second) == 11
    texts = [message.text for message in agent.model.requests[-1]]
    assert [text for text in texts if text in {"One.", "Two."}] == ["One.", "Two."]


def test_code_that_somebody_gave_is_given_again():
    agent = agent_for(code("x = 1"), code("final_answer(x)"), code("final_answer(x)"))
    full(agent, "t")
    fork = agent.fork(1)

    async def go_on():
        run = fork.start(None, first_code="x = 7")
        return await run.wait()

    forked = asyncio.run(go_on())
    again = rerun(fork, forked)
    assert (again.output, diverged(again), again.steps[0].code) == (7, [], "x = 7")


def test_a_repetition_asks_the_model_anew():
    agent = agent_for(code("final_answer(1)"), code("final_answer(2)"), code("final_answer(3)"))
    first = full(agent, "t")
    again = agent.repeat(first, return_full_result=True)
    assert (again.output, diverged(again)) == (2, [])
    assert again.records[0].event.parent == ParentRun(run_id=first.records[0].run_id, step=0, relation="repeated")
    assert again.usage.total_tokens > 0
    assert rerun(agent, again).output == 2
    assert agent.repeat(again.records) == 3


async def test_a_run_that_failed_at_once_can_be_repeated():
    agent = agent_for([ModelStreamBroken("down")], code("final_answer(2)"))
    run = agent.start("t", limits=Limits(max_steps=3))
    assert (await run.wait()).status == "failed"
    again = await asyncio.to_thread(agent.repeat, run)
    assert again == 2


async def test_answers_come_at_the_recorded_speed_when_that_is_wanted(monkeypatch):
    agent = agent_for([Reasoning("ab"), "cd", "ef\n<code>\nfinal_answer(1)\n</code>"])
    first = await asyncio.to_thread(full, agent, "t")
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    monkeypatch.setattr("agentui.models.recorded.sleep", sleep)
    again = await asyncio.to_thread(rerun, agent, first, speed=2.0)
    step = first.steps[0].timing
    assert sum(waits) == pytest.approx((step.model_finished - step.started) / 2, abs=0.05)
    assert [event.text for event in of_type(again.records, ReasoningDelta)] == ["ab"]
    assert again.output == 1
    for speed in (-1, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="speed"):
            agent.rerun(first, speed=speed)
