"""Which tier is chosen where a part of the kernel is missing: by the self-test, never by the platform's name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agentui.errors import ConfigError
from agentui.settings import sandbox_tier
from tests.sandbox.kinds import python_for_all

ROOT = Path(__file__).parents[2]
NOBODY = "61183"

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="hides parts of the Linux kernel"),
    pytest.mark.timeout(60),
]


def doctor(*hidden: str, tier: str = "", python: str = sys.executable, paths: Sequence[str] = ()) -> dict[str, Any]:
    """What `agentui doctor` finds where `hidden` is missing."""
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": os.pathsep.join([str(ROOT), *paths])}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.sandbox.outer_filter",
            *hidden,
            "--",
            python,
            "-m",
            "agentui",
            "doctor",
            "--json",
        ],
        cwd=ROOT,
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1"} | ({"AGENTUI_SANDBOX_TIER": tier} if tier else {}),
        capture_output=True,
        timeout=50,
        check=False,
    )
    assert done.stdout, done.stderr.decode()
    return json.loads(done.stdout)["sandbox"]


def test_without_landlock_the_host_opens_the_files() -> None:
    found = doctor("landlock")
    assert found["tier"] == "C"
    assert (
        "not tier B: a worker of tier B did not start: the worker failed: the kernel offers no Landlock"
        in (found["reason"])
    )
    assert all(probe["refused"] for probe in found["probes"])


def test_without_user_notification_no_file_is_opened() -> None:
    found = doctor("landlock", "listener")
    assert found["tier"] == "D"
    assert "not tier C: a worker of tier C did not start" in found["reason"]
    assert "Invalid argument" in found["reason"]


def test_without_filters_nothing_is_isolated() -> None:
    found = doctor("seccomp")
    assert found["tier"] == "U"
    assert [f"not tier {tier}" in found["reason"] for tier in "ABCD"] == [True] * 4


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_host_that_is_not_root_keeps_its_user_id() -> None:
    python, paths = python_for_all()
    everyone = {"python": python or sys.executable, "paths": [path for path in paths or () if "site-packages" in path]}
    found = doctor(NOBODY, **everyone)
    assert (found["tier"], "does not run as root" in found["reason"]) == ("B", True), found["reason"]
    found = doctor(NOBODY, "landlock", **everyone)
    assert found["tier"] == "C", found["reason"]


def test_a_tier_can_be_asked_for() -> None:
    found = doctor(tier="d")
    assert (found["tier"], found["reason"]) == ("D", "")


def test_what_is_no_tier_is_told() -> None:
    assert sandbox_tier({}) is None
    with pytest.raises(ConfigError, match="AGENTUI_SANDBOX_TIER='X' is no tier: use one of A, B, C, D, U"):
        sandbox_tier({"AGENTUI_SANDBOX_TIER": "x"})
