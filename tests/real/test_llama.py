"""What only a server with a real model shows: the cache of a conversation, and the command line's records."""

import json
import os
import subprocess
import sys

import pytest
from real.servers import KEY, SERVERS, TASK

from agentui import CodeAgent

LLAMA = [server for server in SERVERS if server.name == "llama.cpp"]
pytestmark = [
    pytest.mark.llama,
    pytest.mark.timeout(180),
    pytest.mark.parametrize("place", LLAMA, ids=str, indirect=True),
]


def test_a_follow_up_turn_reads_the_conversation_from_the_cache(place):
    agent = CodeAgent(tools=[], model=place.model("solver"), stream_outputs=True, max_steps=4)
    assert agent.run(TASK) == 391
    result = agent.run("What is 12 * 12?", reset=False, return_full_result=True)
    assert result.usage.cached_input_tokens > 400
    assert result.usage.total_tokens == sum(step.usage.total_tokens for step in result.steps)


def test_the_command_line_prints_a_record_a_line(place):
    words = ["run", TASK, "--json", "--base-url", place.tap.base_url, "--model", "smollm2-135m"]
    words += ["--set", "temperature=0", "--set", "max_tokens=120"]
    process = subprocess.run(
        [sys.executable, "-m", "agentui", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": place.tap.base_url},
    )
    records = [json.loads(line) for line in process.stdout.splitlines()]
    assert [record["seq"] for record in records] == list(range(len(records)))
    assert (process.returncode, records[-1]["event"]["output"]) == (0, 391), process.stderr
