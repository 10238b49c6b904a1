"""Attacks on every tier that this machine offers: `pytest -m hostile`.

Each tier is attacked by a process of its own, as root in fresh namespaces (processes, network, IPC, mounts), so that
an attack that gets through meets nothing but that process. Without root there are no namespaces, and the attacks that
would signal or stop other processes are left out.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.kinds import ISOLATED

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "tests/data/attacks.json", ROOT / "tests/data/attacks_more.json"]
IDS: list[str] = [case["id"] for file in FILES for case in json.loads(file.read_text(encoding="utf-8"))]
DANGEROUS = {"proc-kill-minus1", "proc-kill-host", "proc-kill-group0", "proc-kill-parent", "dos-threadbomb"}
NAMESPACES = ["unshare", "--fork", "--pid", "--mount-proc", "--net", "--ipc", "--mount", "--kill-child"]
DRIVER_TIMEOUT_S = 300

pytestmark = [pytest.mark.hostile, pytest.mark.timeout(DRIVER_TIMEOUT_S + 20)]

Findings = dict[str, list[str]]
found: dict[str, Findings | str] = {}


def attack_all(kind: str) -> Findings | str:
    """What each attack achieved at tier `kind`; a text says why the tier is not to be had here."""
    own_namespaces = os.geteuid() == 0 and shutil.which("unshare") is not None
    prefix = NAMESPACES if own_namespaces else []
    command = [sys.executable, "-m", "tests.sandbox.hostile_driver", kind, "isolated" if own_namespaces else "shared"]
    done = subprocess.run(
        [*prefix, *command, *map(str, FILES)], cwd=ROOT, capture_output=True, timeout=DRIVER_TIMEOUT_S, check=False
    )
    lines: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    error = done.stderr.decode("utf-8", "replace").strip()
    if not lines:
        return error.rpartition("\n")[2]
    assert done.returncode == 0, f"the attacked host died after {lines[-1]}: {error}"
    return {line["id"]: line["problems"] for line in lines[1:]}


@pytest.fixture
def findings(kind: str) -> Findings:
    if kind not in found:
        found[kind] = attack_all(kind)
    result = found[kind]
    if isinstance(result, str):
        pytest.skip(result)
    return result


@pytest.mark.parametrize("attack", IDS)
@pytest.mark.parametrize("kind", ISOLATED)
def test_the_attack_achieves_nothing(findings: Findings, kind: str, attack: str) -> None:
    if attack not in findings:
        pytest.skip(f"{attack} does not apply to tier {kind} here")
    assert findings[attack] == []
