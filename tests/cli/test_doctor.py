"""What `agentui doctor` says of a model server."""

import json

from agentui.testing import serve_chat


def test_the_doctor_says_it_in_flags(agentui):
    with serve_chat(["he", "llo"]) as chat:
        done = agentui("doctor", "--json", "--base-url", chat.base_url, "--model", "test-model")
    (finding,) = [each for each in json.loads(done.stdout)["findings"] if each["name"] == "endpoint"]
    assert finding["ok"]
    assert "'test-model' answers" in finding["detail"]
    done = agentui("doctor", "--base-url", chat.base_url)
    assert "nothing listens there; start the server, or correct the port in --base-url" in done.stdout
