"""Going back to a step: a fork continues from exactly that state, and its parent never knows."""

import asyncio
import dataclasses

import pytest
from builders import code, kinds, of_type
from sandbox.helpers import RecordingHost

from agentui.agent import CodeAgent, ToolCallingAgent
from agentui.checkpoints import RanCode, settled
from agentui.errors import ConfigError, RunFailed, SandboxUnavailable
from agentui.events import RECORD, ParentRun, RunStarted, StateRestored, StepFinished, ToolCallStarted
from agentui.limits import Limits
from agentui.messages import ToolCall
from agentui.prompts import render
from agentui.recording import read_records
from agentui.rerun import rerun
from agentui.sandbox.base import Snapshot, SnapshotRefused
from agentui.testing import FakePool, Gate, ScriptedModel
from agentui.tools import tool


@pytest.fixture(params=["real", "fake"])
def pool(request, real_pool):
    """With snapshots, and without: then the code runs again."""
    return real_pool if request.param == "real" else FakePool()


def agent_for(pool, *answers, tools=(), **options):
    return CodeAgent(tools=list(tools), model=ScriptedModel(answers), sandbox_pool=pool, **options)


async def finish(agent, task="task", **options):
    run = agent.start(task, **options)
    await run.wait()
    return run


def started(run):
    return of_type(run.records, RunStarted)[0]


def restored(run):
    (event,) = of_type(run.records, StateRestored)
    return event


X = [
    code("y = [0]\ny"),
    code("x = 1\nopen('note.txt', 'w').write('one') and None"),
    code("y.append(x)"),
    code("x = 9\nopen('note.txt', 'w').write('nine') and None"),
    code("final_answer((x, open('note.txt').read(), y))"),
]


async def test_a_fork_sees_what_its_step_left_and_the_parent_keeps_its_own(real_pool):
    look = code("final_answer((x, open('note.txt').read(), y))")
    agent = agent_for(real_pool, *X, look, look)
    parent = await finish(agent)
    assert parent.output == (9, "nine", [0, 1])
    before = list(parent.records)
    fork = agent.fork(2)
    run = await finish(fork, None)
    assert run.output == (1, "one", [0])
    assert started(run).parent == ParentRun(run_id=parent.run_id, step=2, relation="forked")
    assert (restored(run).method, restored(run).missing) == ("snapshot", {})
    assert kinds(run.records)[:3] == ["run_started", "state_restored", "step_started"]
    assert parent.records == before
    assert (await finish(agent, "And now?", reset=False)).output == (9, "nine", [0, 1])


async def test_a_fork_goes_on_with_the_same_task_or_with_another_message(pool):
    agent = agent_for(
        pool, code("x = 1"), code("final_answer(x)"), code("final_answer(x + 1)"), code("final_answer(0)")
    )
    parent = await finish(agent, "Count.")
    same, other = agent.fork(1), agent.fork(1)
    run = await finish(same, None)
    assert (run.output, started(run).task) == (2, "Count.")
    assert (await finish(other, "Say nought.", reset=False)).output == 0
    texts = [message.text for message in other._runs.session(reset=False).messages]
    assert texts.index("Count.") < texts.index("Say nought.")
    assert not any("x + 1" in text for text in texts)
    assert parent.run_id == started(run).parent.run_id


async def test_code_can_be_given_in_the_models_place(pool):
    agent = agent_for(pool, code("x = 1"), code("final_answer(x)"), code("final_answer(x)"))
    await finish(agent)
    fork = agent.fork(1)
    run = fork.start(None, first_code="x += 40\nprint(x)")
    await run.wait()
    assert run.output == 41
    first, _ = of_type(run.records, StepFinished)
    assert (first.code, first.output, first.usage) == ("x += 40\nprint(x)", "41\n", None)
    assert "<code>\nx += 40\nprint(x)\n</code>" in [m.text for m in fork._runs.session(reset=False).messages]


async def test_a_fork_of_a_fork_and_of_its_parents_steps(pool):
    agent = agent_for(
        pool, code("x = [1]"), code("x.append(2)"), code("final_answer(x)"),
        code("x.append(3)"), code("final_answer(x)"), code("final_answer(x)"), code("final_answer(x)"),
    )  # fmt: skip
    parent = await finish(agent)
    fork = agent.fork(2)
    first = await finish(fork, None)
    assert first.output == [1, 2, 3]
    again = await finish(fork.fork(1), None)
    assert again.output == [1, 2, 3]
    assert started(again).parent == ParentRun(run_id=first.run_id, step=1, relation="forked")
    assert (await finish(fork.fork(1, parent.run_id), None)).output == [1]


async def test_a_running_run_can_be_forked_many_times_at_once(real_pool):
    gate = Gate("answer")
    agent = agent_for(real_pool, code("x = [1]"), [gate, code("x.append(2)\nfinal_answer(x)")])
    run = agent.start("task")
    await gate.reached.wait()
    answers = ScriptedModel([code(f"x.append({n})\nfinal_answer(x)") for n in range(3)])
    forks = [agent.fork(1) for _ in range(3)]
    outputs = []
    for fork in forks:
        fork.spec = dataclasses.replace(fork.spec, model=answers)
    for done in await asyncio.gather(*(finish(fork, None) for fork in forks)):
        outputs.append(done.output)
    assert sorted(outputs) == [[1, 0], [1, 1], [1, 2]]
    gate.open()
    await run.wait()
    assert run.output == [1, 2]


async def test_a_step_can_be_gone_back_to_after_the_worker_died(real_pool):
    agent = agent_for(
        real_pool, code("x = 1"), code("import os\nos._exit(1)"), code("x = 5"), code("final_answer(x)"),
        code("final_answer(x)"), code("final_answer('x' in globals())"), code("final_answer(x)"),
    )  # fmt: skip
    await finish(agent)
    assert (await finish(agent.fork(1), None)).output == 1
    assert (await finish(agent.fork(2), None)).output is False
    third = await finish(agent.fork(3, method="rerun"), None)
    assert (third.output, restored(third).missing) == (5, {})


async def test_names_that_cannot_be_kept_are_recorded_and_told_to_the_model(real_pool):
    agent = agent_for(real_pool, code("g = (n for n in [1])\nx = 2"), code("final_answer(x)"), code("final_answer(x)"))
    await finish(agent)
    fork = agent.fork(1)
    run = await finish(fork, None)
    assert run.output == 2
    assert list(restored(run).missing) == ["g"]
    told = [message.text for message in fork._runs.session(reset=False).messages if "another way" in message.text]
    assert len(told) == 1
    assert "- g: TypeError: cannot pickle 'generator' object" in told[0]


@tool
def look_up(key: str) -> int:
    """Look a number up.

    Args:
        key: Its name.
    """
    CALLS.append(key)
    return len(CALLS)


CALLS: list[str] = []


async def test_run_again_with_recorded_results_calls_no_tool(pool):
    CALLS.clear()
    agent = agent_for(
        pool, code("a = look_up('a')"), code("b = look_up(key='b')"), code("final_answer((a, b))"),
        code("final_answer((a, b))"), tools=[look_up],
    )  # fmt: skip
    await finish(agent)
    run = await finish(agent.fork(2, method="rerun"), None)
    assert (run.output, CALLS, restored(run).method, restored(run).missing) == ((1, 2), ["a", "b"], "rerun", {})
    assert not of_type(run.records, ToolCallStarted)


async def test_code_that_calls_something_else_when_it_runs_again_is_an_error(pool):
    agent = agent_for(
        pool, code("import time\na = look_up(str(time.perf_counter_ns()))"), code("final_answer(1)"),
        code("final_answer(1)"),
        tools=[look_up],
    )  # fmt: skip
    await finish(agent)
    run = await finish(agent.fork(1, method="rerun"), None)
    assert run.status == "failed"
    assert "step 1 cannot be run again: its code called look_up(key=" in str(run.exception)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("import time\nprint(time.perf_counter_ns())", "printed something else"),
        (
            "import builtins\nbuiltins.N = getattr(builtins, 'N', 0) + 1\nif builtins.N % 2 == 0: raise ValueError",
            "failed",
        ),
    ],
)
async def test_what_differs_when_code_runs_again_is_named(body, reason):
    agent = agent_for(FakePool(), code(body), code("final_answer(1)"), code("final_answer(1)"))
    await finish(agent)
    run = await finish(agent.fork(1), None)
    assert (run.output, list(restored(run).missing)) == (1, ["step 1"])
    assert reason in restored(run).missing["step 1"]


@pytest.mark.parametrize(
    ("code", "reason", "left"),
    [
        (
            "import os\nos._exit(3)",
            "WorkerDied: the code ended its own process with exit status 3; the variables",
            False,
        ),
        ("while True: pass", "Timeout: the code ran longer than 1 s and was stopped", True),
    ],
)
async def test_code_that_had_failed_and_now_ends_its_worker_is_named(real_pool, code, reason, left):
    host = RecordingHost()
    sandbox = await real_pool.open()
    sandbox.grace_s = 5.0
    actions = [RanCode(step=1, code="x = 1"), RanCode(step=2, code=code, failed=True)]
    missing = await rerun(sandbox, actions, {}, Limits(step_seconds=1))
    assert list(missing) == ["step 2"]
    assert missing["step 2"].startswith(f"its code was ended: {reason}")
    assert (await sandbox.execute("'x' in globals()", host)).value is left
    await sandbox.close()


async def test_variables_of_the_task_are_there_again(pool):
    agent = agent_for(pool, code("y = n + 1"), code("final_answer(y)"), code("final_answer(y + n)"))
    await finish(agent, additional_args={"n": 3})
    assert (await finish(agent.fork(1), None)).output == 7


async def test_a_snapshot_that_is_asked_for_and_not_there_is_an_error():
    agent = agent_for(FakePool(), code("x = 1"), code("final_answer(x)"))
    await finish(agent)
    run = await finish(agent.fork(1, method="snapshot"), None)
    assert run.status == "failed"
    assert "step 1 cannot be restored from a snapshot: the code runs in the test's own process" in str(run.exception)
    assert agent.fork(1)


async def test_a_step_that_is_not_there_is_named(pool):
    agent = agent_for(pool, code("final_answer(1)"))
    with pytest.raises(ConfigError, match="the finished steps are none yet"):
        agent.fork(1)
    await finish(agent)
    with pytest.raises(ConfigError, match="no step 2 can be gone back to: the finished steps are 1"):
        agent.fork(2)
    with pytest.raises(ConfigError, match="of run 'other'"):
        agent.fork(1, "other")


async def test_old_snapshots_go_beyond_the_budget_and_their_steps_are_run_again(real_pool, monkeypatch):
    monkeypatch.setattr("agentui.checkpoints.MAX_SNAPSHOT_BYTES", 500_000)
    agent = agent_for(
        real_pool,
        *(code(f"x = b'{n}' * 200_000") for n in range(4)),
        code("final_answer(x[:1])"),
        code("final_answer(x[:1])"),
    )
    await finish(agent)
    session = agent._runs.session(reset=False)
    states = [await asyncio.wrap_future(checkpoint.state) for checkpoint in session.checkpoints.kept]
    assert [isinstance(state, SnapshotRefused) for state in states[:2]] == [True, True]
    assert "dropped" in states[0].reason
    run = await finish(agent.fork(1), None)
    assert (run.output, restored(run).method) == (b"0", "rerun")


async def test_what_a_fork_takes_drops_no_snapshot_of_its_parent(real_pool, monkeypatch):
    monkeypatch.setattr("agentui.checkpoints.MAX_SNAPSHOT_BYTES", 500_000)
    big = [code(f"x = b'{n}' * 200_000") for n in range(4)]
    agent = agent_for(real_pool, code("x = b'p' * 200_000"), code("final_answer(1)"), *big, code("final_answer(2)"))
    await finish(agent)
    fork = agent.fork(1)
    await finish(fork, None)
    dropped = fork._runs.session(reset=False).checkpoints.kept[0]
    assert isinstance(await asyncio.wrap_future(dropped.state), SnapshotRefused)
    parents = agent._runs.session(reset=False).checkpoints.kept[0]
    assert isinstance(await asyncio.wrap_future(parents.state), Snapshot)


async def test_a_stop_while_a_snapshot_is_made_does_not_wait_for_it_and_keeps_the_variables(real_pool):
    slow = "x = 1\nclass P:\n    def __getstate__(self):\n        while True: pass\np = P()"
    agent = agent_for(real_pool, code(slow), code("final_answer(x)"))
    run = agent.start("task")
    async for batch in run.subscribe():
        if of_type(batch, StepFinished):
            break
    run.stop()
    await run.wait()
    session = agent._runs.session(reset=False)
    assert run.status == "stopped"
    assert not session.checkpoints.kept[0].state.done()
    model = ScriptedModel([code("del p\nfinal_answer(x)")])
    agent.spec = dataclasses.replace(agent.spec, model=model)
    assert (await finish(agent, "Go on.", reset=False)).output == 1
    assert "took longer" in (await asyncio.wrap_future(session.checkpoints.kept[0].state)).reason


async def test_an_agent_that_calls_tools_is_forked_by_its_conversation():
    calls = [ToolCall(call_id=f"c{n}", name="look_up", arguments=f'{{"key": "{n}"}}') for n in range(2)]
    final = ToolCall(call_id="f", name="final_answer", arguments='{"answer": 3}')
    agent = ToolCallingAgent(tools=[look_up], model=ScriptedModel([[calls[0]], [calls[1]], [final], [final]]))
    await finish(agent)
    fork = agent.fork(1)
    run = await finish(fork, None)
    assert run.output == 3
    assert not of_type(run.records, StateRestored)
    with pytest.raises(ConfigError, match="first_code"):
        agent.fork(1).start(None, first_code="1")


async def test_the_sandbox_of_a_failed_restoration_is_closed():
    agent = agent_for(FakePool(), code("a = look_up('a')"), code("final_answer(a)"), tools=[look_up])
    await finish(agent)
    fork = agent.fork(1)
    fork._runs.session(reset=False).origin.history[0].calls[0].arguments["key"] = "b"
    run = await finish(fork, None)
    assert run.status == "failed"
    assert agent.spec.pool.opened[-1].closed


def test_a_fork_from_code_that_is_not_async(real_pool):
    agent = agent_for(real_pool, code("x = 1"), code("final_answer(x)"), code("final_answer(x + 1)"))
    assert agent.run("task") == 1
    assert agent.fork(1).resume() == 2
    agent.close()


async def test_a_pool_that_opens_nothing_fails_the_fork_alone():
    pool = FakePool()
    agent = agent_for(pool, code("x = 1"), code("final_answer(x)"))
    await finish(agent)
    pool._error = SandboxUnavailable("no more workers")
    fork = agent.fork(1)
    with pytest.raises(RunFailed, match="no more workers"):
        await asyncio.to_thread(fork.resume)


async def saved_records(tmp_path, run):
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"".join(RECORD.dump_json(record) + b"\n" for record in run.records))
    return list(read_records(path))


async def test_a_run_is_forked_from_its_records_alone(pool, tmp_path):
    CALLS.clear()
    answers = [
        code("a = look_up('a')\nprint(a)"),
        code("b = [a, look_up(key='b')]"),
        code("b.append(1 / 0)"),
        code("final_answer(b)"),
    ]
    first = agent_for(pool, *answers, tools=[look_up])
    run = await finish(first, "Look.")
    records = await saved_records(tmp_path, run)
    agent = agent_for(FakePool(), code("final_answer((a, b))"), tools=[look_up])
    fork = agent.fork_recorded(records, 3)
    again = await finish(fork, None)
    assert (again.output, CALLS) == ((1, [1, 2]), ["a", "b"])
    assert (restored(again).method, restored(again).missing) == ("rerun", {})
    assert started(again).parent == ParentRun(run_id=run.run_id, step=3, relation="forked")
    ours = [message.text for message in fork._runs.session(reset=False).messages[:-1]]
    theirs = [message.text for message in first._runs.session(reset=False).messages[:-1]]
    assert ours == theirs


async def test_records_that_miss_what_the_code_was_given_say_so(tmp_path):
    run = await finish(agent_for(FakePool(), code("y = n"), code("final_answer(y)")), additional_args={"n": 1})
    records = await saved_records(tmp_path, run)
    again = await finish(agent_for(FakePool(), code("final_answer(0)")).fork_recorded(records, 1), None)
    assert again.output == 0
    assert "failed where it had not: NameError" in restored(again).missing["step 1"]


async def test_records_without_the_step_or_without_a_beginning_are_refused(tmp_path):
    agent = agent_for(FakePool(), code("x = 1"), code("final_answer(x)"), code("final_answer(x)"))
    run = await finish(agent)
    with pytest.raises(ConfigError, match="the finished steps of these records are 1, 2"):
        agent.fork_recorded(run.records, 3)
    fork = await finish(agent.fork(1), None)
    with pytest.raises(ConfigError, match="go on from step 1 of run"):
        agent.fork_recorded(fork.records, 1)


async def test_a_killed_worker_in_the_records_leaves_nothing_to_run_again(real_pool, tmp_path):
    agent = agent_for(real_pool, code("x = 1"), code("import os\nos._exit(1)"), code("y = 2"), code("final_answer(y)"))
    run = await finish(agent)
    records = await saved_records(tmp_path, run)
    other = agent_for(real_pool, code("final_answer(('x' in globals(), y))"))
    again = await finish(other.fork_recorded(records, 3), None)
    assert (again.output, restored(again).missing) == ((False, 2), {})


async def test_code_that_prints_the_words_about_lost_variables_loses_none(tmp_path):
    words = render("state_lost")
    run = await finish(agent_for(FakePool(), code("x = 1"), code(f"print({words!r})"), code("final_answer(x)")))
    records = await saved_records(tmp_path, run)
    again = await finish(agent_for(FakePool(), code("final_answer(x)")).fork_recorded(records, 2), None)
    assert (again.output, restored(again).missing) == (1, {})


async def test_records_that_hold_what_no_model_can_be_sent_are_cleaned(tmp_path):
    run = await finish(agent_for(FakePool(), code("x = 1"), code("final_answer(x)")))
    records = await saved_records(tmp_path, run)
    spoiled = [
        dataclasses.replace(
            one, event=dataclasses.replace(one.event, thought="\ud800", code="x = 1", observation="\udfff")
        )
        if isinstance(one.event, StepFinished)
        else one
        for one in records
    ]
    again = await finish(agent_for(FakePool(), code("final_answer(x)")).fork_recorded(spoiled, 1), None)
    assert again.output == 1


LOOK = "final_answer(open('a.csv').read())"


@pytest.mark.parametrize("method", ["snapshot", "rerun"])
async def test_a_fork_has_the_files_of_the_task_and_so_has_a_worker_that_replaces_its_own(real_pool, method):
    agent = agent_for(
        real_pool, code("open('a.csv').read()"), code("final_answer(1)"),
        code("import os\nos._exit(1)"), code(LOOK), code(LOOK),
    )  # fmt: skip
    await finish(agent, files={"a.csv": b"kept"})
    fork = agent.fork(1, method=method)
    run = await finish(fork, None)
    assert (run.output, restored(run).method, restored(run).missing) == ("kept", method, {})
    assert (await finish(fork.fork(2, method=method), None)).output == "kept"


async def test_a_step_after_the_worker_died_is_run_again_with_the_files(real_pool):
    agent = agent_for(
        real_pool, code("import os\nos._exit(1)"), code("x = open('a.csv').read()"), code("final_answer(x)"),
        code(f"x += '!'\n{LOOK}"),
    )  # fmt: skip
    await finish(agent, files={"a.csv": b"kept"})
    run = await finish(agent.fork(2, method="rerun"), None)
    assert (run.output, restored(run).missing) == ("kept", {})


async def test_records_name_the_files_that_they_do_not_hold(tmp_path):
    run = await finish(agent_for(FakePool(), code("y = 1"), code("final_answer(y)")), files={"a.csv": b"x"})
    records = await saved_records(tmp_path, run)
    again = await finish(agent_for(FakePool(), code("final_answer(y)")).fork_recorded(records, 1), None)
    assert (again.output, list(restored(again).missing)) == (1, ["file 'a.csv'"])


async def test_a_step_without_code_may_follow_before_the_snapshot_is_made(real_pool):
    agent = agent_for(real_pool, code("x = list(range(200_000))"), "No code.", code("final_answer(len(x))"))
    run = await finish(agent)
    assert run.output == 200_000
    kept = agent._runs.session(reset=False).checkpoints.kept
    assert all([isinstance(await settled(one.state), Snapshot) for one in kept])
