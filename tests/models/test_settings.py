"""What `OpenAIServerModel` accepts, what it hides and what it sends to whom."""

import re

import httpx2
import pytest
from openai import Omit
from wire_server import delta, play, sse, wire_server

from agentui.errors import ConfigError, ModelHTTPError
from agentui.models.openai_server import OpenAIServerModel
from agentui.models.retry import Retries
from agentui.models.timing import Timeouts

PROMPT = [{"role": "user", "content": "Say hi."}]
HI = sse(delta("hi", "stop"))
URL = "http://localhost:1/v1"
SECRET = "s3cret value/+é"
HEADER_SECRET = "s3cret-in-a-header"


async def collect(model):
    return [item async for item in model.stream(PROMPT)]


@pytest.mark.parametrize(
    ("options", "secret"),
    [
        ({"extra_headers": {"X-Api-Key": HEADER_SECRET}}, HEADER_SECRET),
        ({"extra_headers": {"Authorization": f"Bearer {HEADER_SECRET}"}}, HEADER_SECRET),
        ({"extra_headers": {"Cookie": f"a=1; sid={HEADER_SECRET}"}}, HEADER_SECRET),
        ({"client_kwargs": {"default_headers": {"X-Auth": HEADER_SECRET}}}, HEADER_SECRET),
        ({"extra_query": {"token": SECRET}}, SECRET),
        ({"client_kwargs": {"default_query": {"subscription-key": SECRET}}}, SECRET),
    ],
)
async def test_secrets_in_headers_and_queries_are_in_no_error(options, secret):
    async def handler(exchange):
        sent = f"{exchange.path} {dict(exchange.headers)}"
        await exchange.reply(
            400, {"error": {"message": f"refused {secret} in {sent}"}}, [("x-request-id", HEADER_SECRET)]
        )

    async with wire_server(handler) as server:
        with pytest.raises(ModelHTTPError) as caught:
            await collect(OpenAIServerModel("m", server.url, "key-1234", **options))
    for text in (str(caught.value), caught.value.body, repr(caught.value)):
        assert "refused [redacted]" in text
        assert "s3cret" not in text


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"timeout": 0}, "timeout"),
        ({"timeout": "5"}, "timeout"),
        ({"timeout": True}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"client_kwargs": {"timeout": httpx2.Timeout(0)}}, "timeout"),
        ({"timeouts": 5}, "timeouts"),
        ({"retries": 5}, "retries"),
        ({"client_kwargs": {"max_retries": "x"}}, "max_retries"),
        ({"client_kwargs": {"max_retries": -1}}, "max_retries"),
        ({"client_kwargs": 5}, "client_kwargs"),
        ({"client_kwargs": {"no_such": 5}}, "no_such"),
        ({"client_kwargs": {"api_key": "k2"}}, "api_key"),
        ({"client_kwargs": {"base_url": "http://other/v1"}}, "base_url"),
        ({"client_kwargs": {"default_headers": 5}}, "default_headers"),
        ({"client_kwargs": {"default_query": 5}}, "default_query"),
        ({"extra_body": 5}, "extra_body"),
        ({"extra_body": {1: 2}}, "extra_body"),
        ({"extra_headers": ["a"]}, "extra_headers"),
        ({"extra_headers": {"x": 5}}, "extra_headers"),
        ({"extra_headers": {"x": "a\nb"}}, "extra_headers"),
        ({"extra_query": "a=b"}, "extra_query"),
        ({"temperature": object()}, "temperature"),
        ({"n": "two"}, "n"),
        ({"api_key": 5}, "api_key"),
        ({"api_base": 5}, "api_base"),
        ({"api_base": "http://["}, "api_base"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line_at_once(options, named):
    with pytest.raises(ConfigError, match=rf"\b{re.escape(named)}\b") as caught:
        OpenAIServerModel("m", **{"api_base": URL, "api_key": "k", **options})
    assert "\n" not in str(caught.value)


def test_what_can_be_used():
    model = OpenAIServerModel("m", URL, timeout=3, n=2, extra_headers={"Authorization": Omit()}, extra_body=None)
    assert model.timeouts == Timeouts.all_at(3)
    client = {"timeout": None, "max_retries": 0, "api_key": "k"}
    assert OpenAIServerModel("m", URL, client_kwargs=client).retries == Retries(attempts=1)


@pytest.mark.parametrize(
    ("base", "options", "sent"),
    [
        ("other", {}, (None, None)),
        ("other", {"organization": "mine"}, ("mine", None)),
        ("other", {"client_kwargs": {"project": "mine"}}, (None, "mine")),
        ("other", {"client_kwargs": {"default_headers": {"OpenAI-Project": "mine"}}}, (None, "mine")),
        ("same", {}, ("org-env", "project-env")),
    ],
)
async def test_the_environments_account_goes_where_its_key_belongs_only(monkeypatch, base, options, sent):
    monkeypatch.setenv("OPENAI_ORG_ID", "org-env")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-env")
    async with wire_server(play(HI)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url if base == "same" else "http://elsewhere/v1")
        await collect(OpenAIServerModel("m", server.url, "k", **options))
        headers = server.exchanges[0].headers
    assert (headers.get("openai-organization"), headers.get("openai-project")) == sent
