"""The whole way on a real model: `CodeAgent`, HTTP, streaming, the sandbox, and the server's own count of tokens."""

import asyncio
import json
import os
import subprocess
import sys
import urllib.request

import pytest
from builders import of_type

from agentui import CodeAgent, OpenAIServerModel
from agentui.events import CodeDelta, StepFinished, TextDelta

pytestmark = [pytest.mark.llama, pytest.mark.timeout(180)]


@pytest.fixture
def model(llama_url):
    return OpenAIServerModel(model_id="smollm2-135m", api_base=llama_url, api_key="none", temperature=0, max_tokens=120)


def test_a_real_model_solves_a_task_with_the_usage_its_server_reports(model, llama_url):
    agent = CodeAgent(tools=[], model=model, stream_outputs=True, max_steps=4)
    result = agent.run("What is 17 * 23?", return_full_result=True)
    assert (result.status, result.output) == ("completed", 391)
    assert result.usage.source == "reported"
    assert len(of_type(result.records, CodeDelta)) > 3
    assert of_type(result.records, TextDelta)
    first = of_type(result.records, StepFinished)[0].usage
    assert (first.input_tokens, first.output_tokens) == _ask_directly(agent, llama_url)


def test_a_follow_up_turn_reads_the_conversation_from_the_cache(model):
    agent = CodeAgent(tools=[], model=model, stream_outputs=True, max_steps=4)
    assert agent.run("What is 17 * 23?") == 391
    result = agent.run("What is 12 * 12?", reset=False, return_full_result=True)
    assert result.usage.cached_input_tokens > 400
    assert result.usage.total_tokens == sum(step.usage.total_tokens for step in result.steps)


async def test_the_model_stops_writing_when_the_run_is_stopped(model):
    agent = CodeAgent(tools=[], model=model, stream_outputs=True)
    run = agent.start("Write a very long story about a fox.")
    async for batch in run.subscribe():
        if of_type(batch, TextDelta):
            run.stop()
    assert run.result.status == "stopped"
    assert run.result.usage.output_tokens > 0
    # The server has one slot: it can only answer this if it noticed that nobody reads the story any more.
    assert (await asyncio.to_thread(model.generate, [{"role": "user", "content": "Hi"}])).finish_reason is not None


def test_the_command_line_prints_a_record_a_line(llama_url):
    words = ["run", "What is 17 * 23?", "--json", "--base-url", llama_url, "--model", "smollm2-135m"]
    words += ["--set", "temperature=0", "--set", "max_tokens=120"]
    process = subprocess.run(
        [sys.executable, "-m", "agentui", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "OPENAI_API_KEY": "x"},
    )
    records = [json.loads(line) for line in process.stdout.splitlines()]
    assert [record["seq"] for record in records] == list(range(len(records)))
    assert (process.returncode, records[-1]["event"]["output"]) == (0, 391), process.stderr


def _ask_directly(agent, url):
    """What the server itself counts for the first request of the run above."""
    messages = [{"role": m.role, "content": m.content} for m in agent.spec.opening_messages()]
    messages.append({"role": "user", "content": "What is 17 * 23?"})
    body = {"messages": messages, "temperature": 0, "max_tokens": 120, "stop": ["</code>"]}
    request = urllib.request.Request(
        f"{url}/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request) as response:
        usage = json.load(response)["usage"]
    return usage["prompt_tokens"], usage["completion_tokens"]
