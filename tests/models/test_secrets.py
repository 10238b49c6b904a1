"""Who gets to see what: the environment is for its own server only, and a key is in no text but the request."""

import copy
import pickle
import traceback

import pytest
from wire_server import delta, play, sse, wire_server

from agentui.errors import ModelError
from agentui.models.openai_server import OpenAIServerModel
from agentui.models.retry import Retries

PROMPT = [{"role": "user", "content": "Say hi."}]
HI = sse(delta("hi", "stop"))
KEY = "sk-visitor-0123456789"
ENVIRONMENT = {
    "OPENAI_API_KEY": "env-secret-api-key",
    "OPENAI_ADMIN_KEY": "env-secret-admin-key",
    "OPENAI_ORG_ID": "env-secret-org",
    "OPENAI_PROJECT_ID": "env-secret-project",
    "OPENAI_WEBHOOK_SECRET": "env-secret-webhook",
    "OPENAI_CUSTOM_HEADERS": "Authorization: Bearer env-secret-bearer\nX-Team-Token: env-secret-team\nnonsense",
    "OPENAI_BASE_URL": "http://elsewhere.invalid/v1",
}


@pytest.fixture
def environment(monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


async def collect(model):
    return [item async for item in model.stream(PROMPT)]


async def requests(url, handler_server, **options):
    await collect(OpenAIServerModel("m", url, **options))
    return handler_server.exchanges[0].headers


@pytest.mark.parametrize(
    ("options", "authorization"),
    [
        ({}, None),
        ({"api_key": ""}, None),
        ({"api_key": KEY}, f"Bearer {KEY}"),
        ({"client_kwargs": {"api_key": KEY}}, f"Bearer {KEY}"),
        ({"client_kwargs": {"default_headers": {"authorization": "Basic x"}}}, "Basic x"),
        ({"api_key": KEY, "extra_headers": {"Authorization": "Basic x"}}, "Basic x"),
    ],
)
@pytest.mark.usefixtures("environment")
async def test_another_server_gets_nothing_of_the_environment(options, authorization):
    async with wire_server(play(HI)) as server:
        model = OpenAIServerModel("m", server.url, **options)
        await collect(model)
        with pytest.raises(ModelError):
            await model.list_models()
    for exchange in server.exchanges:
        assert "env-secret" not in str(exchange.headers)
        assert exchange.headers.get("authorization") == authorization
    assert [exchange.method for exchange in server.exchanges] == ["POST", "GET"]


@pytest.mark.parametrize(
    ("options", "authorization"),
    [({}, "Bearer env-secret-bearer"), ({"api_key": KEY}, f"Bearer {KEY}"), ({"api_key": ""}, None)],
)
async def test_its_own_server_gets_its_headers_but_a_given_key_comes_first(environment, options, authorization):
    async with wire_server(play(HI)) as server:
        environment.setenv("OPENAI_BASE_URL", server.url)
        headers = await requests(server.url, server, **options)
    assert headers.get("authorization") == authorization
    assert (headers["x-team-token"], headers["openai-organization"]) == ("env-secret-team", "env-secret-org")


async def test_headers_of_the_environment_are_in_no_error(environment):
    async def handler(exchange):
        await exchange.reply(400, {"error": {"message": f"refused {dict(exchange.headers)}"}})

    async with wire_server(handler) as server:
        environment.setenv("OPENAI_BASE_URL", server.url)
        with pytest.raises(ModelError) as caught:
            await collect(OpenAIServerModel("m"))
    assert "env-secret-team" not in str(caught.value) + caught.value.body


def texts_of(thing, seen):
    """`repr` of an object and of everything that its attributes lead to, within this package."""
    if id(thing) in seen:
        return
    seen.add(id(thing))
    yield repr(thing)
    inner = list(vars(thing).values()) if hasattr(thing, "__dict__") else []
    inner += [getattr(thing, name) for name in getattr(type(thing), "__slots__", ()) if hasattr(thing, name)]
    for item in inner if type(thing).__module__.startswith("agentui") else ():
        yield from texts_of(item, seen)


def secret_model(url):
    scheme, rest = url.split("://")
    return OpenAIServerModel(
        "m", f"{scheme}://user:{KEY}@{rest}", KEY, extra_headers={"x-api-key": KEY},
        client_kwargs={"default_headers": {"cookie": KEY}}, retries=Retries(attempts=1),
    )  # fmt: skip


async def test_a_model_can_be_looked_at_without_its_key():
    async with wire_server(play(HI)) as server:
        model = secret_model(server.url)
        await collect(model)
        texts = list(texts_of(model, set()))
    assert len(texts) > 10
    assert not [text for text in texts if KEY in text]
    assert model.api_base == server.url


def test_a_model_is_not_pickled_and_a_copy_shares_the_key():
    model = secret_model("http://localhost/v1")
    with pytest.raises(TypeError) as caught:
        pickle.dumps(model)
    assert KEY not in str(caught.value)
    assert copy.copy(model).api_base == copy.deepcopy(model._place).url == "http://localhost/v1"


@pytest.mark.parametrize("ending", ["refused", "broken", "failed", "nobody"])
async def test_the_locals_of_a_traceback_hold_no_key(ending):
    async def handler(exchange):
        if ending == "refused":
            return await exchange.reply(401, {"error": {"message": f"no {KEY}"}})
        await exchange.start()
        await exchange.send(sse(delta("a"), *([{"error": "boom"}] if ending == "failed" else []), done=False))
        exchange.reset()

    async with wire_server(handler) as server:
        model = secret_model("http://127.0.0.1:1/v1" if ending == "nobody" else server.url)
        with pytest.raises(ModelError) as caught:
            await collect(model)
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "self = " in told
    assert KEY not in told
