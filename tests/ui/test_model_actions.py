"""What the settings panel is told about a model server."""

import asyncio
import json

import pytest

from agentui.models.scripted import ScriptedModel
from agentui.settings import Settings
from agentui.testing import FakePool, Gate, Reply, serve_chat
from agentui.ui.connections import Connections, keep_key
from agentui.ui.service import Service

KEY = "sk-planted-7d1f0c-9f2"


@pytest.fixture
def service():
    return make_service()


def make_service(**settings):
    settings = Settings(**settings)
    return Service(settings, Connections(settings, demo_model=lambda: ScriptedModel([])), FakePool())


async def ask(service, verb, visitor=None, **fields):
    visitor = visitor or service.visitors.get(None)
    return await service.actions.act({"chat": visitor.chat_id, "verb": verb, "preset": "custom", **fields})


async def test_the_models_of_a_server_are_listed(service):
    with serve_chat(model_id="qwen3-coder") as server:
        said = await ask(service, "models", base_url=server.base_url)
    assert said == {"answer": {"models": ["qwen3-coder"], "problem": None}}


async def test_why_there_is_no_list_is_said_in_the_words_of_the_page(service):
    with serve_chat() as server:
        url = server.base_url
    problem = (await ask(service, "models", base_url=url))["answer"]["problem"]
    assert "cannot be reached" in problem or "nothing" in problem.lower()
    assert "api_base" not in problem


async def test_a_test_tells_what_works_and_uses_the_key_that_is_kept_for_this_address(service):
    visitor = service.visitors.get(None)
    with serve_chat("hello there", "hello again") as server, serve_chat("hello") as other:
        keep_key(visitor, server.base_url, KEY)
        said = await ask(service, "test_model", visitor, base_url=server.base_url, model_id="test-model")
        await ask(service, "test_model", visitor, base_url=other.base_url, model_id="test-model")
    answer = said["answer"]
    assert answer["ok"]
    assert answer["summary"].startswith("'test-model' answers")
    assert "The key is accepted." in answer["facts"]
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in str(other.requests[0].headers)


async def test_a_test_that_fails_says_why_and_never_the_key(service):
    refusal = Reply(401, json.dumps({"error": {"message": f"bad key {KEY}"}}).encode())
    with serve_chat([refusal]) as server:
        said = await ask(service, "test_model", base_url=server.base_url, model_id="m", key=KEY)
    assert not said["answer"]["ok"]
    assert "key was refused" in said["answer"]["summary"]
    assert "planted" not in str(said)


async def test_without_a_model_id_the_server_is_tried(service):
    with serve_chat(model_id="qwen3-coder") as server:
        said = await ask(service, "test_model", base_url=server.base_url)
    assert "qwen3-coder" in said["answer"]["summary"]
    assert "Choose a model id" in said["answer"]["summary"]


@pytest.mark.parametrize("verb", ["models", "test_model"])
@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1", "http://[::ffff:10.0.0.1]/v1", "http://localhost/v1"])
async def test_on_a_shared_server_private_addresses_are_out_of_reach(verb, url):
    said = await ask(make_service(share=True), verb, base_url=url, model_id="m")
    assert "not a public address" in said["error"]


async def test_only_the_newest_question_of_a_visitor_is_asked_on(service):
    visitor, gate = service.visitors.get(None), Gate()
    with serve_chat(["he", gate, "llo"], "hello") as server:
        fields = {"base_url": server.base_url, "model_id": "test-model"}
        first = asyncio.ensure_future(ask(service, "test_model", visitor, **fields))
        await gate.reached
        second = await ask(service, "test_model", visitor, **fields)
        assert await first == {"answer": None}
        await asyncio.wait_for(server.requests[0].closed.wait(), 5)
    assert second["answer"]["ok"]


@pytest.mark.parametrize("fields", [{"preset": 7}, {"base_url": ["x"]}, {"key": "k" * 5_000}, {"preset": "nonsense"}])
async def test_what_makes_no_sense_is_refused_in_words(service, fields):
    said = await ask(service, "models", **fields)
    assert said["error"].endswith(".")


async def test_the_demo_needs_no_server(service):
    said = await ask(service, "test_model", preset="demo")
    assert said["answer"]["ok"]
    assert (await ask(service, "models", preset="demo"))["answer"]["models"] == ["fast", "slow"]
