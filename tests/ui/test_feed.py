import json

import pytest

from agentui.agent import CodeAgent
from agentui.models.scripted import Reasoning, ScriptedModel
from agentui.testing import FakePool
from agentui.ui.feed import Feed, compact, stretch
from agentui.ui.known import Known, known
from agentui.ui.visitors import Visitors
from agentui.view import fold


@pytest.fixture
async def visitor():
    visitor = Visitors(idle_s=10).get(None)
    answers = (
        [Reasoning(f"thought {i} ") for i in range(200)] + ["<code>\n", *(f"x = {i}\n" for i in range(300)), "</code>"],
        "<code>for i in range(3): print(i)\nfinal_answer(x)</code>",
    )
    agent = CodeAgent([], ScriptedModel(answers), stream_outputs=True, sandbox_pool=FakePool())
    run = agent.start("Count", session=visitor.session, on_record=visitor.begin("Count"))
    visitor.started(run)
    await run.wait()
    return visitor


def test_a_late_page_gets_everything_that_matters(visitor):
    run = visitor.runs[0].run
    batch = json.loads(Feed(visitor).take())
    (part,) = batch["runs"]
    assert (batch["chat"], part["run_id"], part["from_seq"]) == (visitor.chat_id, run.run_id, 0)
    assert part["next_seq"] == len(run.records)
    assert len(part["records"]) < len(run.records) / 5
    assert [r["event"]["step"] for r in part["records"] if r["event"]["type"] == "step_finished"] == [1, 2]


def test_leaving_deltas_out_changes_nothing_that_is_shown(visitor):
    records = visitor.runs[0].run.records
    whole, less = fold(records), fold(compact(records))
    assert [step.end for step in less.steps] == [step.end for step in whole.steps]
    assert [str(step.code) for step in less.steps] == [str(step.code) for step in whole.steps]
    assert [step.usage for step in less.steps] == [step.usage for step in whole.steps]
    assert less.usage == whole.usage


def test_batches_follow_each_other_without_gaps(visitor):
    feed, run = Feed(visitor), visitor.runs[0].run
    feed.take()
    assert json.loads(feed.take())["runs"] == []
    assert stretch(run, 10, 5)["next_seq"] == 15
    assert [record["seq"] for record in stretch(run, 10, 5)["records"]] == [10, 11, 12, 13, 14]


async def test_a_new_chat_begins_a_new_feed(visitor):
    feed = Feed(visitor)
    before = json.loads(feed.take())["chat"]
    await visitor.new_chat()
    after = json.loads(feed.take())
    assert after["chat"] != before
    assert after["runs"] == []


def test_a_page_that_attaches_again_gets_what_it_has_not(visitor):
    run, branch = visitor.runs[0].run, visitor.branches.current.branch_id
    had = known(json.dumps({"chat": visitor.chat_id, "branch": branch, "runs": {run.run_id: 7, "no such run": 3}}))
    (part,) = json.loads(Feed(visitor, had).take())["runs"]
    assert (part["from_seq"], part["next_seq"]) == (7, len(run.records))
    for chat, shown in (("another", branch), (visitor.chat_id, "another")):
        (part,) = json.loads(Feed(visitor, Known(chat=chat, branch=shown, runs={run.run_id: 7})).take())["runs"]
        assert part["from_seq"] == 0


@pytest.mark.parametrize(
    "text",
    [None, "", 7, "null", "[]", "{", '{"chat": 1}', '{"runs": {"a": -1}}', '{"runs": {"a": "1"}}', "[" * 9_000]
    + ['{"runs": [1]}', '{"chat": "%s"}' % ("x" * 300_000)],
)
def test_what_makes_no_sense_is_nothing_that_a_page_has(text):
    assert known(text) == Known()
