"""`/run` as an MCP tool, over HTTP, with the client of the `mcp` package."""

import asyncio
import json
import urllib.request
from contextlib import asynccontextmanager

import httpx
import pytest
from mcp import ClientSession, McpError, types
from mcp.client.streamable_http import streamable_http_client

from agentui.models.gate import Gate
from agentui.testing import serve_chat
from tests.serving import eventually

ANSWER = "I add.\n<code>print(1 + 1)\nfinal_answer({'sum': 2})</code>"


@pytest.fixture
def connect(url):
    @asynccontextmanager
    async def connect(**headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with (
            httpx.AsyncClient(headers=named, timeout=15) as http,
            streamable_http_client(f"{url}gradio_api/mcp/", http_client=http) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            yield session

    return connect


def text_of(result):
    return "".join(part.text for part in result.content)


async def test_run_is_the_only_tool_and_says_what_it_takes(connect):
    async with connect() as session:
        (tool,) = (await session.list_tools()).tools
        assert session.get_server_capabilities().resources is None
        assert session.get_server_capabilities().prompts is None
    assert tool.name == "run"
    assert "Run a task with an agent" in tool.description
    assert list(tool.inputSchema["properties"]) == ["task", "preset", "model_id", "base_url", "max_steps"]
    assert tool.inputSchema["required"] == ["task"]
    assert all(field["description"] for field in tool.inputSchema["properties"].values())
    assert tool.inputSchema["properties"]["max_steps"]["type"] in {"integer", "number"}


async def test_the_answer_is_the_result_and_steps_are_progress(connect, stage):
    stage.plays(ANSWER)
    told = []

    async def on_progress(progress, total, message):
        told.append((progress, message))

    async with connect() as session:
        result = await session.call_tool("run", {"task": "Add"}, progress_callback=on_progress)
    assert not result.isError
    assert json.loads(text_of(result)) == {"sum": 2}
    assert result.structuredContent["status"] == "completed"
    assert result.structuredContent["output"] == {"sum": 2}
    assert result.structuredContent["usage"]["total_tokens"] > 0
    assert [number for number, _ in told] == list(range(1, len(told) + 1))
    assert [message for _, message in told] == ["Step 1 (action)", "Runs 2 lines of code"]


async def test_progress_comes_while_it_runs(connect, stage):
    gate, begun = Gate(), asyncio.Event()
    stage.plays(["Some words", gate, ANSWER])

    async def on_progress(progress, total, message):
        begun.set()

    async with connect() as session:
        call = asyncio.create_task(session.call_tool("run", {"task": "Add"}, progress_callback=on_progress))
        await begun.wait()
        assert not call.done()
        gate.open()
        assert not (await call).isError


async def test_a_client_that_hangs_up_stops_its_run(connect, stage, service):
    begun = asyncio.Event()
    stage.plays(["Begun", Gate(), "never"])

    async def on_progress(progress, total, message):
        begun.set()

    async with connect() as session:
        call = asyncio.create_task(session.call_tool("run", {"task": "Go"}, progress_callback=on_progress))
        await begun.wait()
        (run,) = service.worker.running
    call.cancel()
    assert eventually(lambda: run.done)
    assert run.records[-1].event.status == "stopped"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"task": ""}, "empty"),
        ({}, "required"),
        ({"task": "Go", "preset": "nonsense"}, "preset"),
        ({"task": "Go", "max_steps": "many"}, "many"),
        ({"task": "Go", "api_key": "sk-planted-key"}, "no argument 'api_key'"),
    ],
)
async def test_bad_arguments_are_one_clear_message(connect, stage, arguments, said):
    stage.plays()
    async with connect() as session:
        result = await session.call_tool("run", arguments)
    assert result.isError
    assert said in text_of(result)
    assert "sk-planted-key" not in text_of(result)


async def test_what_is_no_tool_is_not_answered(connect):
    async with connect() as session:
        assert (await session.call_tool("send", {})).isError
        for request in (session.list_prompts, session.list_resources):
            with pytest.raises(McpError, match="Method not found"):
                await request()
        with pytest.raises(McpError, match="Method not found"):
            await session.get_prompt("run", {"task": "Go"})


async def test_the_key_goes_from_a_header_to_the_server_and_nowhere_else(connect, caplog):
    caplog.set_level("DEBUG")
    with serve_chat("<code>final_answer('served')</code>") as server:
        async with connect(x_agentui_key="sk-planted-key") as session:
            arguments = {"task": "Go", "preset": "custom", "model_id": "test-model", "base_url": server.base_url}
            result = await session.call_tool("run", arguments)
    assert text_of(result) == "served"
    assert server.requests[0].headers["authorization"] == "Bearer sk-planted-key"
    assert "sk-planted-key" not in result.model_dump_json()
    assert not [record for record in caplog.records if "sk-planted-key" in record.getMessage()]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"host": "evil.example"}, 421),
    ],
)
@pytest.mark.parametrize("path", ["mcp/", "mcp", "mcp/schema", "mcp/sse"])
async def test_other_sites_and_foreign_names_are_refused(url, headers, status, path):
    async with httpx.AsyncClient() as http:
        asked = await http.post(f"{url}gradio_api/{path}", json={}, headers=headers)
    assert asked.status_code == status


def test_the_page_finds_the_schema(url):
    with urllib.request.urlopen(f"{url}gradio_api/mcp/schema", timeout=10) as response:
        (schema,) = json.load(response)
    assert schema["name"] == "run"
    assert types.Tool.model_validate(schema)
