"""Tasks of many visitors on a server that runs few at once."""

import asyncio
import json

import pytest

from agentui.models.gate import Gate
from agentui.models.scripted import ScriptedModel
from agentui.session import Session
from agentui.settings import Settings
from agentui.testing import FakePool
from agentui.ui.choices import Choices
from agentui.ui.connections import Connections
from agentui.ui.feed import Feed
from agentui.ui.service import Service
from tests.serving import eventually

DEMO = Choices(preset="demo")
DONE = ["<code>final_answer('done')</code>"]


@pytest.fixture
async def served():
    """A service with two places, the first of which is taken until the gate opens."""
    gate = Gate()
    scripts = iter([[["Working", gate, *DONE]]])
    settings = Settings(max_running=1)
    service = Service(
        settings, Connections(settings, demo_model=lambda: ScriptedModel(next(scripts, DONE))), FakePool()
    )
    first = service.visitors.get(None)
    assert await service.send(first, "First", DEMO)
    await gate.reached
    yield service, first, gate
    await service.close()


def line_of(visitor):
    return json.loads(Feed(visitor).take())["line"]


def texts(messages):
    return "".join(part["text"] for message in messages for part in message["content"])


async def ended(visitor):
    """The visitor's run, when it has ended."""
    assert await asyncio.to_thread(eventually, lambda: visitor.runs and visitor.runs[-1].run and not visitor.busy)
    run = visitor.runs[-1].run
    await run.wait()  # the look came from another thread, perhaps between its turn and its beginning
    return run


async def test_a_task_waits_in_a_place_that_shows_and_begins_when_its_turn_comes(served):
    service, first, gate = served
    second, third = service.visitors.get(None), service.visitors.get(None)
    for visitor, task in ((second, "Second"), (third, "Third")):
        assert await service.send(visitor, task, DEMO)
        assert not await service.send(visitor, "another", DEMO)
    assert line_of(first) is None
    assert line_of(second) == {"place": 1, "waiting": 2, "running": 1}
    assert line_of(third) == {"place": 2, "waiting": 2, "running": 1}
    assert "Third" in texts(third.live)
    assert third.runs == []
    gate.open()
    runs = [await ended(visitor) for visitor in (first, second, third)]
    assert [run.status for run in runs] == ["completed"] * 3
    assert [record.seq for record in runs[2].records] == list(range(len(runs[2].records)))
    assert runs[2].records[0].t < 1  # its clock began with it
    assert line_of(third) is None


async def test_stop_leaves_the_line_and_gives_the_task_back(served):
    service, _, _ = served
    second, third = service.visitors.get(None), service.visitors.get(None)
    await service.send(second, "Second", DEMO)
    await service.send(third, "Third", DEMO)
    assert service.stop(second) == "Second"
    assert not second.busy
    assert line_of(third)["place"] == 1
    assert await service.send(second, "Once more", DEMO)
    assert line_of(second)["place"] == 2


async def test_a_new_chat_and_the_servers_end_leave_the_line_too(served):
    service, _, gate = served
    second, third = service.visitors.get(None), service.visitors.get(None)
    await service.send(second, "Second", DEMO)
    await service.send(third, "Third", DEMO)
    await second.new_chat()
    assert (second.waiting, service.worker.line.waiting) == (None, 1)
    await service.close()
    gate.open()
    assert (third.runs, third.busy, service.worker.running) == ([], False, [])


async def test_runs_of_the_api_and_lanes_of_races_wait_in_the_same_line(served):
    service, first, gate = served
    records = service.records("By a program", DEMO, set())
    coming = asyncio.ensure_future(anext(records))
    assert await asyncio.to_thread(eventually, lambda: service.worker.line.waiting == 1)
    second = service.visitors.get(None)
    await service.send(second, "Second", DEMO)
    assert line_of(second)["place"] == 2
    gate.open()
    assert (await coming)["event"]["type"] == "run_started"
    assert [record["seq"] async for record in records][0] == 1
    assert (await ended(second)).status == "completed"


async def test_who_gives_an_api_run_up_leaves_the_line(served):
    service, _, _ = served
    known = set()
    records = service.records("By a program", DEMO, known)
    coming = asyncio.ensure_future(anext(records))
    assert await asyncio.to_thread(eventually, lambda: bool(known))
    for waiting in known:
        waiting.stop()
    with pytest.raises(Exception, match="line was left"):
        await coming
    assert service.worker.line.waiting == 0


async def test_a_branch_waits_in_the_line_too_and_can_leave_it():
    gate, settings = Gate(), Settings(max_running=1)
    scripts = iter([DONE, [["Working", gate, *DONE]]])
    service = Service(
        settings, Connections(settings, demo_model=lambda: ScriptedModel(next(scripts, DONE))), FakePool()
    )
    first, second = service.visitors.get(None), service.visitors.get(None)
    await service.send(second, "Second", DEMO)
    run = await ended(second)
    await service.send(first, "First", DEMO)
    await gate.reached

    def repeat():
        request = {"chat": second.chat_id, "verb": "repeat", "run_id": run.run_id}
        return asyncio.ensure_future(service.actions.act(request))

    given_up = repeat()
    assert await asyncio.to_thread(eventually, lambda: second.waiting is not None)
    assert line_of(second)["place"] == 1
    service.stop(second)
    assert "line was left" in (await given_up)["error"]
    assert (len(second.branches.sessions), second.busy) == (1, False)
    asked = repeat()
    assert await asyncio.to_thread(eventually, lambda: second.waiting is not None)
    gate.open()
    assert await asked == {"answer": None}
    assert (await ended(second)).output == "done"
    assert service.worker.line.taken == 0


async def test_a_race_waits_for_all_its_places():
    gate, settings = Gate(), Settings(max_running=2)
    scripts = iter([[["Working", gate, *DONE]]])
    service = Service(
        settings, Connections(settings, demo_model=lambda: ScriptedModel(next(scripts, DONE))), FakePool()
    )
    first, racer = service.visitors.get(None), service.visitors.get(None)
    await service.send(first, "First", DEMO)
    await gate.reached
    lanes = [{"preset": "demo"}, {"preset": "demo"}]
    asking = service.actions.act({"chat": racer.chat_id, "verb": "race", "task": "Go", "lanes": lanes})
    race = asyncio.ensure_future(asking)
    assert await asyncio.to_thread(eventually, lambda: racer.waiting is not None)
    assert line_of(racer)["place"] == 1
    gate.open()
    assert len((await race)["answer"]["lanes"]) == 2
    assert not racer.waiting
    await service.close()


async def test_a_place_is_free_again_whatever_becomes_of_who_listens(served, caplog):
    service, first, gate = served

    def fail(record):
        raise RuntimeError("the listener is broken")

    gate.open()
    await ended(first)
    agent = await service.agent(first.session, DEMO, None)
    for _ in range(2):
        run = service.worker.start(agent, "Again", session=Session(), on_record=fail)
        await run.wait()
    assert service.worker.line.taken == 0
    assert "the listener is broken" in caplog.text
