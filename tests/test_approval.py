"""Code that waits for somebody: what runs, what the model is told, and what need not be asked about."""

import asyncio
import threading

import pytest
from builders import kinds, of_type

from agentui.agent import CodeAgent, ToolCallingAgent
from agentui.approval import Approval, Decision, is_allowed
from agentui.effects import MAX_CHARACTERS, TOO_LONG, effects
from agentui.errors import ConfigError, RunFailed
from agentui.events import ApprovalDecided, ApprovalRequested, CodeStarted, StepFinished, SubagentEvent
from agentui.limits import Limits
from agentui.messages import ToolCall
from agentui.session import Session
from agentui.testing import FakePool, Gate, ScriptedModel
from agentui.tools import tool

YES = Decision(verdict="approved")


def code(body):
    return f"Go.\n<code>\n{body}\n</code>"


def agent_for(*answers, approval=True, kind=CodeAgent, tools=(), **options):
    model = ScriptedModel(answers)
    return kind(tools=list(tools), model=model, sandbox_pool=FakePool(), approval=approval, **options)


def sent(agent, request=-1):
    return [(message.role, message.text) for message in agent.model.requests[request]]


async def asked(run, number=1):
    """The `number`-th question of a run, those of called agents included."""
    async for _ in run.subscribe():
        found = [event for event in inner(run.records) if isinstance(event, ApprovalRequested)]
        if len(found) >= number:
            return found[number - 1]
    raise AssertionError("the run ended without asking")


def inner(run_records):
    for record in run_records:
        event = record.event
        while isinstance(event, SubagentEvent):
            event = event.event
        yield event


async def test_code_runs_when_it_is_approved_and_not_before():
    ran = []

    @tool
    def mark() -> None:
        """Leave a mark."""
        ran.append(1)

    agent = agent_for(code("import math\nmark()\nfinal_answer(1)"), tools=[mark])
    run = agent.start("task")
    request = await asked(run)
    assert (ran, request.editable, request.step) == ([], True, 1)
    assert [(effect.kind, effect.what, effect.line) for effect in request.effects] == [
        ("import", "math", 1),
        ("tool", "mark", 2),
    ]
    run.decide(request.approval_id, YES)
    assert (await run.wait()).output == 1
    assert ran == [1]
    order = kinds(run.records)
    assert order.index("approval_requested") < order.index("approval_decided") < order.index("code_started")


async def test_edited_code_is_what_runs_and_what_the_model_remembers():
    agent = agent_for(code("x = 'old'\nprint(x)"), code("final_answer(x)"))
    run = agent.start("task")
    request = await asked(run)
    run.decide(request.approval_id, Decision(verdict="edited", code="x = 'new'\nprint(x)"))
    run.decide((await asked(run, 2)).approval_id, YES)
    result = await run.wait()
    assert result.output == "new"
    (role, said), (_, observed) = sent(agent)[-2:]
    assert role == "assistant"
    assert "x = 'new'" in said
    assert "old" not in said
    assert observed.startswith("Observation:\nThe user edited your code")
    assert of_type(run.records, CodeStarted)[0].code == "x = 'new'\nprint(x)"
    assert result.steps[0].code == "x = 'new'\nprint(x)"
    assert of_type(run.records, ApprovalDecided)[0].decision == "edited"


async def test_a_rejection_and_its_reason_are_the_observation():
    agent = agent_for(code("import os"), code("final_answer(2)"))
    run = agent.start("task")
    run.decide((await asked(run)).approval_id, Decision(verdict="rejected", reason="not that module"))
    run.decide((await asked(run, 2)).approval_id, YES)
    result = await run.wait()
    assert result.output == 2
    assert "rejected this code" in sent(agent)[-1][1]
    assert "not that module" in sent(agent)[-1][1]
    assert len(of_type(run.records, CodeStarted)) == 1
    assert result.steps[0].error == "rejected by the user: not that module"


async def test_what_was_allowed_once_is_not_asked_about_again_in_this_run_alone():
    session = Session()
    agent = agent_for(
        code("import math"), code("import math\nx = 1"), code("final_answer(1)"), code("import math\nfinal_answer(3)")
    )
    run = agent.start("task", session=session)
    run.decide((await asked(run)).approval_id, Decision(verdict="approved", allow=("import math", "none")))
    assert (await run.wait()).output == 1
    assert [event.automatic for event in of_type(run.records, ApprovalDecided)] == [False, True, True]
    assert len(of_type(run.records, ApprovalRequested)) == 1
    again = agent.start("task", session=session)
    again.decide((await asked(again)).approval_id, YES)
    assert (await again.wait()).output == 3


@pytest.mark.parametrize(
    ("body", "allowed", "expected"),
    [
        ("import math", ["import math"], True),
        ("import math", ["import *"], True),
        ("import math, os", ["import math"], False),
        ("import requests", ["import requests"], False),
        ("import requests", ["import requests", "network requests"], True),
        ("x = 1", ["import *"], False),
        ("x = 1", ["none"], True),
        ("import math", ["none"], False),
        ("open('a')", ["reads a"], True),
        ("open('a', 'w')", ["reads a"], False),
        ("open(name)", ["reads *", "reads a computed name"], False),
        ("exec(text)", ["dynamic *", "dynamic exec(…)", "none"], False),
        ("not python (", ["dynamic *", "dynamic this is not valid Python", "none"], False),
        ("import subprocess\nsubprocess.run('ls')", ["import *", "process *", "process subprocess.run(ls)"], False),
        ("while True: pass", ["endless while True:"], True),
        ("\n".join(f"import m{n}" for n in range(101)), ["import *", "dynamic *"], False),
        ("x = 1  #" + "x" * MAX_CHARACTERS, ["none", "dynamic *"], False),
        (f"open('{'a' * 200}')", ["reads *"], False),
    ],
)
def test_a_pattern_covers_what_it_names_and_nothing_that_cannot_be_known(body, allowed, expected):
    assert is_allowed(effects(body), allowed) is expected


async def test_what_an_earlier_import_has_bound_is_known_in_the_next_step():
    agent = agent_for(code("import subprocess as s"), code("s.run('ls')"))
    run = agent.start("task")
    run.decide((await asked(run)).approval_id, Decision(verdict="approved", allow=("import subprocess", "none")))
    assert [effect.kind for effect in (await asked(run, 2)).effects] == ["process"]
    run.stop()
    await run.wait()


async def test_the_first_of_two_decisions_holds_and_the_second_is_told_so():
    run = agent_for(code("final_answer(1)")).start("task")
    request = await asked(run)
    run.decide(request.approval_id, YES)
    with pytest.raises(ConfigError, match="it has been decided"):
        run.decide(request.approval_id, Decision(verdict="rejected"))
    assert (await run.wait()).output == 1
    with pytest.raises(ConfigError, match="it has been decided"):
        run.decide(request.approval_id, YES)


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        (Decision(verdict="maybe"), "no decision"),
        (Decision(verdict="edited"), "needs the code"),
        (Decision(verdict="edited", code="  \n"), "needs the code"),
        (Decision(verdict="approved", code="x"), "nothing else has one"),
        (Decision(verdict="approved", allow=("rm -rf",)), "allows nothing"),
        (Decision(verdict="approved", allow=("import ",)), "allows nothing"),
    ],
)
async def test_a_decision_that_makes_no_sense_changes_nothing(decision, said):
    run = agent_for(code("final_answer(1)")).start("task")
    request = await asked(run)
    with pytest.raises(ConfigError, match=said):
        run.decide(request.approval_id, decision)
    with pytest.raises(ConfigError, match="nothing waits"):
        run.decide("approval_99", YES)
    run.decide(request.approval_id, YES)
    assert (await run.wait()).status == "completed"


async def test_a_stop_ends_the_wait_at_once_and_the_code_never_runs():
    session = Session()
    agent = agent_for(code("x = 1"), code("final_answer(2)"))
    run = agent.start("task", session=session)
    request = await asked(run)
    run.stop()
    assert (await run.wait()).status == "stopped"
    assert not of_type(run.records, CodeStarted)
    with pytest.raises(ConfigError, match="nothing waits"):
        run.decide(request.approval_id, YES)
    rest = agent.start(None, session=session)
    rest.decide((await asked(rest)).approval_id, YES)
    assert (await rest.wait()).output == 2
    assert ("user", "Observation:\n(this code was not run)") in sent(agent)


async def test_the_time_that_somebody_thinks_does_not_count():
    agent = agent_for(code("x = 1"), code("final_answer(2)"))
    run = agent.start("task", limits=Limits(max_seconds=2))
    request = await asked(run)
    clock = next(iter(run.approval._shared.clocks))
    assert clock.when() is None
    run.decide(request.approval_id, YES)
    second = await asked(run, 2)
    run.decide(second.approval_id, YES)
    await run.wait()
    waited = [record.t for record in run.records if record.event.type.startswith("approval_")]
    assert run.approval.waited_s == pytest.approx(waited[1] - waited[0] + waited[3] - waited[2], abs=0.2)


async def test_a_called_agent_asks_the_same_and_shares_what_is_allowed():
    inner_agent = agent_for(
        code("import math\nfinal_answer('inner')"), approval=False, name="helper", description="Helps."
    )
    outer = agent_for(code("import math\nfinal_answer(helper('do it'))"), managed_agents=[inner_agent])
    run = outer.start("task")
    request = await asked(run)
    run.decide(request.approval_id, Decision(verdict="approved", allow=("import math",)))
    assert (await run.wait()).output == "inner"
    decided = [event for event in inner(run.records) if isinstance(event, ApprovalDecided)]
    assert [(event.approval_id, event.automatic) for event in decided] == [("approval_1", False), ("approval_2", True)]


async def test_only_the_called_agent_may_ask_and_its_question_is_answered_at_the_outer_run():
    inner_agent = agent_for(code("final_answer('inner')"), name="helper", description="Helps.")
    outer = agent_for(code("final_answer(helper('do it'))"), approval=False, managed_agents=[inner_agent])
    with pytest.raises(ConfigError, match="waits for Run.decide"):
        outer.run("task")
    run = outer.start("task")
    request = await asked(run)
    run.decide(request.approval_id, Decision(verdict="rejected", reason="no"))
    await run.wait()
    assert "rejected by the user: no" in [
        event.error for event in inner(run.records) if isinstance(event, StepFinished)
    ]


async def test_native_calls_are_asked_about_as_calls_and_cannot_be_edited():
    called = []

    @tool
    def look(word: str) -> str:
        """Look a word up.

        Args:
            word: The word.
        """
        called.append(word)
        return word

    first = [ToolCall(call_id="a", name="look", arguments='{"word": "x"}')]
    last = [ToolCall(call_id="b", name="final_answer", arguments='{"answer": "done"}')]
    agent = agent_for(first, list(first), last, kind=ToolCallingAgent, tools=[look])
    run = agent.start("task")
    request = await asked(run)
    assert (request.code, request.editable) == ('look({"word": "x"})', False)
    with pytest.raises(ConfigError, match="cannot be edited"):
        run.decide(request.approval_id, Decision(verdict="edited", code="look()"))
    run.decide(request.approval_id, Decision(verdict="rejected", reason="not this"))
    run.decide((await asked(run, 2)).approval_id, YES)
    assert (await run.wait()).output == "done"
    assert called == ["x"]
    assert sent(agent, 1)[-1] == ("tool", "Error: The user rejected this call, so nothing ran: not this")


async def test_of_many_native_calls_none_runs_that_nobody_has_allowed():
    called = []

    @tool
    def look() -> None:
        """Look."""

    @tool
    def wipe() -> None:
        """Wipe."""
        called.append(1)

    def calls(*names):
        return [ToolCall(call_id=f"c{at}", name=name, arguments="{}", index=at) for at, name in enumerate(names)]

    agent = agent_for(calls("look"), calls(*["look"] * 100, "wipe"), kind=ToolCallingAgent, tools=[look, wipe])
    run = agent.start("task")
    first = await asked(run)
    run.decide(first.approval_id, Decision(verdict="approved", allow=("tool look",)))
    assert [effect.what for effect in (await asked(run, 2)).effects] == ["look", "wipe"]
    run.stop()
    await run.wait()
    assert called == []


def test_a_function_decides_for_code_that_is_not_async():
    seen = []

    def approve(request):
        seen.append(request.code)
        return "sqrt" not in request.code

    agent = agent_for(code("import math\nmath.sqrt(2)"), code("final_answer(5)"), approval=approve)
    assert agent.run("task") == 5
    assert len(seen) == 2


@pytest.mark.parametrize(("answer", "said"), [(None, "returned None"), (Decision(verdict="edited"), "nonsense")])
def test_a_function_that_does_not_decide_fails_the_run_and_nothing_runs(answer, said):
    agent = agent_for(code("final_answer(5)"), approval=lambda request: answer)
    with pytest.raises(RunFailed, match=said):
        agent.run("task")


async def test_a_function_that_blocks_does_not_hold_a_stop_up():
    entered, release = threading.Event(), threading.Event()

    def approve(request):
        entered.set()
        release.wait(10)
        return True

    run = agent_for(code("final_answer(5)"), approval=approve).start("task")
    await asyncio.to_thread(entered.wait, 10)
    run.stop()
    assert (await run.wait()).status == "stopped"
    release.set()


async def test_huge_and_broken_code_is_shown_as_what_it_is():
    body = "x = 1\n" * MAX_CHARACTERS
    run = agent_for(code(body)).start("task")
    request = await asked(run)
    assert [effect.what for effect in request.effects] == [TOO_LONG]
    run.stop()
    await run.wait()


async def test_runs_of_one_agent_share_nothing():
    gate = Gate("the second answer")
    agent = agent_for(code("final_answer(1)"), [gate, code("final_answer(2)")])
    one = agent.start("task", session=Session())
    request = await asked(one)  # or the other one might be given the first answer
    two = agent.start("task", session=Session())
    with pytest.raises(ConfigError):
        two.decide(request.approval_id, YES)
    gate.open()
    other = await asked(two)
    assert other.approval_id == request.approval_id
    two.decide(other.approval_id, Decision(verdict="approved", allow=("none",)))
    assert not is_allowed((), one.approval._shared.allowed)
    one.decide(request.approval_id, YES)
    assert {(await one.wait()).output, (await two.wait()).output} == {1, 2}


async def test_two_questions_at_once_stop_the_clock_once():
    approval = Approval(True)
    both = asyncio.Event()
    asking = []

    def emit(event):
        asking.append(event)
        if len(asking) == 2:
            both.set()

    async with asyncio.timeout(100) as clock:
        with approval.timing(clock):
            questions = [asyncio.create_task(approval.settle(emit, step=n, code="", effects=())) for n in (1, 2)]
            await both.wait()
            assert clock.when() is None
            approval.decide("approval_2", YES)
            assert (await questions[1]).step == 2
            assert clock.when() is None
            approval.decide("approval_1", YES)
            await questions[0]
            assert clock.when() is not None
