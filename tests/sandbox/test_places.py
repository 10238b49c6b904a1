"""Choosing where code runs, in the environment, on the command line and in the settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from agentui.errors import ConfigError, SandboxUnavailable
from agentui.sandbox.local import default_pool
from agentui.sandbox.places import pool_for
from agentui.sandbox.remote import REQUIREMENTS, HuggingFaceSandboxPool
from agentui.settings import SandboxChoice, Settings
from agentui.testing import serve_chat
from tests.sandbox.stand_in import TOKEN

pytestmark = pytest.mark.timeout(60)


def agentui(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "AGENTUI_"))}
    command = [sys.executable, "-m", "agentui", *words]
    return subprocess.run(command, capture_output=True, text=True, env=kept | env, check=False)


def test_code_runs_here_unless_something_else_is_asked_for() -> None:
    assert Settings.from_env({}).sandbox == SandboxChoice(place="local")
    assert pool_for(SandboxChoice()) is default_pool()


def test_the_environment_chooses_the_machines() -> None:
    env = {
        "AGENTUI_SANDBOX": " HuggingFace ",
        "AGENTUI_SANDBOX_IMAGE": "me/image",
        "AGENTUI_SANDBOX_FLAVOR": "cpu-upgrade",
    }
    choice = Settings.from_env(env).sandbox
    assert choice == SandboxChoice(place="huggingface", image="me/image", flavor="cpu-upgrade")


@pytest.mark.parametrize(
    ("choice", "image", "requirements"),
    [
        (SandboxChoice(place="huggingface"), "python:3.12", REQUIREMENTS),
        (SandboxChoice(place="huggingface", image="me/image"), "me/image", ()),
    ],
)
def test_an_image_of_ones_own_is_taken_as_it_is(
    choice: SandboxChoice, image: str, requirements: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentui.sandbox.remote.get_token", lambda: TOKEN)
    pool = pool_for(choice)
    assert isinstance(pool, HuggingFaceSandboxPool)
    options = pool._options()
    assert (options.image, options.requirements, options.flavor) == (image, requirements, "cpu-basic")
    pool.shutdown()


def test_a_place_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="AGENTUI_SANDBOX='moon' is no sandbox: use one of local, huggingface"):
        Settings.from_env({"AGENTUI_SANDBOX": "moon"})


def test_the_doctor_shows_the_machines_and_starts_none(tmp_path: object) -> None:
    done = agentui("doctor", "--json", "--sandbox", "huggingface", HF_TOKEN=TOKEN)
    found = json.loads(done.stdout)
    assert found["sandbox"]["tier"] == "R"
    [finding] = [finding for finding in found["findings"] if finding["name"] == "sandbox"]
    assert finding["ok"]
    assert "a virtual machine of its own" in finding["detail"]
    assert TOKEN not in done.stdout + done.stderr


def test_without_a_token_every_command_says_what_to_set(tmp_path: object) -> None:
    home = {"HF_HOME": str(tmp_path), "AGENTUI_SANDBOX": "huggingface"}
    doctor = agentui("doctor", **home)
    assert doctor.returncode == 1
    assert "set HF_TOKEN" in doctor.stdout
    with serve_chat() as server:
        run = agentui("run", "Task", "--base-url", server.base_url, "--model", "m", **home)
        assert not server.requests
    assert (run.returncode, run.stdout) == (2, "")
    assert "set HF_TOKEN" in run.stderr
    serve = agentui("serve", "--no-browser", **home)
    assert serve.returncode == 2
    assert "set HF_TOKEN" in serve.stderr
    assert "Traceback" not in serve.stderr + run.stderr + doctor.stderr


async def test_an_unusable_token_is_told_when_a_machine_is_asked_for() -> None:
    pool = HuggingFaceSandboxPool(token=TOKEN, create=_refuse)
    with pytest.raises(SandboxUnavailable, match="no virtual machine was started: ValueError: bad label"):
        await pool.open()
    await pool.close()


def _refuse(*arguments: object, **options: object) -> object:
    raise ValueError("bad label")
