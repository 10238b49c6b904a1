"""`agentui run` with a reader that pauses, goes away or cannot take more."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from agentui.testing import Gate, serve_chat
from agentui.usage import TokenUsage

ANSWER = ["<code>\nfinal_answer(17 * 23)\n</code>", TokenUsage(40, 9)]
FLOOD = ["word " * 100] * 2_000
pytestmark = pytest.mark.timeout(60)


def start(server, stdout, *words):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    command = ["run", "task", "--base-url", server.base_url, "--model", "m", *words]
    return subprocess.Popen(
        [sys.executable, "-m", "agentui", *command], stdout=stdout, stderr=subprocess.PIPE, text=True, env=kept
    )


def full_pipe():
    """A pipe that nobody reads and that takes nothing more."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 512)
    except BlockingIOError:
        os.set_blocking(writing, True)
    return reading, writing


def read_all(reading):
    with os.fdopen(reading, "rb") as file:
        return file.read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("words", [["--json"], []])
def test_a_reader_that_does_not_read_does_not_keep_the_run_from_being_stopped(number, words):
    gate = Gate("never")
    reading, writing = full_pipe()
    with serve_chat([*FLOOD, gate]) as server:
        process = start(server, writing, *words)
        os.close(writing)
        gate.reached.wait_blocking()
        process.send_signal(number)
        server.requests[0].closed.wait_blocking()
        errors = process.communicate(timeout=20)[1]
        gate.open()
    os.close(reading)
    assert (process.returncode, errors) == (130, "")


def test_a_second_ctrl_c_does_not_wait_for_anything():
    gate = Gate("never")
    reading, writing = full_pipe()
    with serve_chat([*FLOOD, gate]) as server:
        process = start(server, writing, "--json")
        os.close(writing)
        gate.reached.wait_blocking()
        process.send_signal(signal.SIGINT)
        server.requests[0].closed.wait_blocking()
        process.send_signal(signal.SIGINT)
        errors = process.communicate(timeout=20)[1]
        gate.open()
    os.close(reading)
    assert (process.returncode, errors) == (130, "")


def test_a_reader_that_pauses_gets_every_line_in_order():
    reading, writing = full_pipe()
    gate = Gate("everything before the end was streamed")
    with serve_chat([*FLOOD, gate, *ANSWER]) as server:
        process = start(server, writing, "--json")
        os.close(writing)
        gate.reached.wait_blocking()
        gate.open()
        received = []
        reader = threading.Thread(target=lambda: received.append(read_all(reading)))
        reader.start()
        assert process.wait(timeout=30) == 0, process.stderr.read()
        process.stderr.close()
        reader.join()
    lines = received[0].lstrip(b"x").splitlines()
    assert lines[-1].count(b'"run_finished"') == 1
    assert [line.count(b'"seq":%d,' % number) for number, line in enumerate(lines)] == [1] * len(lines)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_one_clear_line_and_status_1():
    with serve_chat(ANSWER) as server, open("/dev/full", "w", encoding="utf-8") as full:
        process = start(server, full, "--json")
        errors = process.communicate(timeout=30)[1]
    assert process.returncode == 1
    assert errors == "agentui: cannot write the output: No space left on device\n"
