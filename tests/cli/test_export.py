"""Recordings: read, as a document, and in the terminal."""

import io
import json
import os
import pty
import subprocess
import sys

import pytest

from agentui.cli import main
from agentui.cli.terminal import Terminal
from agentui.errors import ConfigError
from agentui.events import (
    RECORD,
    ArtifactCreated,
    CodeDelta,
    CodeStarted,
    ContextCompacted,
    ModelRetried,
    StepStarted,
    StopRequested,
    SubagentEvent,
    TextDelta,
    ToolCallDelta,
    ToolCallFinished,
    ToolCallStarted,
    UpstreamClosed,
)
from agentui.export import as_markdown, spent
from agentui.recording import read_records
from agentui.usage import Cost, TokenUsage
from agentui.view import fold
from tests.builders import finished, records, started, step_finished

USAGE, COST = TokenUsage(1_000, 20), Cost(usd=0.0012, source="list")


def recorded(path, *events):
    path.write_bytes(b"".join(RECORD.dump_json(record) + b"\n" for record in records(*events)))
    return path


def in_terminal(*events, **options):
    out, errors = io.StringIO(), io.StringIO()
    terminal = Terminal(out, errors, **options)
    for record in records(*events):
        terminal.show(record)
    return out.getvalue(), errors.getvalue()


def full_run():
    inner = [started("inner task"), StepStarted(step=1), step_finished(thought="inner thought"), finished(output="in")]
    return [
        started("First line\nsecond line"),
        ContextCompacted(before_tokens=9_000, after_tokens=3_000, elided_observations=4),
        StepStarted(step=1),
        ModelRetried(attempt=1, wait_s=1, reason="HTTP 503", usage=USAGE, cost=COST, partial="half an answer"),
        ToolCallStarted(call_id="a", name="helper", arguments={"task": "```\n# not a heading"}),
        *(SubagentEvent(call_id="a", agent="helper", event=event) for event in inner),
        ToolCallFinished(call_id="a", result={"found": 7}, duration_s=0.5),
        ToolCallStarted(call_id="b", name="broken"),
        ToolCallFinished(call_id="b", error="no such file", duration_s=0.5),
        ArtifactCreated(artifact_id="x", name="plot.png", media_type="image/png", size_bytes=1_234),
        step_finished(thought="outer thought", code="helper()", usage=USAGE, cost=COST),
        finished(output="done", usage=USAGE, cost=COST),
    ]


def test_a_document_has_everything_that_happened():
    document = as_markdown(fold(records(*full_run())))
    assert document.startswith("# First line\n")
    for said in (
        "```text\nFirst line\nsecond line\n```",
        "Context shortened from ≈9,000 to ≈3,000 tokens: 4 observations left out",
        "1,000 tokens in, 20 out ($0.0012)",
        "HTTP 503",
        "```text\nhalf an answer\n```",
        "Call of `helper`",
        '"task": "```\\n# not a heading"',
        "> # inner task",
        "> inner thought",
        '"found": 7',
        "Call of `broken`",
        "```text\nno such file\n```",
        "Image: plot.png (image/png, 1,234 bytes)",
        "## Completed\n\ndone",
    ):
        assert said in document, said


@pytest.mark.parametrize(
    ("usage", "cost", "said"),
    [
        (USAGE, None, "1,000 tokens in, 20 out"),
        (USAGE, Cost(usd=0.0, source=""), "1,000 tokens in, 20 out ($0.0000)"),
        (USAGE, Cost(usd=0.00001, source=""), "1,000 tokens in, 20 out (<$0.0001)"),
        (TokenUsage(1, 2, source="estimated"), COST, "≈1 tokens in, ≈2 out (≈$0.0012)"),
    ],
)
def test_what_was_spent_in_words(usage, cost, said):
    assert spent(usage, cost) == said


def test_code_that_was_streamed_is_not_printed_again_after_prose():
    step = [StepStarted(step=1), CodeDelta(text="x = 1\n"), TextDelta(text="So."), CodeStarted(code="x = 1\n")]
    shown, _ = in_terminal(started(), *step, *step)
    assert shown.count("x = 1") == 2


def test_code_that_was_not_streamed_is_printed():
    shown, _ = in_terminal(
        started(), StepStarted(step=1), CodeDelta(text="x = 1"), StepStarted(step=2), CodeStarted(code="y = 2")
    )
    assert shown.count("y = 2") == 1


def test_notes_and_costs_in_the_terminal():
    shown, _ = in_terminal(
        started(),
        ContextCompacted(before_tokens=9_000, after_tokens=3_000, elided_observations=4, summarised=True),
        StepStarted(step=1),
        ToolCallDelta(call_id="a", name="f", text='{"hidden'),
        StopRequested(),
        UpstreamClosed(step=1, after_s=0.012, usage=USAGE),
        step_finished(usage=USAGE, cost=COST),
        finished("stopped", usage=USAGE, cost=COST, error="stopped on request"),
    )
    for said in ("≈9,000 to ≈3,000 tokens: a summary", "Stop requested", "closed after 12 ms"):
        assert said in shown
    assert shown.count("($0.0012)") == 2
    assert "hidden" not in shown


def test_a_quiet_failure_is_one_clean_line():
    shown, errors = in_terminal(started(), finished("failed", error="bad \x1b[2Jkey\nand more"), quiet=True)
    assert (shown, errors) == ("", "agentui: failed: bad key and more\n")


@pytest.mark.parametrize("words", [["export"], ["export", "--format", "usage-csv"], ["replay", "--speed", "0"]])
def test_a_file_that_starts_in_the_middle_is_shown_as_far_as_it_goes(tmp_path, capsys, words):
    events = full_run()
    for skipped in range(1, len(events)):
        path = recorded(tmp_path / "run.jsonl", *events[skipped:])
        assert main([*words, str(path)]) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "value"),
    [("--speed", "nan"), ("--speed", "inf"), ("--speed", "-1"), ("--max-wait", "nan"), ("--max-wait", "1e300")],
)
def test_a_pace_that_is_none_is_one_clear_line_and_status_2(tmp_path, capsys, option, value):
    path = recorded(tmp_path / "run.jsonl", started())
    assert main(["replay", str(path), f"{option}={value}"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("agentui: --speed has to be a number from 0")


def line_of(event):
    return json.dumps({"run_id": "r", "seq": 0, "t": 0, "event": event}) + "\n"


def nested(event, depth):
    for _ in range(depth):
        event = {"type": "subagent_event", "call_id": "a", "agent": "helper", "event": event}
    return event


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_an_unknown_type_is_skipped_wherever_it_is(tmp_path, depth):
    path = tmp_path / "run.jsonl"
    known = nested({"type": "text_delta", "text": "x"}, depth)
    path.write_text(line_of(nested({"type": "from_the_future"}, depth)) + line_of(known), encoding="utf-8")
    assert len(list(read_records(path))) == 1


@pytest.mark.parametrize(
    "line",
    [
        line_of(nested({"type": "text_delta", "text": "x"}, 100)),
        line_of({"type": ["text_delta"]}).replace('["text_delta"]', '"subagent_event"'),
        "[" * 200_000,
        line_of("text"),
    ],
    ids=["deep", "bare", "recursion", "text"],
)
def test_a_line_that_is_no_record_is_named(tmp_path, line):
    path = tmp_path / "run.jsonl"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(ConfigError, match="line 1 is not a"):
        list(read_records(path))


@pytest.mark.parametrize("words", [["export"], ["replay", "--speed", "0"]])
def test_half_a_character_does_no_harm(tmp_path, words):
    path = tmp_path / "run.jsonl"
    events = [{"type": "step_started", "step": 1}, {"type": "text_delta", "text": "half \ud800 of it"}]
    path.write_text("".join(map(line_of, events)), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "agentui", *words, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "half" in done.stdout


def test_a_document_on_a_terminal_cannot_steer_it(tmp_path):
    path = recorded(tmp_path / "run.jsonl", started("a \x1b]0;owned\x07task"))
    reading, writing = pty.openpty()
    done = subprocess.run([sys.executable, "-m", "agentui", "export", str(path)], stdout=writing, check=False)
    os.close(writing)
    shown = os.read(reading, 10_000)
    os.close(reading)
    assert done.returncode == 0
    assert shown.startswith(b"# a task")
    assert b"\x1b" not in shown


def test_a_reader_that_goes_away_ends_a_replay_quietly(tmp_path):
    path = recorded(tmp_path / "run.jsonl", started(), StepStarted(step=1), *[TextDelta(text="word " * 1_000)] * 200)
    with subprocess.Popen(
        [sys.executable, "-m", "agentui", "replay", "--speed", "0", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=20) == 130


@pytest.mark.parametrize("command", [("replay", "--speed", "0"), ("export",)])
def test_a_recording_without_its_end_is_shown_and_said_to_have_none(agentui, tmp_path, command):
    whole = agentui(command[0], str(recorded(tmp_path / "whole.jsonl", *full_run())), *command[1:])
    assert (whole.returncode, whole.stderr) == (0, "")
    path = recorded(tmp_path / "cut.jsonl", *full_run()[:4])
    cut = agentui(command[0], str(path), *command[1:])
    assert cut.returncode == 0
    assert "Context shortened" in cut.stdout
    said = f"agentui: {path}: the recording has no end: its last record is number 3, and none says how the run ended"
    assert cut.stderr.splitlines() == [said]


def test_md_is_markdown(agentui, tmp_path):
    path = recorded(tmp_path / "run.jsonl", *full_run())
    assert agentui("export", str(path), "--format", "md").stdout == agentui("export", str(path)).stdout


def test_a_wait_is_rounded_and_advice_names_the_options():
    event = ModelRetried(attempt=1, wait_s=0.378744, reason="cannot reach h:1: no; check that api_base is right")
    out, _ = in_terminal(started(), StepStarted(step=1), event)
    assert "Retrying in 0.4 s: cannot reach h:1: no; check that --base-url is right" in out
    said = "401 from h: an API key is needed, and none was sent; set api_key; the server says: set api_key"
    out, _ = in_terminal(started(), finished("failed", error=said))
    assert "set --api-key-env; the server says: set api_key" in out
    trace = "Traceback:\n  check(api_base)\nNameError: name 'api_base' is not defined"
    assert trace.splitlines()[1] in in_terminal(started(), step_finished(error=trace))[0]
