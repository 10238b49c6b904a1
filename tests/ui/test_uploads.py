"""Files that visitors attach, as an attacker would send them."""

import asyncio
import io
from urllib.parse import quote

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from agentui.errors import ConfigError
from agentui.events import RunStarted
from agentui.limits import Limits
from agentui.models.scripted import ScriptedModel
from agentui.settings import Settings
from agentui.testing import FakePool
from agentui.ui.choices import Choices
from agentui.ui.connections import Connections
from agentui.ui.feed import Feed
from agentui.ui.service import Service
from agentui.ui.upload_routes import upload_routes
from agentui.ui.uploads import MAX_PIXELS, Room, Uploads, sees_pictures

DEMO = Choices(preset="demo")
PATH = "/gradio_api/agentui/uploads"


def picture(kind="PNG", size=(300, 200)):
    data = io.BytesIO()
    Image.new("RGB", size, "teal").save(data, format=kind)
    return data.getvalue()


@pytest.fixture
def service():
    settings = Settings()
    model = ScriptedModel(["<code>final_answer('seen')</code>"])
    service = Service(settings, Connections(settings, demo_model=lambda: model), FakePool())
    service.model = model
    return service


@pytest.fixture
def client(service):
    return TestClient(Starlette(routes=upload_routes(service.visitors)))


@pytest.fixture
def visitor(service):
    return service.visitors.get(None)


def attach(client, visitor, name, data):
    headers = {"x-agentui-chat": visitor.chat_id, "x-agentui-name": quote(name)}
    return client.post(PATH, content=data, headers=headers)


async def test_a_file_reaches_the_code_and_a_picture_the_model(service, client, visitor):
    assert attach(client, visitor, "sales.csv", b"a,b\n1,2\n").status_code == 201
    assert attach(client, visitor, "map.png", picture()).json()["picture"]
    visitor.uploads.shown = True
    assert await service.send(visitor, "Look", DEMO)
    run = visitor.runs[0].run
    await run.wait()
    started = run.records[0].event
    assert isinstance(started, RunStarted)
    assert [(file.name, file.size_bytes > 0) for file in started.files] == [("sales.csv", True), ("map.png", True)]
    sent = str(service.model.requests[0])
    assert "data:image/png;base64," in sent
    assert "sales.csv" in sent
    assert visitor.uploads.pending == []
    shown = str(visitor.settled)
    assert "sales.csv" in shown
    assert f"uploads/{visitor.uploads._used[1].upload_id}" in shown


async def test_a_model_that_is_not_known_to_see_gets_no_picture(service, client, visitor):
    attach(client, visitor, "map.png", picture())
    said = await service.actions.act(
        {"chat": visitor.chat_id, "verb": "sees_pictures", "preset": "demo", "model_id": "qwen3:8b"}
    )
    assert said["answer"] == {"shown": False, "known": False}
    assert await service.send(visitor, "Look", DEMO)
    await visitor.runs[0].run.wait()
    assert "data:image" not in str(service.model.requests[0])


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\a.txt", "a.txt"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("", "file"),
        (".bashrc", "bashrc"),
    ],
)
def test_names_lead_nowhere(client, visitor, name, plain):
    assert attach(client, visitor, name, b"x").json()["name"] == plain
    assert visitor.uploads.pending[0].path.parent == visitor.uploads._folder


@pytest.mark.parametrize("name", ["x.svg", "x.html", "x.png"])
def test_active_content_is_never_served(client, visitor, name):
    data = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    said = attach(client, visitor, name, data).json()
    assert not said["picture"]
    assert client.get(f"{PATH}/{said['id']}").status_code == 404


def test_only_a_new_drawing_of_a_picture_is_served(client, visitor):
    said = attach(client, visitor, "x.gif", picture("GIF") + b"<script>alert(1)</script>").json()
    answer = client.get(f"{PATH}/{said['id']}")
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert b"script" not in answer.content
    assert max(Image.open(io.BytesIO(answer.content)).size) <= 160


def test_a_picture_bomb_is_only_a_file(client, visitor):
    side = int(MAX_PIXELS**0.5) + 100
    assert not attach(client, visitor, "bomb.png", picture(size=(side, side))).json()["picture"]
    assert not attach(client, visitor, "cut.png", picture()[:60]).json()["picture"]


def test_too_much_is_refused_in_words_and_leaves_nothing(client, visitor):
    visitor.uploads._limits = Limits(max_files=2, max_file_bytes=1_000_000)
    said = attach(client, visitor, "big", b"x" * 1_000_001)
    assert said.status_code == 413
    assert "1 MB at most" in said.json()["error"]

    headers = {"x-agentui-chat": visitor.chat_id, "x-agentui-name": "nobody says how long"}
    assert client.post(PATH, content=iter([b"x" * 65_536] * 20), headers=headers).status_code == 413
    assert attach(client, visitor, "a", b"1").status_code == 201
    assert attach(client, visitor, "a", b"2").json()["name"] == "a-2"
    assert "2 files at most" in attach(client, visitor, "a", b"3").json()["error"]
    assert len(list(visitor.uploads._folder.iterdir())) == 2


def test_nobody_attaches_to_a_chat_that_is_not_known_and_others_files_stay_out_of_reach(service, client, visitor):
    other = service.visitors.get(None)
    said = attach(client, visitor, "mine.txt", b"secret").json()
    assert client.post(PATH, content=b"x", headers={"x-agentui-chat": "guessed"}).status_code == 404
    other.uploads.remove(said["id"])
    assert [upload.name for upload in visitor.uploads.pending] == ["mine.txt"]
    assert "mine.txt" not in Feed(other).take()
    assert "mine.txt" in Feed(visitor).take()


async def test_what_was_attached_is_deleted_with_its_task_chat_or_visitor(service, client, visitor):
    kept = attach(client, visitor, "kept.txt", b"1").json()
    attach(client, visitor, "gone.txt", b"2")
    folder = visitor.uploads._folder
    visitor.uploads.remove(kept["id"])
    assert len(list(folder.iterdir())) == 1
    await service.send(visitor, "Go", DEMO)
    await visitor.runs[0].run.wait()
    assert len(list(folder.iterdir())) == 1  # the conversation may need it again
    await visitor.new_chat()
    assert list(folder.iterdir()) == []
    attach(client, visitor, "late.txt", b"3")
    await service.close()
    assert list(folder.iterdir()) == []


async def test_files_of_a_task_that_cannot_begin_stay_attached(service, client, visitor):
    attach(client, visitor, "a.txt", b"1")
    assert not await service.send(visitor, "Go", Choices(preset="demo", max_cost_usd="0.5"))
    assert [upload.name for upload in visitor.uploads.pending] == ["a.txt"]


def test_all_visitors_together_have_a_bound():
    uploads = Uploads(Room(10), lambda: None)
    with uploads.receive("a") as receiving:
        receiving.write(b"x" * 8)
    with pytest.raises(ConfigError, match="no room"), uploads.receive("b") as receiving:
        receiving.write(b"x" * 8)
    assert len(list(uploads._folder.iterdir())) == 1
    uploads.close()
    assert uploads._room.left == 10


def test_what_is_on_its_way_counts_and_gives_its_room_back():
    room = Room(100)
    uploads, other = (Uploads(room, lambda: None, Limits(max_files=2, max_file_bytes=60)) for _ in range(2))
    with uploads.receive("a") as first, uploads.receive("b") as second:
        first.write(b"x" * 40)
        with pytest.raises(ConfigError, match="attach less"):
            second.write(b"x" * 40)
        with pytest.raises(ConfigError, match="2 files at most"):
            uploads.receive("c")
        with other.receive("d") as third:
            third.write(b"x" * 60)
            with pytest.raises(ConfigError, match="no room"):
                second.write(b"x")
    assert {upload.name for upload in uploads.pending} == {"a", "b"}
    with pytest.raises(ConfigError, match="attach less"), other.receive("e") as late:
        late.write(b"x")
    other.remove(other.pending[0].upload_id)
    assert room.left == 60
    with pytest.raises(ConfigError, match="not there any more"), other.receive("f") as late:
        other.close()
    uploads.close()
    assert room.left == 100
    assert list(uploads._folder.iterdir()) == list(other._folder.iterdir()) == []


async def test_a_new_chat_keeps_the_files_of_what_was_sent_in_it_at_once(service, client, visitor):
    attach(client, visitor, "old.txt", b"1")
    await service.send(visitor, "Go", DEMO)
    leaving = asyncio.ensure_future(visitor.new_chat())
    await asyncio.sleep(0)
    with visitor.uploads.receive("new.txt") as receiving:
        receiving.write(b"2")
    visitor.uploads.take()
    await leaving
    assert [path.read_bytes() for path in visitor.uploads._folder.iterdir()] == [b"2"]


@pytest.mark.parametrize(
    ("model", "sees"),
    [
        ("gpt-4o-mini", True),
        ("qwen2.5-vl:7b", True),
        ("claude-sonnet-4", True),
        ("qwen3:8b", False),
        ("deepseek-chat", False),
    ],
)
def test_which_models_see(model, sees):
    assert sees_pictures(model) is sees
