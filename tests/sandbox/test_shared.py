"""Where strangers may come, code is never run without isolation: a clear line, and exit status 2."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Gradio takes seconds to import: all ways of being shared are tried in one process.
PROGRAM = """
import contextlib, io, json, os
from agentui.cli import main
ends = []
for arguments, space in ((["--host", "0.0.0.0"], ""), (["--host", "::"], ""), (["--share"], ""), ([], "someone/space")):
    os.environ["SPACE_ID"] = space
    with contextlib.redirect_stderr(io.StringIO()) as said:
        ends.append([main(["serve", "--no-browser", *arguments]), said.getvalue()])
print(json.dumps(ends))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="hides parts of the Linux kernel")
@pytest.mark.hostile
@pytest.mark.timeout(90)
def test_a_shared_playground_refuses_to_run_code_that_is_not_isolated() -> None:
    outer = [sys.executable, "-m", "tests.sandbox.outer_filter", "seccomp", "--"]
    done = subprocess.run(
        [*outer, sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/nonexistent"},
        capture_output=True,
        timeout=80,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    ends = json.loads(done.stdout.splitlines()[-1])
    assert [status for status, _ in ends] == [2, 2, 2, 2]
    for _, said in ends:
        assert said.count("\n") == 1
        assert said.startswith("agentui: the page would be open to strangers, but this machine cannot isolate their")
        assert "not tier D" in said
