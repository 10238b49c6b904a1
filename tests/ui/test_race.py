import asyncio
import json
from itertools import pairwise

import pytest

from agentui.demo import DemoModel
from agentui.models.gate import Gate
from agentui.models.scripted import ScriptedModel
from agentui.settings import Settings
from agentui.testing import FakePool, serve_chat
from agentui.ui.choices import Choices
from agentui.ui.connections import Connections
from agentui.ui.feed import Feed
from agentui.ui.key import Key
from agentui.ui.race import MAX_RACES
from agentui.ui.service import Service
from tests.serving import eventually

SECRET = "sk-of-this-lane-only"
DEMO = {"preset": "demo"}


def make_service(*scripts, **settings):
    """A service whose demo model plays another script each time that it is made."""
    settings, left = Settings(**settings), iter(scripts)
    pool = FakePool()
    connections = Connections(settings, demo_model=lambda: ScriptedModel(next(left)))
    return Service(settings, connections, pool), pool


async def ask(service, visitor, verb, **fields):
    return await service.actions.act({"chat": visitor.chat_id, "verb": verb, **fields})


async def race(service, visitor, *lanes, task="Go"):
    said = await ask(service, visitor, "race", task=task, lanes=list(lanes))
    assert "error" not in said, said
    return list(visitor.races)[-1]


def answering(value):
    return [f"<code>final_answer({value!r})</code>"]


async def test_lanes_run_at_the_same_time_and_share_nothing():
    gates = [Gate(), Gate()]
    look = "<code>final_answer(sorted({'mine', 'yours'} & set(dir())))</code>"
    scripts = [[f"<code>{name} = 7</code>", [gate, look]] for name, gate in zip(("mine", "yours"), gates, strict=True)]
    service, pool = make_service(*scripts)
    visitor = service.visitors.get(None)
    running = await race(service, visitor, DEMO, DEMO)
    for gate in gates:  # neither goes on before both are here
        await gate.reached
    assert running.going
    assert not any(run.done for run in running.runs)
    assert abs(running.runs[0].elapsed() - running.runs[1].elapsed()) < 1
    for gate in gates:
        gate.open()
    assert [(await run.wait()).output for run in running.runs] == [["mine"], ["yours"]]
    assert len(pool.opened) == 2
    assert await asyncio.to_thread(eventually, lambda: all(sandbox.closed for sandbox in pool.opened))
    assert (visitor.session.messages, visitor.session.sandbox, visitor.run) == ([], None, None)


async def test_a_lane_has_its_own_limits_and_instructions():
    service, _ = make_service(["<code>1</code>"] * 2, answering(1))
    visitor = service.visitors.get(None)
    short = {**DEMO, "max_steps": "2", "max_tokens": "90000"}
    done = await race(service, visitor, short, {**DEMO, "instructions": "Be brief."})
    one, two = [await run.wait() for run in done.runs]
    assert (one.status, two.status) == ("limit", "completed")
    assert [run.records[0].event.limits.max_tokens for run in done.runs] == [90_000, None]


async def test_a_lane_that_cannot_start_says_why_and_the_others_go_on():
    service, _ = make_service(answering("a"), answering("b"))
    visitor = service.visitors.get(None)
    done = await race(service, visitor, DEMO, {"preset": "custom", "base_url": "ftp://x", "model_id": "m"}, DEMO)
    assert [lane.name for lane in done.lanes] == ["scripted", "m", "scripted · 2"]
    assert [lane.problem is None for lane in done.lanes] == [True, False, True]
    assert "ftp://x" in done.lanes[1].problem
    assert [(await run.wait()).output for run in done.runs] == ["a", "b"]


async def test_a_race_of_more_lanes_than_the_server_runs_at_once_is_refused():
    service, _ = make_service([["a", Gate()]], [["b", Gate()]], max_running=1)
    visitor = service.visitors.get(None)
    said = await ask(service, visitor, "race", task="Go", lanes=[DEMO, DEMO])
    assert "runs 1 at a time and 2 are to start together" in said["error"]
    assert not visitor.busy


async def test_stop_stops_every_lane_and_a_lane_can_be_stopped_alone():
    gates = [Gate(), Gate(), Gate()]
    service, _ = make_service(*([["part", gate]] for gate in gates))
    visitor, stranger = service.visitors.get(None), service.visitors.get(None)
    running = await race(service, visitor, DEMO, DEMO, DEMO)
    for gate in gates:
        await gate.reached
    first, second, third = running.runs
    for wrong in ({"run_id": "x"}, {"run_id": ""}):
        assert await ask(service, visitor, "stop_lane", **wrong) == {"answer": None}
    await ask(service, stranger, "stop_lane", run_id=first.run_id)
    await ask(service, stranger, "race_end", race=running.race_id)
    assert not any(run.stop_requested_s for run in running.runs)
    await ask(service, visitor, "stop_lane", run_id=second.run_id)
    assert (await second.wait()).status == "stopped"
    assert [first.done, third.done] == [False, False]
    service.stop(visitor)
    assert [(await run.wait()).status for run in running.runs] == ["stopped"] * 3


async def test_ending_a_race_stops_its_lanes_and_keeps_its_records():
    gate = Gate()
    service, _ = make_service([["part", gate]], answering(1))
    visitor = service.visitors.get(None)
    running = await race(service, visitor, DEMO, DEMO)
    await gate.reached
    assert await ask(service, visitor, "race_end", race=running.race_id) == {"answer": None}
    assert (await running.runs[0].wait()).status == "stopped"
    assert [one.race_id for one in visitor.races] == [running.race_id]


async def test_a_new_chat_ends_the_race_and_forgets_it():
    gates = [Gate(), Gate()]
    service, _ = make_service(*([["part", gate]] for gate in gates))
    visitor = service.visitors.get(None)
    running = await race(service, visitor, DEMO, DEMO)
    for gate in gates:
        await gate.reached
    await visitor.new_chat()
    assert all(run.done for run in running.runs)
    assert (list(visitor.races), visitor.all_runs, service.worker.running) == ([], [], [])
    assert json.loads(Feed(visitor).take())["races"] == []


async def test_a_new_chat_while_the_models_are_made_leaves_nothing_running():
    service, _ = make_service(answering(1), answering(2))
    visitor = service.visitors.get(None)
    make = service.agent

    async def slow(*given):
        await visitor.new_chat()
        return await make(*given)

    service.agent = slow
    chat = visitor.chat_id
    said = await service.actions.act({"chat": chat, "verb": "race", "task": "Go", "lanes": [DEMO, DEMO]})
    assert "new chat was begun" in said["error"]
    assert service.worker.running == []
    assert not visitor.sending


async def test_one_thing_at_a_time_in_a_chat():
    gates = [Gate(), Gate(), Gate()]
    service, _ = make_service(*([["part", gate]] for gate in gates))
    visitor = service.visitors.get(None)
    assert await service.send(visitor, "Chat", Choices(preset="demo"))
    asked = {"task": "Go", "lanes": [DEMO, DEMO]}
    assert "runs in this chat already" in (await ask(service, visitor, "race", **asked))["error"]
    service.stop(visitor)
    await visitor.runs[0].run.wait()
    await race(service, visitor, DEMO, DEMO)
    assert not await service.send(visitor, "Chat", Choices(preset="demo"))
    assert "runs in this chat already" in (await ask(service, visitor, "race", **asked))["error"]
    await service.close()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "'task'"),
        ({"task": 1, "lanes": [DEMO, DEMO]}, "'task'"),
        ({"task": " ", "lanes": [DEMO, DEMO]}, "The task is empty"),
        ({"task": "x" * 200_001, "lanes": [DEMO, DEMO]}, "200,001 characters"),
        ({"task": "Go"}, "'lanes'"),
        ({"task": "Go", "lanes": "ab"}, "'lanes'"),
        ({"task": "Go", "lanes": {"0": DEMO, "1": DEMO}}, "'lanes'"),
        ({"task": "Go", "lanes": [DEMO]}, "2 or 3 lanes, not 1"),
        ({"task": "Go", "lanes": [DEMO] * 4}, "2 or 3 lanes, not 4"),
        ({"task": "Go", "lanes": [DEMO, "demo"]}, "lane 2"),
        ({"task": "Go", "lanes": [DEMO, {"preset": ["demo"]}]}, "'preset'"),
        ({"task": "Go", "lanes": [DEMO, {**DEMO, "max_steps": 3}]}, "no usable 'the limit Steps'"),
        ({"task": "Go", "lanes": [DEMO, {**DEMO, "instructions": "x" * 20_001}]}, "lane 2 has more than 20,000"),
        ({"task": "Go", "lanes": [{**DEMO, "model_id": "x" * 4_001}, DEMO]}, "lane 1 has more than 4,000"),
        ({"task": "Go", "lanes": [{**DEMO, "temperature": "hot"}, {"preset": "x"}]}, "temperature is 'hot'"),
        ({"task": "Go", "lanes": [{**DEMO, "temperature": "nan"}, {"preset": "x"}]}, "from 0 to 2"),
        ({"task": "Go", "lanes": [{**DEMO, "temperature": "1"}, {"preset": "x"}]}, "of this model cannot be set"),
        ({"task": "Go", "lanes": [{**DEMO, "agent_kind": "os"}, {"preset": "x"}]}, "agent kind 'os' is not known"),
        ({"task": "Go", "lanes": [{"preset": "x"}, {"preset": "y"}]}, "No lane can start. x: Model preset"),
    ],
)
async def test_a_request_that_makes_no_sense_starts_nothing(fields, said):
    service, pool = make_service(answering(1))
    visitor = service.visitors.get(None)
    assert said in (await ask(service, visitor, "race", **fields))["error"]
    assert (list(visitor.races), service.worker.running, pool.opened) == ([], [], [])
    assert not visitor.sending


async def test_every_lane_gets_the_key_of_its_own_endpoint_only():
    with serve_chat(*answering(1)) as one, serve_chat(*answering(2)) as two, serve_chat(*answering(3)) as three:
        service, _ = make_service()
        visitor = service.visitors.get(None)
        visitor.key = Key(one.base_url, "sk-of-the-settings")
        lanes = [{"preset": "custom", "base_url": each.base_url, "model_id": "m"} for each in (one, two, three)]
        lanes[1]["key"] = SECRET
        done = await race(service, visitor, *lanes)
        assert [(await run.wait()).output for run in done.runs] == [1, 2, 3]
        sent = [each.requests[0].headers.get("authorization") for each in (one, two, three)]
        assert sent[:2] == ["Bearer sk-of-the-settings", f"Bearer {SECRET}"]
        assert "sk-" not in str(sent[2])
        assert visitor.key.secret == "sk-of-the-settings"
        assert SECRET not in Feed(visitor).take()
        assert SECRET not in repr(vars(visitor))


async def test_a_lane_has_its_own_temperature_and_kind_of_agent():
    with serve_chat(*answering(1), *answering(2)) as one, serve_chat("Done.") as two:
        service, _ = make_service()
        visitor = service.visitors.get(None)
        visitor.chosen = Choices(preset="custom", system_prompt="You are a judge. {{tools}}", tools_off="no_such_tool")
        lane = {"preset": "custom", "base_url": one.base_url, "model_id": "m"}
        cold, warm = {**lane, "temperature": "0"}, {**lane, "temperature": "1.5", "system_prompt": "ignored"}
        native = {**lane, "base_url": two.base_url, "agent_kind": "tools"}
        done = await race(service, visitor, cold, warm, native)
        assert [lane.name for lane in done.lanes] == ["m · temperature 0", "m · temperature 1.5", "m · calls tools"]
        for run in done.runs:
            await run.wait()
        sent = [request.body for request in one.requests]
        assert sorted(body["temperature"] for body in sent) == [0, 1.5]
        assert all(str(body["messages"][0]["content"]).count("You are a judge.") for body in sent)
        assert "temperature" not in two.requests[0].body
        assert two.requests[0].body["tools"]
        refused = await ask(service, visitor, "race_go_on", run_id=done.runs[2].run_id)
        assert "with an agent as the chat's" in refused["error"]
        await service.close()


async def test_a_private_server_is_no_lane_where_strangers_come():
    service, _ = make_service(answering(1), host="0.0.0.0")
    visitor = service.visitors.get(None)
    lanes = [{"preset": "custom", "base_url": f"http://{at}/v1", "model_id": "m"} for at in ("127.0.0.1:9", "10.0.0.1")]
    done = await race(service, visitor, *lanes, DEMO)
    assert [lane.problem is None for lane in done.lanes] == [False, False, True]
    assert all("\n" not in lane.problem and len(lane.problem) <= 400 for lane in done.lanes[:2])
    assert (await done.runs[0].wait()).output == 1


async def test_the_feed_carries_lanes_and_names_the_race_in_every_batch():
    service, _ = make_service(answering(1), answering(2))
    visitor = service.visitors.get(None)
    done = await race(service, visitor, DEMO, DEMO)
    for run in done.runs:
        await run.wait()
    feed = Feed(visitor)
    first, second = json.loads(feed.take()), json.loads(feed.take())
    assert [part["run_id"] for part in first["runs"]] == [run.run_id for run in done.runs]
    assert first["races"] == second["races"] == [done.described()]
    assert second["runs"] == []
    asked = {"run_id": done.runs[1].run_id, "from_seq": 1}
    assert (await ask(service, visitor, "records", **asked))["answer"]["records"][0]["seq"] == 1


async def test_only_the_newest_races_are_kept():
    service, _ = make_service(*[answering(1)] * 12)
    visitor = service.visitors.get(None)
    for _ in range(MAX_RACES + 2):
        for run in (await race(service, visitor, DEMO, DEMO)).runs:
            await run.wait()
    assert len(list(visitor.races)) == MAX_RACES


async def test_a_visitor_with_a_race_is_not_forgotten():
    gate = Gate()
    service, _ = make_service([["part", gate]], answering(1), idle_s=0)
    visitor = service.visitors.get(None)
    running = await race(service, visitor, DEMO, DEMO)
    await gate.reached
    await service.visitors.sweep()
    assert running.going
    await service.visitors.close()
    assert not running.going


def test_the_demo_has_paces():
    paced = [DemoModel().at(pace) for pace in ("fast", "", "slow")]
    assert [model.model_id for model in paced] == ["demo-fast", "demo", "demo-slow"]
    delays = [model._delta_delay_s for model in paced]
    assert all(one < other for one, other in pairwise(delays))


async def test_a_lane_becomes_the_conversation_of_an_empty_chat():
    scripts = [["<code>x = 41</code>", *answering("first")], ["<code>y = 1</code>", *answering("second")]]
    service, _ = make_service(*scripts, ["<code>final_answer(sorted({'x', 'y'} & set(dir())))</code>"])
    visitor = service.visitors.get(None)
    done = await race(service, visitor, DEMO, {**DEMO, "instructions": "Be second.", "key": SECRET})
    for run in done.runs:
        await run.wait()
    first, second = done.runs
    assert await ask(service, visitor, "race_go_on", run_id=second.run_id) == {"answer": None}
    assert [entry.run for entry in visitor.runs] == [second]
    assert [run.run_id for run in visitor.all_runs] == [second.run_id, first.run_id]
    assert "second" in str(visitor.settled)
    assert visitor.runs[0].choices == Choices(preset="demo", instructions="Be second.")
    assert [lane["continued"] for lane in done.described()["lanes"]] == [False, True]
    assert await service.send(visitor, "And now?", Choices(preset="demo"))
    assert (await visitor.runs[1].run.wait()).output == ["y"]
    assert visitor.runs[1].run.records[0].event.parent.run_id == second.run_id
    refused = await ask(service, visitor, "race_go_on", run_id=first.run_id)
    assert "has a conversation already" in refused["error"]
    await service.close()
