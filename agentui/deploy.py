"""Put the playground on a Hugging Face Space: what goes there, and the upload.

The Space is described by the `Spacefile`. Nothing of the caller's goes along by itself: neither the token that
uploads nor a key in the environment; secrets are named one by one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError

from agentui.errors import AgentUIError, ConfigError

UPLOADED = ("app.py", "requirements.txt", "pyproject.toml", "README.md", "Spacefile", "agentui/**", "assets/**")
LEFT_OUT = ("**/__pycache__/**", "*.pyc", ".venv/**")


class DeployError(AgentUIError):
    """The Space could not be made or filled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a deployment will do."""

    space: str
    "`owner/name`."
    folder: Path
    files: tuple[Path, ...]
    "Relative to `folder`."
    description: Mapping[str, Any]
    "The Spacefile."
    private: bool = False
    secrets: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    variables: Mapping[str, str] = field(default_factory=dict[str, str])


def make_plan(
    space: str, folder: Path, *, private: bool, secrets: Mapping[str, str], variables: Mapping[str, str]
) -> Plan:
    """Collect what goes to the Space.

    Raises:
        ConfigError: `folder` is no source tree of a playground, or a secret is one that the Spacefile does not know.
    """
    spacefile = folder / "Spacefile"
    if not spacefile.is_file():
        raise ConfigError(
            f"no Spacefile in {folder}: run this in the playground's source tree, or name it with --source"
        )
    try:
        description = tomllib.loads(spacefile.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{spacefile} cannot be read: {error}") from error
    if space.count("/") != 1:
        raise ConfigError(f"{space!r} is not of the form owner/name")
    for kind, given in (("secrets", secrets), ("variables", variables)):
        unknown = sorted(set(given) - set(description.get(kind, {})))
        if unknown:
            known = ", ".join(description.get(kind, {})) or "none"
            raise ConfigError(f"the Spacefile has no {kind[:-1]} {unknown[0]!r}; it knows {known}")
    files = {path for pattern in UPLOADED for path in folder.glob(pattern) if path.is_file()}
    kept = sorted(path.relative_to(folder) for path in files if "__pycache__" not in path.parts)
    return Plan(
        space=space,
        folder=folder,
        files=tuple(kept),
        description=description,
        private=private,
        secrets=secrets,
        variables=variables,
    )


def deploy(plan: Plan, token: str, *, endpoint: str | None = None) -> str:
    """Make the Space if it is not there, set its secrets and variables, and upload the files.

    Args:
        plan: What to do.
        token: A Hugging Face token that may write to the Space. It is used for this and goes nowhere else.
        endpoint: Address of the Hub; the public one by default.

    Returns:
        The Space's address.

    Raises:
        DeployError: The Hub refused or cannot be reached.
    """
    api = HfApi(token=token, endpoint=endpoint)
    try:
        space = api.create_repo(
            plan.space, repo_type="space", space_sdk=plan.description["sdk"], private=plan.private, exist_ok=True
        )
        for name, value in plan.variables.items():
            api.add_space_variable(plan.space, name, value, description=plan.description["variables"][name])
        for name, value in plan.secrets.items():
            api.add_space_secret(plan.space, name, value, description=plan.description["secrets"][name])
        api.upload_folder(
            repo_id=plan.space,
            repo_type="space",
            folder_path=plan.folder,
            allow_patterns=list(UPLOADED),
            ignore_patterns=list(LEFT_OUT),
            commit_message="Deploy agentui",
        )
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        reason = " ".join(str(error).replace(token, "…").split())[:500]
        raise DeployError(f"cannot deploy to {plan.space}: {reason}") from error
    return str(space)
