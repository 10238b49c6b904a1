"""Ctrl-C before a command has begun, in a process of its own."""

import subprocess
import sys

import pytest

INTERRUPTED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent that ignores it hands that down
wanted = sys.argv.pop(1)

def interrupt(event, arguments):
    if event == "import" and arguments[0] == wanted:
        signal.raise_signal(signal.SIGINT)

sys.addaudithook(interrupt)
from agentui.cli import main
sys.exit(main())
"""
RUN = ("run", "task", "--base-url", "http://127.0.0.1:9/v1", "--model", "m")


def run(*words):
    return subprocess.run([sys.executable, "-c", INTERRUPTED, *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        *[(name, RUN) for name in ("argparse", "pydantic", "agentui.events", "agentui.demo.script", "asyncio")],
        ("openai", RUN),
        ("mcp", (*RUN, "--mcp", "true")),
        ("gradio", ("serve", "--no-browser")),
    ],
)
def test_ctrl_c_while_modules_are_imported_ends_the_process_quietly(module, words):
    done = run(module, *words)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_library_that_is_imported_keeps_its_own_ctrl_c():
    code = "import signal, agentui.cli; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    code = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_ctrl_c_that_is_ignored_stays_ignored(monkeypatch):
    ignoring = INTERRUPTED.replace("signal.default_int_handler", "signal.SIG_IGN")
    done = subprocess.run(
        [sys.executable, "-c", ignoring, "pydantic", "--version"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stdout.startswith("agentui ")
