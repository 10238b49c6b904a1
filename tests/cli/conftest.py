"""The command line in this process: what only a process of its own can show is tested with one."""

import os
import sys
from dataclasses import dataclass

import pytest

from agentui.cli import main
from agentui.sandbox import local


@dataclass(frozen=True)
class Done:
    """How a command ended; the names are those of `subprocess.CompletedProcess`."""

    returncode: int
    stdout: str
    stderr: str


class SharedPool(local.LocalSandboxPool):
    """Serves one command after the other: closing it, as each command does, closes its sandboxes only."""

    def shutdown(self):
        pass


@pytest.fixture(scope="session")
def shared_pool():
    pool = SharedPool()
    yield pool
    local.LocalSandboxPool.shutdown(pool)


@pytest.fixture
def agentui(capfd, monkeypatch, shared_pool):
    """Run a command of the command line, with nothing of this machine's endpoints in its environment."""
    monkeypatch.setattr(local._Default, "pool", shared_pool)

    def run(*words):
        capfd.readouterr()
        try:
            status = main(words)
        except SystemExit as left:
            status = left.code
        sys.stdout.flush()
        return Done(status, *capfd.readouterr())

    return run


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    for name in list(os.environ):
        if name.startswith("OPENAI_") or name.endswith("_API_KEY"):
            monkeypatch.delenv(name)
