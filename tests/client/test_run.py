"""The typed endpoint, as programs use it: over HTTP, with the ordinary client."""

import subprocess
import sys

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from agentui.events import RECORD
from agentui.models.gate import Gate
from agentui.models.scripted import ScriptedModel
from agentui.testing import serve_chat
from agentui.view import fold
from tests.serving import eventually

ANSWER = "I add.\n<code>print(1 + 1)\nfinal_answer(2)</code>"


def first_of(job, kind):
    return next(record for record in job if record["event"]["type"] == kind)


def test_records_come_as_they_happen_and_in_order(client, stage):
    gate = Gate()
    stage.plays(["Some ", "words", gate, ANSWER])
    job = client.submit("Go", api_name="/run")
    assert first_of(job, "text_delta")["event"]["text"] == "Some "
    assert not job.done()
    gate.open()
    records = [RECORD.validate_python(record) for record in job.outputs()] if job.result() else []
    assert [record.seq for record in records] == list(range(len(records)))
    assert fold(records).end.output == 2


def test_two_clients_do_not_mix(url, client, stage):
    gates = [Gate(), Gate()]
    stage.plays(["mine", gates[0], "<code>final_answer('one')</code>"])
    stage.plays(["zebra", gates[1], "<code>final_answer('two')</code>"])
    first = client.submit("First", api_name="/run")
    first_of(first, "text_delta")
    other = Client(url, verbose=False)
    second = other.submit("Second", api_name="/run")
    first_of(second, "text_delta")
    for gate in gates:
        gate.open()
    assert first.result()["event"]["output"] == "one"
    assert second.result()["event"]["output"] == "two"
    assert "zebra" not in str(first.outputs())
    assert len({record["run_id"] for job in (first, second) for record in job.outputs()}) == 2
    other.close()


def test_cancelling_the_job_stops_the_run(client, stage, service):
    stage.plays(["Begun", Gate(), "never"])
    job = client.submit("Go", api_name="/run")
    run_id = first_of(job, "text_delta")["run_id"]
    job.cancel()
    run = service.worker.get(run_id)
    assert run is not None
    assert eventually(lambda: run.done)
    assert run.records[-1].event.status == "stopped"


def test_a_client_that_dies_stops_its_run(url, stage, service):
    stage.models.append(ScriptedModel([["and so on "] * 10_000], delta_delay_s=0.01))
    program = f"""
from gradio_client import Client
for record in Client({url!r}, verbose=False).submit("Go", api_name="/run"):
    if record["event"]["type"] == "text_delta":
        print(record["run_id"], flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        run = service.worker.get(process.stdout.readline().strip())
        assert not run.done
        process.kill()
    assert eventually(lambda: run.done)
    assert run.records[-1].event.status == "stopped"


def test_the_key_goes_into_a_header_and_to_the_server(url):
    with serve_chat("<code>final_answer('served')</code>") as server:
        client = Client(url, verbose=False, headers={"x-agentui-key": "sk-planted"})
        last = client.predict("Go", "custom", "test-model", server.base_url, api_name="/run")
        client.close()
    assert last["event"]["output"] == "served"
    assert server.requests[0].headers["authorization"] == "Bearer sk-planted"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("",), "empty"),
        (("Go", "nonsense"), "preset"),
        (("Go", "custom", "m", "no url"), "base URL"),
        (("Go", "demo", "", "", 0), "Steps is '0'"),
    ],
)
def test_bad_arguments_are_one_clear_message(client, stage, arguments, said):
    stage.plays()
    with pytest.raises(AppError, match=said):
        client.predict(*arguments, api_name="/run")


def test_the_endpoint_is_typed_and_the_only_one(client):
    api = client.view_api(return_format="dict", print_info=False)
    assert list(api["named_endpoints"]) == ["/run"]
    assert api["unnamed_endpoints"] == {}
    parameters = api["named_endpoints"]["/run"]["parameters"]
    assert [parameter["parameter_name"] for parameter in parameters] == [
        "task",
        "preset",
        "model_id",
        "base_url",
        "max_steps",
    ]
    assert parameters[4]["python_type"]["type"] in {"int", "float"}
