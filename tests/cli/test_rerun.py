"""`agentui rerun`: a recorded run with its code run again, and no model called."""

import json

import pytest

from agentui.testing import serve_chat
from agentui.usage import TokenUsage

pytestmark = pytest.mark.timeout(60)


def record(agentui, path, *answers, words=()):
    with serve_chat(*([*answer, TokenUsage(40, 9)] for answer in answers)) as server:
        done = agentui("run", "What?", "--json", "--base-url", server.base_url, "--model", "m", *words)
    path.write_text(done.stdout)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_recording_is_run_again_without_its_model(agentui, tmp_path):
    path = tmp_path / "run.jsonl"
    first = record(agentui, path, ["I compute.\n<code>\nprint('working')\nfinal_answer(17 * 23)\n</code>"])
    done = agentui("rerun", str(path), "--json")
    records = [json.loads(line)["event"] for line in done.stdout.splitlines()]
    assert (done.returncode, records[-1]["output"], records[-1]["usage"]["total_tokens"]) == (0, 391, 0)
    assert records[0]["parent"] == {"run_id": first[0]["run_id"], "step": 0, "relation": "rerun"}
    assert not [event for event in records if event["type"] == "diverged"]
    shown = agentui("rerun", str(path)).stdout
    for part in ("Step 1", "I compute.", "working", "Answer: 391"):
        assert part in shown
    again = tmp_path / "again.jsonl"
    again.write_text(done.stdout)
    assert agentui("rerun", str(again), "--quiet").stdout == "391\n"


def test_a_difference_is_shown_and_the_run_goes_on(agentui, tmp_path):
    path = tmp_path / "run.jsonl"
    record(agentui, path, ["<code>\nimport uuid\nprint(uuid.uuid4())\n</code>"], ["<code>\nfinal_answer(1)\n</code>"])
    done = agentui("rerun", str(path))
    assert done.returncode == 0
    assert done.stdout.count("≠ Not as recorded (output): ") == 1
    assert "Answer: 1" in done.stdout


def test_the_end_of_the_recording_and_a_limit_have_their_exit_statuses(agentui, tmp_path):
    path = tmp_path / "run.jsonl"
    first = record(agentui, path, ["<code>\nx = 1\n</code>"], ["<code>\nfinal_answer(x)\n</code>"])
    assert agentui("rerun", str(path), "--max-steps", "1").returncode == 3
    cut = next(i for i, line in enumerate(first) if line["event"]["type"] == "step_finished")
    path.write_text("".join(json.dumps(line) + "\n" for line in first[: cut + 1]))
    done = agentui("rerun", str(path))
    assert (done.returncode, "the recording has no answer to this request" in done.stdout) == (1, True)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda lines: [*lines[:-1], lines[-1][:40]], "is not a record"),
        (lambda lines: [lines[0].replace('"task":"What?"', '"task":7'), *lines[1:]], "run_started record"),
        (lambda lines: lines[1:], "do not begin with the start of a run"),
        (lambda lines: [line for line in lines if "step_finished" not in line], "step 1 has no end"),
        (lambda lines: [line.replace('"step":1', '"step":2') for line in lines], "step 2 stands where step 1 should"),
    ],
)
def test_a_spoilt_recording_is_one_line_and_status_2(agentui, tmp_path, spoil, says):
    path = tmp_path / "run.jsonl"
    record(agentui, path, ["<code>\nx = 1\n</code>"], ["<code>\nfinal_answer(x)\n</code>"])
    path.write_text("\n".join(spoil(path.read_text().splitlines())) + "\n")
    done = agentui("rerun", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_is_missing_is_named(agentui, tmp_path):
    path, data = tmp_path / "run.jsonl", tmp_path / "data.txt"
    data.write_text("hello")
    record(agentui, path, ["<code>\nfinal_answer(open('data.txt').read())\n</code>"], words=["--file", str(data)])
    assert "came with data.txt" in agentui("rerun", str(path)).stderr
    assert agentui("rerun", str(path), "--file", str(data), "--quiet").stdout == "hello\n"
    text = path.read_text().replace('"tools":[]', '"tools":["look_up_planet","frobnicate"]')
    path.write_text(text)
    done = agentui("rerun", str(path), "--file", str(data), "--speed", "1")
    assert "not there now: the tools frobnicate;" in done.stderr
    assert agentui("rerun", str(path), "--speed", "nan").returncode == 2
