"""A server that fails on purpose, watches what the client does about it, and passes a verdict."""

import pytest
from builders import kinds, of_type
from real.servers import SERVERS, SOLUTION, TASK, call, post

from agentui import CodeAgent
from agentui.events import ModelRetried

FAULTS = [
    {"type": "fail", "status": 429, "retry_after": 0.3},
    {"type": "fail", "status": 503, "times": 2},
    {"type": "stream_fault", "kind": "disconnect", "after_chunks": 4},
    {"type": "stream_fault", "kind": "truncate", "after_chunks": 4},
]
LLMOCK = [server for server in SERVERS if server.name == "llmock"]
pytestmark = pytest.mark.parametrize("place", LLMOCK, ids=str, indirect=True)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "-".join(map(str, list(fault.values())[1:3])))
async def test_an_agent_gets_over_a_failure_and_the_server_finds_nothing_wrong(place, fault):
    call("DELETE", place.port, "/_llmock/requests")
    post(place.port, "/_llmock/scenario", {"behaviors": [fault]})
    run = CodeAgent(tools=[], model=place.model("solver"), stream_outputs=True).start(TASK)
    result = await run.wait()
    assert (result.status, result.output) == ("completed", 391), result.error
    verdict = call("GET", place.port, "/_llmock/verdict")
    assert (verdict["faults_injected"], verdict["findings"]) == (fault.get("times", 1), [])
    retries = of_type(run.records, ModelRetried)
    assert len(retries) == fault.get("times", 1)
    assert kinds(run.records).count("step_finished") == 1
    assert result.usage.source == ("mixed" if retries[0].partial else "reported")
    if "retry_after" in fault:
        assert retries[0].wait_s == fault["retry_after"]
    if fault.get("after_chunks"):
        assert retries[0].partial


async def test_an_answer_with_an_event_that_cannot_be_read_is_asked_for_again_and_what_came_before_is_kept(place):
    fault = {"type": "stream_fault", "kind": "malformed", "after_chunks": 5, "times": 1}
    post(place.port, "/_llmock/scenario", {"behaviors": [fault]})
    run = CodeAgent(tools=[], model=place.model("solver"), stream_outputs=True).start(TASK)
    result = await run.wait()
    assert (result.status, result.output) == ("completed", 391), result.error
    [retried] = of_type(run.records, ModelRetried)
    assert "cannot be read" in retried.reason
    assert "\n" not in retried.reason
    assert retried.partial.startswith("I multiply")
    assert retried.partial in SOLUTION
