"""`agentui run` against a real server on loopback; as a process of its own where signals and pipes matter."""

import json
import os
import signal
import subprocess
import sys

import pytest

from agentui.testing import Drop, Gate, Raw, Reply, serve_chat
from agentui.usage import TokenUsage

ANSWER = ["I compute it.\n<code>\n", "print('working')\nfinal_answer(17 * 23)\n</code>", TokenUsage(40, 9)]
pytestmark = pytest.mark.timeout(60)


def start(*words):
    return subprocess.Popen(
        [sys.executable, "-m", "agentui", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def on(server):
    return ["--base-url", server.base_url, "--model", "m"]


def last(done):
    return json.loads(done.stdout.splitlines()[-1])["event"]


def test_a_task_runs_live_to_its_answer(agentui):
    with serve_chat(ANSWER) as server:
        done = agentui("run", "What is 17 * 23?", *on(server))
    assert done.returncode == 0, done.stderr
    for shown in ("Step 1", "I compute it.", "final_answer(17 * 23)", "working", "Answer: 391", "40 tokens in, 9 out"):
        assert shown in done.stdout


def test_records_are_printed_one_a_line(agentui):
    with serve_chat(ANSWER) as server:
        done = agentui("run", "What is 17 * 23?", "--json", *on(server))
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["seq"] for record in records] == list(range(len(records)))
    assert records[0]["event"]["type"] == "run_started"
    assert records[-1]["event"] == {
        "status": "completed",
        "output": 391,
        "error": None,
        "usage": {
            "input_tokens": 40,
            "output_tokens": 9,
            "total_tokens": 49,
            "cached_input_tokens": None,
            "reasoning_tokens": None,
            "source": "reported",
            "cost_usd": None,
        },
        "cost": None,
        "duration_s": records[-1]["event"]["duration_s"],
        "type": "run_finished",
    }


def test_a_chunk_is_printed_while_the_server_waits_with_the_next():
    gate = Gate("held back")
    with serve_chat(["First chunk", gate, *ANSWER]) as server:
        process = start("run", "task", "--json", *on(server))
        for line in process.stdout:
            event = json.loads(line)["event"]
            if event["type"] == "text_delta":
                break
        assert event["text"] == "First chunk"
        assert not gate.is_open
        gate.open()
        rest = process.communicate(timeout=30)[0]
    assert json.loads(rest.splitlines()[-1])["event"]["status"] == "completed"


def test_ctrl_c_stops_a_stalled_server_at_once_and_keeps_what_was_said():
    gate = Gate("never")
    with serve_chat(["Half a thought", gate]) as server:
        process = start("run", "task", "--json", *on(server))
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "text_delta" in line:
                break
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=30)
        server.requests[0].closed.wait_blocking()
        gate.open()
    events = [json.loads(line)["event"] for line in [*lines, *rest.splitlines()]]
    assert (process.returncode, events[-1]["status"]) == (130, "stopped"), errors
    assert events[-2]["thought"] == "Half a thought"
    assert events[-1]["usage"]["source"] == "estimated"
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("answer", "until"),
    [([Gate("before the first byte")], None), ([Reply(503, "busy", {"retry-after": "30"})], "model_retried")],
    ids=["before the first byte", "waiting for a retry"],
)
def test_ctrl_c_ends_a_run_that_has_nothing_to_show_yet(answer, until):
    with serve_chat(answer) as server:
        process = start("run", "task", "--json", *on(server))
        lines = []
        for line in process.stdout:
            lines.append(line)
            if (until or "step_started") in line:
                break
        if until is None:
            answer[0].reached.wait_blocking(30)
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=30)
        server.requests[0].closed.wait_blocking()
    events = [json.loads(line)["event"] for line in [*lines, *rest.splitlines()]]
    assert (process.returncode, events[-1]["status"]) == (130, "stopped"), errors
    assert ("upstream_closed" in [event["type"] for event in events]) == (until is None)
    assert (events[-1]["usage"]["total_tokens"] > 0) == (until is None)
    assert "Traceback" not in errors


def test_parameters_are_sent_with_the_request(agentui):
    with serve_chat(ANSWER) as server:
        agentui("run", "task", *on(server), "--set", "temperature=0", "--set", "user=me")
        body = server.requests[0].body
    assert (body["temperature"], body["user"]) == (0, "me")


def test_quiet_prints_the_answer_alone(agentui):
    with serve_chat(ANSWER) as server:
        done = agentui("run", "task", "--quiet", *on(server))
    assert done.stdout == "391\n"


def test_the_environment_names_the_server(agentui, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-of-mine")
    with serve_chat(ANSWER) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        done = agentui("run", "task", "--json")
        assert server.requests[0].headers["authorization"] == "Bearer sk-secret-of-mine"
    assert last(done)["output"] == 391, done.stderr
    assert "sk-secret-of-mine" not in done.stdout + done.stderr


def test_without_a_model_the_demo_answers_and_says_so(agentui):
    done = agentui("run", "What is 17 * 23?", "--json")
    assert last(done)["status"] == "completed"
    assert "demo" in done.stderr


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([Reply(401, '{"error": {"message": "bad key"}}')], ["401", "key"]),
        ([Reply(404, '{"error": {"message": "no such model"}}')], ["404", "model"]),
        ([Reply(500, "oops")], ["500"]),
        ([Reply(200, "<html><body>Welcome</body></html>", {"content-type": "text/html"})], ["text/html"]),
        ([Raw(b"data: {broken"), Drop()], []),
    ],
    ids=["401", "404", "500", "html", "broken"],
)
def test_a_failing_server_is_one_clear_line_and_status_1(agentui, answer, said):
    with serve_chat(*[answer] * 8) as server:
        done = agentui("run", "task", "--json", *on(server))
    assert done.returncode == 1
    assert last(done)["status"] == "failed"
    for word in said:
        assert word in last(done)["error"]
    assert "\n" not in last(done)["error"]
    assert "Traceback" not in done.stderr


def test_a_server_that_is_not_there_is_named(agentui):
    done = agentui("run", "task", "--json", "--base-url", "http://127.0.0.1:9/v1", "--model", "m")
    assert done.returncode == 1
    assert "127.0.0.1:9" in last(done)["error"]


def test_a_limit_ends_with_status_3_and_says_how_to_get_further(agentui):
    with serve_chat(["<code>\nx = 1\n</code>"], ["<code>\nx = 2\n</code>"]) as server:
        done = agentui("run", "task", "--json", "--max-steps", "2", *on(server))
    assert (done.returncode, last(done)["status"]) == (3, "limit")
    assert done.stderr == "agentui: for more, run it again with --max-steps 3\n"


def test_a_limit_inside_an_answer_is_told_in_the_words_of_the_command_line(agentui):
    gate = Gate("never")
    with serve_chat(["word " * 3000, gate]) as server:
        done = agentui("run", "task", "--max-tokens", "2000", *on(server))
        server.requests[0].closed.wait_blocking()
        gate.open()
    assert done.returncode == 3
    assert "Limit reached: the token limit is used up (" in done.stdout
    assert "of --max-tokens 2000, and the next request needs about " in done.stdout
    assert "max_tokens" not in done.stdout + done.stderr
    assert done.stderr.startswith("agentui: for more, run it again with --max-tokens ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", ""], "the task is empty"),
        (["run", "t", "--max-steps", "0"], "agentui: --max-steps 0 is not a whole number above 0"),
        (["run", "t", "--max-seconds", "nan"], "agentui: --max-seconds nan is not a number above 0"),
        (["run", "t", "--planning-interval", "0"], "agentui: --planning-interval 0 is not a whole number above 0"),
        (["run", "t", "--max-steps", "many"], "invalid int value"),
        (["run", "t", "--preset", "nowhere"], "unknown preset 'nowhere'"),
        (["run", "t", "--model", "some-model"], "no server for model 'some-model'"),
        (["run", "t", "--api-key-env", "NO_SUCH_KEY"], "NO_SUCH_KEY is not set"),
        (["run", "t", "--base-url", "http://127.0.0.1:9", "--model", "m", "--set", "hot"], "'hot' is not of the form"),
        (["run", "t", "--image", "/no/such.png"], "agentui: --image: cannot read '/no/such.png'"),
        (["run", "t", "--max-cost", "1"], "agentui: --max-cost-usd needs a price, and that of"),
        (["run", "t", "--file", "/no/such.csv"], "agentui: --file: cannot read '/no/such.csv'"),
        (["run", "t", "--file", "/dev"], "no plain file"),
        (["run", "t", "--base-url", "not a url", "--model", "m"], "not a url"),
        (["run"], "the following arguments are required: task"),
        (["frobnicate"], "invalid choice: 'frobnicate'"),
        (["replay", "/no/such.jsonl"], "/no/such.jsonl"),
        (["rerun", "/no/such.jsonl"], "/no/such.jsonl"),
        (["export", "pyproject.toml"], "line 1 is not a record"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None,
)
def test_bad_input_is_one_clear_line_and_status_2(agentui, words, said):
    done = agentui(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_output_cannot_steer_the_terminal(agentui):
    steering = "<code>\nprint('\\x1b[2J\\x1b]0;owned\\x07harmless')\nfinal_answer('\\x1b[31mred')\n</code>"
    with serve_chat([steering]) as server:
        done = agentui("run", "task", *on(server))
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout
    assert "harmless" in done.stdout


def test_a_reader_that_goes_away_ends_the_run_quietly():
    gate = Gate("never")
    with serve_chat(["word " * 50_000, gate]) as server:
        with start("run", "task", "--json", *on(server)) as process:
            process.stdout.readline()
            process.stdout.close()
            assert process.wait(timeout=30) == 130
            assert "Traceback" not in process.stderr.read()
        gate.open()


def test_a_recorded_run_is_replayed_and_exported(agentui, tmp_path):
    with serve_chat(ANSWER) as server:
        done = agentui("run", "What is 17 * 23?", "--json", *on(server))
    recorded = tmp_path / "run.jsonl"
    recorded.write_text(done.stdout + '{"run_id": "r", "seq": 99, "t": 1, "event": {"type": "from_the_future"}}\n')
    replayed = agentui("replay", str(recorded), "--speed", "0")
    assert "Answer: 391" in replayed.stdout, replayed.stderr
    document = agentui("export", str(recorded)).stdout
    assert document.startswith("# What is 17 * 23?")
    assert "```python\nprint('working')\nfinal_answer(17 * 23)\n```" in document
    table = agentui("export", str(recorded), "--format", "usage-csv").stdout.splitlines()
    assert table[1].split(",")[1:10] == ["m", "1", "action", "1", "False", "40", "False", "9", "False"]


@pytest.mark.parametrize("command", ["", "serve", "run", "replay", "rerun", "export", "deploy", "doctor"])
def test_every_command_explains_itself_with_an_example(agentui, command):
    done = agentui(*command.split(), "--help")
    assert done.returncode == 0
    assert "Example: agentui" in done.stdout


def test_doctor_tells_of_the_sandbox_and_the_tokenizer(agentui):
    done = agentui("doctor", "--json")
    found = json.loads(done.stdout)
    assert found["sandbox"]["tier"] in {"A", "B", "C", "D", "U"}
    assert {"sandbox", "tokenizer", "browser", "endpoint"} <= {finding["name"] for finding in found["findings"]}
    assert len(found["sandbox"]["probes"]) > 10


def test_an_empty_answer_is_told_to_the_model_and_not_the_end(agentui):
    with serve_chat([TokenUsage(40, 1)], ANSWER) as server:
        done = agentui("run", "task", "--json", *on(server))
        assert "was empty" in server.requests[1].body["messages"][-1]["content"]
    assert last(done)["output"] == 391
    assert last(done)["usage"]["input_tokens"] == 80


def test_a_file_of_the_command_line_is_read_by_its_name(agentui, tmp_path):
    (tmp_path / "data.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (tmp_path / "link.txt").symlink_to(tmp_path / "data.csv")
    read = ["Go.\n<code>\nfinal_answer(open('data.csv').read() + open('link.txt').read())\n</code>", TokenUsage(1, 1)]
    with serve_chat(read) as server:
        words = ["--file", str(tmp_path / "data.csv"), "--file", str(tmp_path / "link.txt"), "--json"]
        done = agentui("run", "t", *words, *on(server))
    assert done.returncode == 0, done.stderr
    assert last(done)["output"] == "a,b\n1,2\n" * 2
