import asyncio

import pytest

from agentui.agent import CodeAgent
from agentui.models.gate import Gate
from agentui.models.scripted import ScriptedModel
from agentui.testing import FakeClock, FakePool
from agentui.ui.key import Key
from agentui.ui.signals import Watch
from agentui.ui.visitors import VISITOR_ID, Visitors


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def visitors(clock):
    return Visitors(idle_s=100, clock=clock)


def start(visitor, *answers, pool=None, task="Do it"):
    agent = CodeAgent([], ScriptedModel(answers), stream_outputs=True, sandbox_pool=pool or FakePool())
    run = agent.start(task, session=visitor.session, on_record=visitor.begin(task))
    visitor.started(run)
    return run


def shown(visitor):
    return " ".join(part["text"] for said in [*visitor.settled, *visitor.live] for part in said["content"])


def test_an_id_is_unguessable_and_finds_its_visitor_again(visitors):
    first = visitors.get(None)
    assert VISITOR_ID.fullmatch(first.visitor_id)
    assert visitors.get(first.visitor_id) is first
    assert visitors.get(None) is not first


@pytest.mark.parametrize("made_up", ["", "1", "admin", "x" * 42, "../" * 15, 7, ["a"], {"id": 1}])
def test_an_id_that_could_be_guessed_is_not_taken(visitors, made_up):
    assert visitors.get(made_up).visitor_id != made_up


async def test_visitors_share_nothing(visitors):
    one, two = visitors.get(None), visitors.get(None)
    await start(one, "<code>secret = 1\nfinal_answer('mine')</code>").wait()
    await start(two, "<code>final_answer('secret' in dir())</code>").wait()
    assert "mine" in shown(one)
    assert "mine" not in shown(two)
    assert two.runs[0].run.output is False
    assert one.chat_id != two.chat_id


async def test_a_new_chat_stops_the_run_and_closes_the_sandbox(visitors):
    pool, gate, visitor = FakePool(), Gate(), visitors.get(None)
    await start(visitor, "<code>x = 1\nfinal_answer(1)</code>", pool=pool).wait()
    run = start(visitor, ["Partial", gate], pool=pool)
    await gate.reached
    chat_id = visitor.chat_id
    await visitor.new_chat()
    assert run.records[-1].event.status == "stopped"
    assert pool.opened[0].closed
    assert (visitor.settled, visitor.live, visitor.run) == ([], [], None)
    assert visitor.chat_id != chat_id


async def test_the_settled_list_stays_the_same_object_while_a_step_goes_on(visitors):
    visitor, gate = visitors.get(None), Gate()
    run = start(visitor, ["One ", "two", gate, "<code>final_answer(1)</code>"])
    before, count = visitor.settled, visitor.settled_changes.count
    await gate.reached
    assert visitor.settled is before
    assert visitor.settled_changes.count == count
    assert "One two" in shown(visitor)
    gate.open()
    await run.wait()
    assert visitor.settled is not before


async def test_idle_visitors_are_forgotten_and_their_sandboxes_closed(visitors, clock):
    pool, gate = FakePool(), Gate()
    gone, watched, running = (visitors.get(None) for _ in range(3))
    await start(gone, "<code>final_answer(1)</code>", pool=pool).wait()
    watched.watches.add(Watch())
    run = start(running, [gate, "late"])
    clock.advance(101)
    await visitors.sweep()
    assert len(visitors) == 2
    assert pool.opened[0].closed
    assert visitors.get(gone.visitor_id) is not gone
    run.stop()
    await run.wait()


async def test_a_run_that_waits_for_the_decision_of_one_who_is_gone_is_stopped(visitors, clock):
    gone, here = visitors.get(None), visitors.get(None)
    here.watches.add(Watch())
    agent = CodeAgent([], ScriptedModel(["<code>x = 1</code>"] * 2), sandbox_pool=FakePool(), approval=True)
    runs = [agent.start("Do it", session=one.session, on_record=one.begin("Do it")) for one in (gone, here)]
    for visitor, run in zip((gone, here), runs, strict=True):
        visitor.started(run)
        async for _ in run.subscribe():
            if run.approval.waits:
                break
    clock.advance(99)
    await visitors.sweep()
    assert len(visitors) == 2
    clock.advance(2)
    await visitors.sweep()
    assert [run.status for run in runs] == ["stopped", None]
    assert list(visitors) == [here]
    await visitors.close()


async def test_closing_ends_watches_and_runs(visitors):
    visitor, watch = visitors.get(None), Watch()
    visitor.watches.add(watch)
    run = start(visitor, [Gate(), "never"])
    await visitors.close()
    assert watch.closed
    assert run.done


async def test_an_artifact_is_found_by_its_id_only(visitors):
    visitor = visitors.get(None)
    assert visitors.artifact("anything") is None
    await start(visitor, "<code>final_answer(1)</code>").wait()
    assert visitors.artifact("") is None


@pytest.mark.parametrize(("secret", "hint"), [("sk-abcdef1234569f2", "sk-…9f2 ✓"), ("short", "key ✓")])
def test_a_key_is_never_shown_whole(secret, hint):
    key = Key("https://x/v1", secret)
    assert key.hint == hint
    assert secret not in repr(key)


async def test_a_notice_is_shown_until_the_next_task(visitors):
    visitor = visitors.get(None)
    visitor.notice("The task is empty.")
    assert "The task is empty." in shown(visitor)
    run = start(visitor, "<code>final_answer(1)</code>")
    assert "The task is empty." not in shown(visitor)
    await asyncio.wait_for(run.wait(), 5)
