"""The demo plays recorded words over code that really runs."""

from __future__ import annotations

import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from builders import of_type
from hypothesis import given
from hypothesis import strategies as st

from agentui.agent import CodeAgent
from agentui.code_loop import NOT_RUN, STOPPED
from agentui.demo import DEMO_TOOLS, EXAMPLES, DemoModel
from agentui.demo.model import next_answer
from agentui.demo.script import parse_example
from agentui.demo.tools import look_up_element, look_up_planet
from agentui.events import (
    CodeStarted,
    ContextCompacted,
    OutputDelta,
    ReasoningDelta,
    StepStarted,
    TextDelta,
    ToolCallStarted,
)
from agentui.limits import Limits
from agentui.messages import ChatMessage
from agentui.models.base import fold_deltas
from agentui.prompts import render
from agentui.sandbox.base import ExecError, ExecResult
from agentui.session import Session
from agentui.testing import FakePool
from agentui.tools import as_tools

BY_TITLE = {example.title: example for example in EXAMPLES}
ANSWERS = {
    "A product by hand": "^391$",
    "Darts at a circle": r"pi is about \*\*3\.1\d",
    "A bakery's year": r"\*\*Saturday\*\* is the best day.*weakest is Sunday",
    "A messy thermometer": r"\*\*21\.73 degrees\*\*, over 5 readings; 2 were missing",
    "Carbon in the kitchen": r"\*\*Ethanol\*\*, with 52\.1% .* caffeine \(49\.5%\) and table sugar \(42\.1%\)",
    "Three doors": r"\*\*Yes, switch\.\*\* .* won 6[67]\..* staying 3[23]\..* switching wins (50|49)\.",
    "The longest hailstone path": r"\*\*77,031\*\*: its sequence takes 350 steps",
    "A crowd of random walkers": r"On average they end \*\*2[678]\.\d\*\*",
    "The Mandelbrot set": r"about \*\*1\.5[0-3]\d\*\*",
    "A small solar system, explained": r"\*\*conserves\*\* energy",
}


mpl.use("Agg")


@pytest.fixture(autouse=True)
def _no_plot_is_left():
    yield
    plt.close("all")


def demo_agent(**options):
    options = {"sandbox_pool": FakePool(), "stream_outputs": True, **options}
    return CodeAgent(tools=DEMO_TOOLS, model=DemoModel(delta_delay_s=0), **options)


async def run(task, session=None, **options):
    return await demo_agent(**options).start(task, session=session or Session()).wait()


def said(*turns):
    """A conversation: user and assistant by turns, after a system prompt with worked examples."""
    roles = ("user", "assistant")
    system = ChatMessage(role="system", content="You solve tasks.\n\nTask: What is 17 * 23?")
    return [system, *(ChatMessage(role=roles[i % 2], content=turn) for i, turn in enumerate(turns))]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
async def test_every_example_really_runs_to_its_answer(example):
    session = Session()
    result = await run(example.task, session)
    assert (result.status, result.error) == ("completed", None)
    assert re.search(ANSWERS[example.title], str(result.output))
    assert len(result.steps) == len(example.script)
    repaired = [step.error for step in result.steps if step.error]
    assert len(repaired) == (example.title == "A messy thermometer")
    assert all(step.usage.source == "estimated" and step.usage.output_tokens > 10 for step in result.steps)
    if example.follow_up:
        result = await run(example.follow_up, session)
        assert (result.status, [step.error for step in result.steps]) == ("completed", [None, None])
        assert re.search(r"power \*\*0\.(4[5-9]|5[0-5])\*\*", result.output)


async def test_the_examples_run_in_any_order_in_one_conversation():
    session, agent = Session(), demo_agent()
    for example in reversed(EXAMPLES):
        result = await agent.start(example.task, session=session).wait()
        assert re.search(ANSWERS[example.title], str(result.output)), example.title


async def test_a_follow_up_may_come_after_other_tasks():
    session, walkers = Session(), BY_TITLE["A crowd of random walkers"]
    for task in (walkers.task, "What is 17 * 23?", walkers.follow_up):
        result = await run(task, session)
    assert "to the power" in result.output


async def test_a_follow_up_without_its_first_task_has_no_recording():
    result = await run(BY_TITLE["A crowd of random walkers"].follow_up)
    assert "I cannot do this task" in result.output


async def test_a_task_without_a_recording_gets_an_honest_answer():
    result = await run('Who wrote """Faust"""? \\')
    assert (result.status, len(result.steps)) == ("completed", 1)
    assert "scripted demo" in result.output
    for needed in ("Settings", "OPENAI_API_KEY", "OPENAI_BASE_URL", "agentui run", "--model", "--base-url"):
        assert needed in result.output
    for example in EXAMPLES:
        assert example.task in result.output


@pytest.mark.parametrize(
    "outcome",
    [
        ["17 x 3\n", ExecResult(error=ExecError(kind="MemoryError", message="no", traceback="MemoryError: no"))],
        ["check passed: False\n", ExecResult()],
        [],
    ],
)
async def test_an_observation_that_the_recording_does_not_expect_ends_the_run_honestly(outcome):
    result = await run("What is 17 * 23?", sandbox_pool=FakePool(results=[[outcome]]))
    assert (result.status, len(result.steps)) == ("completed", 2)
    assert "the recorded script does not fit" in result.output


async def test_a_refused_answer_is_not_followed_by_invented_ones():
    answers = []

    def refuse_numbers(answer):
        answers.append(answer)
        return not isinstance(answer, int)

    result = await run("What is 17 * 23?", final_answer_checks=[refuse_numbers])
    assert answers[0] == 391
    assert "does not fit" in result.output


async def cut(session, task, kind, *, after=1):
    """Run until `after` records of a kind have come, or to the end."""
    seen = 0

    def count(record):
        nonlocal seen
        seen += isinstance(record.event, kind)
        if seen == after:
            run.stop()

    run = demo_agent().start(task, session=session, on_record=count)
    return await run.wait()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
async def test_a_run_that_is_stopped_in_each_of_its_steps_still_ends_with_its_answer(example):
    session = Session()
    for task in filter(None, (example.task, example.follow_up)):
        result = await cut(session, task, TextDelta, after=3)
        assert result.status == "stopped"
        left = len(example.script if task == example.task else example.follow_up_script)
        while result.status == "stopped" and left > 0:
            left -= 1
            result = await cut(session, None, TextDelta, after=3)
        result = result if result.status == "completed" else await run(None, session)
        assert "scripted demo" not in str(result.output), result.output
        assert result.status == "completed"
        if task == example.task:
            assert re.search(ANSWERS[example.title], str(result.output))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_code_that_was_stopped_or_led_to_nothing_that_is_known_is_given_again(example):
    turns = [example.task]
    for answer, following in zip(example.script, [*example.script[1:], None], strict=True):
        for note in (
            f"Observation:\n{STOPPED}",
            f"Observation:\nprinted\n{STOPPED}",
            f"Observation:\n{NOT_RUN}",
            f"Observation:\n{render('rejected', what='this code', reason='no')}",
            render("interrupted"),
        ):
            again = [*turns, answer.text, note]
            assert next_answer(said(*again)) == answer
            assert next_answer(said(*again, answer.text, note)) == answer
        turns += [answer.text, f"Observation:\n{following.after if following else ''}"]
        assert following is None or next_answer(said(*turns)) == following


async def test_a_task_whose_tokens_are_used_up_goes_on_when_they_are_raised():
    session = Session()
    result = await run("What is 17 * 23?", session, limits=Limits(max_tokens=1_300))
    assert result.status == "limit"
    while result.status == "limit":
        result = await demo_agent().start(None, session=session, limits=session.unfinished.raised()).wait()
    assert (result.status, result.output) == ("completed", 391)


async def test_a_fork_and_code_in_place_of_the_recorded_one_go_on_with_the_script():
    session, example = Session(), BY_TITLE["A messy thermometer"]
    await run(example.task, session)
    for step in (1, 2):
        result = await demo_agent().start(None, session=session.fork(step)).wait()
        assert re.search(ANSWERS[example.title], str(result.output))
    edited = (
        "readings = {'21.0': 21.0}\nvalid = [21.0] * 5\npieces = [0] * 7\nmean = 21.0\nprint('valid readings: 5 of 7')"
    )
    result = await demo_agent().start(None, session=session.fork(1), first_code=edited).wait()
    assert "**21.00 degrees**, over 5 readings" in result.output


async def test_a_summarised_conversation_and_a_planned_one_still_end_with_the_answer():
    example = BY_TITLE["The longest hailstone path"]
    whole = await run(example.task, planning_interval=1)
    assert re.search(ANSWERS[example.title], str(whole.output))
    short = await run(example.task, context_tokens=1_700)
    assert any(event.summarised for event in of_type(short.records, ContextCompacted))
    assert re.search(ANSWERS[example.title], str(short.output))


async def test_the_script_begins_anew_where_the_variables_are_lost():
    session, example = Session(), BY_TITLE["A messy thermometer"]
    assert (await cut(session, example.task, StepStarted, after=3)).status == "stopped"
    await session.close()
    result = await run(None, session)
    assert re.search(ANSWERS[example.title], str(result.output))
    assert "interpreter had to be restarted" in result.steps[0].observation


async def test_the_examples_show_what_they_promise():
    carbon = await run(BY_TITLE["Carbon in the kitchen"].task)
    assert [call.name for call in of_type(carbon.records, ToolCallStarted)] == ["look_up_element"] * 4
    doors = await run(BY_TITLE["Three doors"].task)
    kinds = [type(record.event) for record in doors.records]
    assert kinds.index(ReasoningDelta) < kinds.index(CodeStarted)
    assert len(of_type(doors.records, ReasoningDelta)) > 50
    assert doors.steps[0].reasoning.startswith("The classic puzzle.")
    pi = await run(BY_TITLE["Darts at a circle"].task)
    assert len(of_type(pi.records, OutputDelta)) > 10
    orbits = await run(BY_TITLE["A small solar system, explained"].task)
    assert orbits.steps[0].usage.output_tokens > 2_000


def test_there_are_enough_examples_and_no_two_answer_to_the_same_task():
    assert len(EXAMPLES) >= 9
    assert "What is 17 * 23?" in [example.task for example in EXAMPLES]
    tasks = [task for example in EXAMPLES for task in (example.task, example.follow_up) if task]
    assert len({next_answer(said(task)) for task in tasks}) == len(EXAMPLES) + 1  # a follow-up alone: "no script"
    assert all(example.title and example.shows for example in EXAMPLES)


@given(
    st.sampled_from(EXAMPLES),
    st.sampled_from(["", "Task: ", "New task:\n", ' "']),
    st.sampled_from(["", " ", "...", "?!", "\n\n", '"']),
    st.sampled_from([str.upper, str.lower, str.title, lambda text: text.replace(" ", "\n  ")]),
)
def test_a_task_is_recognised_however_it_is_typed(example, before, after, change):
    assert next_answer(said(before + change(example.task) + after)) == example.script[0]


@pytest.mark.parametrize("task", ["", "What is 17 * 24?", "What is 17 * 23? And 18 * 23?", "17 * 23"])
def test_another_task_is_not_mistaken_for_an_example(task):
    assert "I cannot do this task" in next_answer(said(task)).text


def test_a_conversation_without_a_task_gets_an_honest_answer_too():
    assert "I cannot do this task" in next_answer([]).text
    assert "I cannot do this task" in next_answer(said("Observation:\nWhat is 17 * 23?")).text


def test_the_position_is_counted_from_the_last_task():
    task, (first, second) = "What is 17 * 23?", BY_TITLE["A product by hand"].script
    done = (task, first.text, "Observation:\ncheck passed: True", second.text)
    assert next_answer(said(*done[:3])) == second
    assert next_answer(said(*done, "Observation:\n391")).text.startswith("My answers are recorded")
    assert next_answer(said(*done, task)) == first
    assert next_answer(said(*done, task, first.text, "Observation:\ncheck passed: True")) == second


async def test_many_conversations_share_one_model():
    model = DemoModel(delta_delay_s=0)
    streams = [model.stream(said(example.task)) for example in EXAMPLES]
    deltas = [[await anext(stream)] for stream in streams]
    for stream, received in zip(streams, deltas, strict=True):
        received += [delta async for delta in stream]
    for example, received in zip(EXAMPLES, deltas, strict=True):
        message = fold_deltas(received)
        assert (message.content, message.reasoning or "") == (example.script[0].text, example.script[0].reasoning)


HEAD = "---\ntitle: T\ntask: Do: it\nshows: S\n---\n"


def test_a_recording_is_read_with_reasoning_expectations_and_follow_up():
    example = parse_example(
        HEAD + "<!-- answer -->\n<!-- reasoning -->\nwhy\n<!-- text -->\none\n\n<!-- answer after: x: y -->\n"
        "two\n<!-- follow-up: More? -->\n<!-- answer -->\nthree\n",
        "x.md",
    )
    assert (example.title, example.task, example.shows, example.follow_up) == ("T", "Do: it", "S", "More?")
    assert [(a.text, a.reasoning, a.after) for a in example.script] == [("one", "why", ""), ("two", "", "x: y")]
    assert [a.text for a in example.follow_up_script] == ["three"]


@pytest.mark.parametrize(
    "source",
    [
        "",
        "---\ntitle: T\n---\n<!-- answer -->\nx\n",
        HEAD,
        HEAD + "<!-- answer -->\n",
        HEAD + "<!-- text -->\nx\n",
        HEAD + "<!-- answer -->\n<!-- reasoning -->\nonly\n",
        HEAD + "<!-- answer -->\nx\n<!-- follow-up: More? -->\n",
    ],
)
def test_a_broken_recording_is_named(source):
    with pytest.raises(ValueError, match=r"^broken\.md: "):
        parse_example(source, "broken.md")


def test_the_tools_are_described_and_know_their_tables():
    assert set(as_tools(DEMO_TOOLS)) == {"look_up_element", "look_up_planet"}
    assert look_up_element("Fe") == {
        "name": "iron",
        "atomic_number": 26,
        "atomic_weight": 55.845,
        "electronegativity": 1.83,
    }
    assert look_up_planet(" mars ")["period_days"] == 687.0
    with pytest.raises(ValueError, match="no element 'fe'"):
        look_up_element("fe")
    with pytest.raises(ValueError, match="no planet 'Pluto'"):
        look_up_planet("Pluto")
