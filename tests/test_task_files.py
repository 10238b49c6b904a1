"""Files that a task comes with reach the code, the model reads of them, and nobody else sees them."""

import asyncio
import json

import pytest

from agentui.agent import CodeAgent, ToolCallingAgent
from agentui.errors import ConfigError
from agentui.events import RECORD, GivenFile, RunStarted
from agentui.limits import Limits
from agentui.sandbox.local import LocalSandboxPool
from agentui.session import Session
from agentui.testing import FakePool, ScriptedModel
from agentui.worker import Worker


def code(body):
    return f"Go.\n<code>\n{body}\n</code>"


def asked(model):
    """The text of the task as the model got it first."""
    content = next(m.content for m in reversed(model.requests[0]) if m.role == "user")
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


@pytest.fixture
def pool():
    made = LocalSandboxPool()
    yield made
    made.shutdown()


async def test_the_code_reads_them_and_the_model_is_told_names_and_sizes(pool, tmp_path):
    (tmp_path / "Sales 2024.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    model = ScriptedModel([code("final_answer(open('Sales 2024.csv').read() + open('notes.txt').read())")])
    agent = CodeAgent([], model, sandbox_pool=pool)
    files = {"Sales 2024.csv": tmp_path / "Sales 2024.csv", "../../notes.txt": b"n" * 1_500}
    run = agent.start("Sum it up", files=files)
    result = await run.wait()
    assert (result.error, result.output) == (None, "a,b\n1,2\n" + "n" * 1_500)
    assert asked(model).startswith("Sum it up\n\nThese files belong to the task.")
    assert "current directory" in asked(model)
    assert "- Sales 2024.csv (8 bytes)\n- notes.txt (1,500 bytes)" in asked(model)


async def test_where_files_cannot_be_opened_their_content_is_a_variable():
    pool = LocalSandboxPool(tier="D")
    model = ScriptedModel([code("final_answer(input_files['a.csv'])")])
    result = await CodeAgent([], model, sandbox_pool=pool).start("Go", files={"a.csv": b"x,y"}).wait()
    await pool.close()
    assert (result.error, result.output) == (None, b"x,y")
    assert "in the dict `input_files`" in asked(model)


async def test_the_record_names_them_and_not_their_content():
    model = ScriptedModel([code("final_answer(1)")])
    run = CodeAgent([], model, sandbox_pool=FakePool()).start("Go", files={"a.csv": b"secret-content"})
    result = await run.wait()
    started = result.records[0].event
    assert isinstance(started, RunStarted)
    assert (started.task, started.files) == ("Go", (GivenFile(name="a.csv", size_bytes=14),))
    lines = [RECORD.dump_json(record).decode() for record in result.records]
    assert "secret-content" not in "".join(lines)
    assert RECORD.validate_json(lines[0]) == result.records[0]


async def test_a_later_task_of_the_conversation_adds_to_them(pool):
    model = ScriptedModel([code("final_answer(1)"), code("import os\nfinal_answer(sorted(os.listdir()))")])
    agent, session = CodeAgent([], model, sandbox_pool=pool), Session()
    await agent.start("Go", session=session, files={"a.csv": b"x"}).wait()
    result = await agent.start("Go", session=session, files={"b.csv": b"y"}).wait()
    await session.close()
    assert result.output == ["a.csv", "b.csv"]


async def test_a_run_that_goes_on_in_a_new_interpreter_has_them_again(pool):
    model = ScriptedModel([code("1"), code("final_answer(open('a.csv').read())")])
    agent, session = CodeAgent([], model, sandbox_pool=pool), Session()
    first = await agent.start("Go", session=session, files={"a.csv": b"x"}, max_steps=1).wait()
    await session.close()
    second = await agent.start(None, session=session, max_steps=3).wait()
    await session.close()
    assert (first.status, second.status, second.output) == ("limit", "completed", "x")


async def test_two_visitors_never_see_each_others(pool):
    worker = Worker()
    look = code("import os\nfinal_answer([(n, open(n).read()) for n in os.listdir()])")
    runs = [
        worker.start(
            CodeAgent([], ScriptedModel([look]), sandbox_pool=pool), "Go", session=Session(), files={"own.txt": text}
        )
        for text in (b"first", b"second")
    ]
    results = await asyncio.gather(*(run.wait() for run in runs))
    assert [result.output for result in results] == [[("own.txt", "first")], [("own.txt", "second")]]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["/no/such.csv"], "cannot read '/no/such.csv'"),
        ({"a": b"12345678901"}, "more than 10 bytes"),
        ({str(n): b"" for n in range(9)}, "9 are more than 2"),
    ],
)
async def test_files_that_cannot_be_used_are_refused_before_the_run(files, message):
    limits = Limits(max_files=2, max_file_bytes=10)
    agent = CodeAgent([], ScriptedModel([]), sandbox_pool=FakePool(), limits=limits)
    with pytest.raises(ConfigError, match=message):
        agent.start("Go", files=files)


async def test_an_agent_without_code_refuses_them():
    agent = ToolCallingAgent([], ScriptedModel([]), sandbox_pool=FakePool())
    with pytest.raises(ConfigError, match="runs no code"):
        agent.start("Go", files={"a": b""})


async def test_a_file_that_vanished_ends_the_run_with_its_name(pool, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"x")
    agent = CodeAgent([], ScriptedModel([]), sandbox_pool=pool)
    run = agent.start("Go", files=[path])
    path.unlink()
    result = await run.wait()
    assert result.status == "failed"
    assert "a.csv" in result.error
    assert "No such file" in result.error


async def test_pictures_and_files_go_together():
    model = ScriptedModel([code("final_answer(sorted(input_files))")])
    image = "data:image/png;base64,AAAA"
    agent = CodeAgent([], model, sandbox_pool=FakePool())
    result = await agent.start("Go", files={"a.csv": b"x"}, images=[image]).wait()
    parts = next(m.content for m in reversed(model.requests[0]) if m.role == "user")
    assert [part["type"] for part in parts] == ["text", "image_url", "text"]
    assert json.dumps(result.output) == '["a.csv"]'
