"""Branches of a chat on the server: what makes one, what refuses to, and what the transcript then shows."""

import html
import json

import pytest
import smolagents

from agentui.adopt import AgentSource
from agentui.events import ApprovalRequested, CodeStarted, Diverged, ParentRun, StateRestored
from agentui.models.gate import Gate
from agentui.models.scripted import ScriptedModel
from agentui.settings import Settings
from agentui.smolagents.agent import SmolagentsAgent
from agentui.testing import FakePool, serve_chat
from agentui.ui.branches import MAX_BRANCHES
from agentui.ui.choices import Choices
from agentui.ui.connections import Connections
from agentui.ui.feed import Feed
from agentui.ui.service import Service

DEMO = Choices(preset="demo")


def code(body):
    return f"Go.\n<code>\n{body}\n</code>"


X = [code("x = 1"), code("x = 9"), code("final_answer(x)")]


class Chat:
    """One visitor's chat with a scripted model."""

    def __init__(self, *answers, agent=None, service=None):
        self.model = ScriptedModel(answers)
        settings = Settings()
        own = agent.model if agent else None
        connections = Connections(settings, own, lambda: self.model)
        self.service = service or Service(settings, connections, FakePool(), agent and AgentSource(agent))
        self.visitor = self.service.visitors.get(None)

    async def send(self, task="Count.", choices=DEMO):
        assert await self.service.send(self.visitor, task, choices)
        return await self.end()

    async def end(self):
        run = self.visitor.runs[-1].run
        await run.wait()
        return run

    async def ask(self, verb, **fields):
        return await self.service.actions.act({"chat": self.visitor.chat_id, "verb": verb, **fields})

    async def done(self, verb, **fields):
        assert await self.ask(verb, **fields) == {"answer": None}
        return await self.end()

    def shown(self):
        return [html.unescape(part["text"]) for said in self.visitor.settled for part in said["content"]]

    def ways(self):
        """Of each place where branches part: which one is shown, of how many, and the branches to go to."""
        lines = [text for text in self.shown() if "au-branches" in text]
        at = [line.partition("Branch </span>")[2].partition("</span>")[0] for line in lines]
        return [
            (place, [word[6:22] for word in line.split() if word.startswith("au-to-")])
            for place, line in zip(at, lines, strict=True)
        ]

    async def go(self, line, way):
        """Press an arrow of the transcript's line."""
        found = [text for text in self.shown() if "au-branches" in text][line]
        ids = [part.split('"')[0] for part in found.split("au-to-")[1:]]
        assert await self.ask("branch", branch=ids[way]) == {"answer": None}


async def test_code_runs_after_the_step_and_the_parent_stays():
    chat = Chat(*X, code("final_answer(('fork', x))"))
    first = await chat.send()
    before = list(first.records)
    session = chat.visitor.session
    fork = await chat.done("fork", run_id=first.run_id, step=1, code="print('x is', x)")
    assert fork.output == ("fork", 1)
    assert fork.records[0].event.parent == ParentRun(run_id=first.run_id, step=1, relation="forked")
    assert (first.records, chat.visitor.session is session) == (before, False)
    text = " ".join(chat.shown())
    assert text.count("Step 1") == 2
    assert "x = 9" not in text
    assert "Forked: other code" in text
    await chat.go(0, 0)
    assert chat.visitor.session is session
    assert "x = 9" in " ".join(chat.shown())


async def test_words_are_a_new_message_and_a_task_is_a_new_beginning():
    chat = Chat(*X, code("final_answer(x + 1)"), code("final_answer('x' in globals())"))
    first = await chat.send()
    said = await chat.done("fork", run_id=first.run_id, step=1, message="Say <two>.")
    assert (said.output, said.records[0].event.task) == (2, "Say <two>.")
    assert [message.text for message in chat.model.requests[-1] if message.role == "user"][-1] == "Say <two>."
    await chat.go(0, 0)
    anew = await chat.done("fork", run_id=first.run_id, step=0, task="Is there x?")
    assert (anew.output, anew.records[0].event.task) == (False, "Is there x?")
    assert not any("Count." in message.text for message in chat.model.requests[-1])
    assert "Count." not in " ".join(chat.shown())
    assert [place for place, _ in chat.ways()] == ["2/2"]


async def test_every_place_where_ways_part_has_its_own_line():
    chat = Chat(*X, *[code(f"final_answer({n})") for n in range(5)])
    first = await chat.send()
    await chat.done("fork", run_id=first.run_id, step=2, message="a")
    await chat.done("fork", run_id=first.run_id, step=2, message="b")
    assert [place for place, _ in chat.ways()] == ["3/3"]
    await chat.done("fork", run_id=first.run_id, step=1, message="c")
    assert [place for place, _ in chat.ways()] == ["2/2"]
    await chat.go(0, 0)
    assert [place for place, _ in chat.ways()] == ["1/2", "3/3"]
    await chat.go(1, 0)
    assert [place for place, _ in chat.ways()] == ["1/2", "2/3"]
    assert chat.shown()[-2].count("0") == 1


async def test_a_rerun_asks_nobody_and_a_repetition_has_the_settings_of_the_run():
    chat = Chat(code("import uuid\nprint(uuid.uuid4())"), code("final_answer(1)"), code("final_answer(2)"))
    first = await chat.send(choices=Choices(preset="demo", max_steps="7", instructions="Be kind."))
    again = await chat.done("rerun", run_id=first.run_id)
    assert (again.output, len(chat.model.requests), again.result.usage.total_tokens) == (1, 2, 0)
    assert again.records[0].event.parent.relation == "rerun"
    assert sum(isinstance(record.event, Diverged) for record in again.records) == 1
    assert sum("not as recorded" in text for text in chat.shown()) == 1
    live = await chat.done("repeat", run_id=again.run_id)
    assert (live.output, live.records[0].event.limits.max_steps) == (2, 7)
    assert "Be kind." in chat.model.requests[-1][0].text
    assert [place for place, _ in chat.ways()] == ["3/3"]


@pytest.mark.parametrize(
    ("verb", "fields"), [("fork", {"step": 1, "message": "Go on."}), ("rerun", {}), ("repeat", {})]
)
async def test_a_visitor_who_wants_to_be_asked_is_asked_in_a_branch_too(verb, fields):
    chat = Chat(*X, *X)
    first = await chat.send()
    await chat.ask("ask_first", on=True)
    assert await chat.ask(verb, run_id=first.run_id, **fields) == {"answer": None}
    run = chat.visitor.runs[-1].run
    async for _ in run.subscribe():
        if any(isinstance(record.event, ApprovalRequested | CodeStarted) for record in run.records):
            break
    assert not any(isinstance(record.event, CodeStarted) for record in run.records)
    chat.service.stop(chat.visitor)
    assert (await run.wait()).status == "stopped"


async def test_a_later_run_begins_again_where_it_had_begun():
    chat = Chat(
        code("x = 1"), code("final_answer(x)"), code("x += 1\nfinal_answer(x)"), code("x += 10\nfinal_answer(x)")
    )
    await chat.send("One.")
    second = await chat.send("Two.")
    assert (await chat.done("rerun", run_id=second.run_id)).output == 2
    third = chat.visitor.runs[-1].run
    assert (await chat.done("repeat", run_id=third.run_id)).output == 11
    assert [text for text in ("One.", "Two.") if " ".join(chat.shown()).count(text) == 1] == ["One.", "Two."]


async def test_what_cannot_be_restored_is_listed():
    chat = Chat(code("import uuid\nprint(uuid.uuid4())"), code("final_answer(1)"), code("final_answer(2)"))
    first = await chat.send()
    fork = await chat.done("fork", run_id=first.run_id, step=1, message="Go on.")
    (restored,) = [record.event for record in fork.records if isinstance(record.event, StateRestored)]
    assert "step 1" in restored.missing
    assert any("Not as it was after that step" in text and "printed something else" in text for text in chat.shown())


async def test_nothing_branches_while_something_runs():
    gate = Gate()
    chat = Chat(*X, [gate, code("final_answer(2)")])
    first = await chat.send()
    assert await chat.service.send(chat.visitor, "More.", DEMO)
    await gate.reached
    branch = chat.visitor.branches.current.branch_id
    for verb, fields in (
        ("fork", {"step": 1, "code": "x"}), ("rerun", {}), ("repeat", {}), ("branch", {"branch": branch}),
    ):  # fmt: skip
        assert "Something runs in this chat" in (await chat.ask(verb, run_id=first.run_id, **fields))["error"]
    gate.open()
    await chat.end()
    assert len(chat.visitor.branches.sessions) == 1


@pytest.mark.parametrize(
    ("verb", "fields", "says"),
    [
        ("fork", {"step": 1}, "needs code or words"),
        ("fork", {"step": 1, "code": " \n"}, "needs code or words"),
        ("fork", {"step": 1, "code": "x", "message": "y"}, "needs code or words"),
        ("fork", {"step": 1, "task": "y"}, "needs code or words"),
        ("fork", {"step": 0, "code": "y"}, "needs code or words"),
        ("fork", {"step": -1, "code": "y"}, "needs code or words"),
        ("fork", {"step": True, "code": "y"}, "no usable 'step'"),
        ("fork", {"step": "1", "code": "y"}, "no usable 'step'"),
        ("fork", {"step": 1, "code": ["y"]}, "no usable 'code'"),
        ("fork", {"step": 99, "code": "y"}, "not part of the conversation"),
        ("fork", {"step": 1, "code": "x" * 200_001}, "200,001 characters"),
        ("fork", {"step": 1, "message": "x" * 200_001}, "200,001 characters"),
        ("fork", {"step": 1, "code": "y", "run_id": "another"}, "not part of the conversation"),
        ("rerun", {"run_id": "another"}, "not part of the conversation"),
        ("rerun", {"speed": -1}, "Speed=-1"),
        ("rerun", {"speed": "fast"}, "no usable 'speed'"),
        ("repeat", {"run_id": 7}, "no usable 'run_id'"),
        ("branch", {"branch": "no such"}, "not there any more"),
        ("branch", {}, "no usable 'branch'"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_changes_nothing(verb, fields, says):
    chat = Chat(*X)
    first = await chat.send()
    before, session = chat.shown(), chat.visitor.session
    answer = await chat.ask(verb, **{"run_id": first.run_id, **fields})
    assert says in answer["error"]
    assert (chat.shown(), chat.visitor.session is session, chat.visitor.sending) == (before, True, False)
    assert len(chat.visitor.branches.sessions) == 1


async def test_a_run_of_somebody_else_cannot_be_branched():
    mine, chat = Chat(*X), None
    run = await mine.send()
    chat = Chat(service=mine.service)
    for verb, fields in (("fork", {"step": 1, "code": "x"}), ("rerun", {}), ("repeat", {})):
        assert "not part of the conversation" in (await chat.ask(verb, run_id=run.run_id, **fields))["error"]
    assert "not there any more" in (await chat.ask("branch", branch=mine.visitor.branches.current.branch_id))["error"]


async def test_there_are_so_many_branches_and_a_new_chat_closes_them_all():
    chat = Chat(code("x = 1"), *[code(f"final_answer({n})") for n in range(MAX_BRANCHES + 1)])
    first = await chat.send()
    for n in range(MAX_BRANCHES - 1):
        await chat.done("fork", run_id=first.run_id, step=1, message=f"again {n}")
    refused = await chat.ask("fork", run_id=first.run_id, step=1, message="once more")
    assert f"{MAX_BRANCHES} branches" in refused["error"]
    sessions = chat.visitor.branches.sessions
    assert all(session.sandbox for session in sessions)
    assert len(chat.visitor.all_runs) == MAX_BRANCHES
    await chat.visitor.new_chat()
    assert (chat.shown(), [session.sandbox for session in sessions]) == ([], [None] * MAX_BRANCHES)


async def test_the_browser_gets_the_runs_of_the_branch_that_is_shown():
    chat = Chat(*X, code("final_answer(1)"))
    first = await chat.send()
    feed = Feed(chat.visitor)
    seen = json.loads(feed.take())
    fork = await chat.done("fork", run_id=first.run_id, step=1, message="other")
    then = json.loads(feed.take())
    assert then["chat"] == seen["chat"]
    assert then["branch"] != seen["branch"]
    assert [run["run_id"] for run in then["runs"]] == [first.run_id, fork.run_id]
    await chat.go(0, 0)
    back = json.loads(feed.take())
    assert (back["branch"], [run["run_id"] for run in back["runs"]]) == (seen["branch"], [first.run_id])


async def test_an_agent_that_keeps_its_conversation_itself_says_so():
    with serve_chat("<code>x = 1</code>", "<code>final_answer(x)</code>") as server:
        model = smolagents.OpenAIModel("own", api_base=server.base_url, api_key="sk-x")
        given = SmolagentsAgent(smolagents.CodeAgent(tools=[], model=model), sandbox_pool=FakePool())
        chat = Chat(agent=given)
        first = await chat.send(choices=Choices(preset="agent"))
        assert first.output == 1
        for verb, fields in (("fork", {"step": 1, "code": "x"}), ("rerun", {}), ("repeat", {})):
            answer = await chat.ask(verb, run_id=first.run_id, **fields)
            assert "keeps its conversation itself" in answer["error"]
        assert len(chat.visitor.branches.sessions) == 1
