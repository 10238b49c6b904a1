"""Configuration of the playground: one frozen value, read once and passed in.

The environment is looked at in this module and nowhere else. Keys are left out of `repr`.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from agentui.errors import ConfigError
from agentui.limits import Limits
from agentui.sandbox.base import Tier

_TIERS: Final[Mapping[str, Tier]] = {"A": "A", "B": "B", "C": "C", "D": "D", "U": "U"}
OPENAI_BASE_URL = "https://api.openai.com/v1"
SandboxPlace: TypeAlias = Literal["local", "huggingface"]
SANDBOX_PLACES: Final[Mapping[str, SandboxPlace]] = {"local": "local", "huggingface": "huggingface"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxChoice:
    """Where code runs: on this machine, or in virtual machines at Hugging Face."""

    place: SandboxPlace = "local"
    image: str | None = None
    "Container image of the virtual machines, with all packages that the code needs; None for Python's own."
    flavor: str | None = None
    "Hardware of the virtual machines; None for the smallest."


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the playground is served and what a visitor may spend."""

    host: str = "127.0.0.1"
    port: int | None = None
    "None: 7860, or the next free one."
    share: bool = False
    "Make a public link."
    space: bool = False
    "Runs as a Hugging Face Space."
    sandbox: SandboxChoice = field(default_factory=SandboxChoice)
    limits: Limits = field(default_factory=Limits)
    "What a run may spend unless the visitor asks for something else."
    max_running: int = 32
    "Runs of all visitors at the same time; more of them wait in line."
    max_task_characters: int = 200_000
    idle_s: float = 3_600.0
    "Seconds after which a visitor without an open page and without a run is forgotten, with the sandbox."
    openai_api_key: str | None = field(default=None, repr=False)
    openai_base_url: str | None = None
    openai_model: str | None = None
    "Model that is chosen when the page opens, if the environment configures an endpoint."

    @property
    def shared(self) -> bool:
        """True where strangers may open the page: code must be isolated, and private addresses are out of reach."""
        return self.space or self.share or not _is_loopback(self.host)

    @property
    def environment_url(self) -> str | None:
        """The endpoint that the environment configures, and the only one that gets its key; None without one."""
        if self.openai_base_url:
            return self.openai_base_url.rstrip("/")
        return OPENAI_BASE_URL if self.openai_api_key else None

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read `env`, by default the process's environment.

        Raises:
            ConfigError: A variable has a value that cannot be used; the message names it.
        """
        env = os.environ if env is None else env
        space = bool(env.get("SPACE_ID"))
        port = env.get("GRADIO_SERVER_PORT", "")
        return cls(
            host=env.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if space else "127.0.0.1"),
            port=_whole("GRADIO_SERVER_PORT", port) if port else None,
            share=env.get("GRADIO_SHARE", "").lower() in {"1", "true", "yes"},
            space=space,
            sandbox=sandbox_choice(env),
            max_running=_whole("AGENTUI_MAX_RUNNING", env.get("AGENTUI_MAX_RUNNING") or "32"),
            openai_api_key=env.get("OPENAI_API_KEY", "").strip() or None,
            openai_base_url=env.get("OPENAI_BASE_URL", "").strip() or None,
            openai_model=env.get("AGENTUI_MODEL", "").strip() or None,
        )


def sandbox_choice(env: Mapping[str, str] | None = None) -> SandboxChoice:
    """What `AGENTUI_SANDBOX`, `AGENTUI_SANDBOX_IMAGE` and `AGENTUI_SANDBOX_FLAVOR` ask for.

    Raises:
        ConfigError: The first is not the name of a place.
    """
    env = os.environ if env is None else env
    name = env.get("AGENTUI_SANDBOX", "").strip().lower() or "local"
    if name not in SANDBOX_PLACES:
        raise ConfigError(f"AGENTUI_SANDBOX={name!r} is no sandbox: use one of {', '.join(SANDBOX_PLACES)}")
    return SandboxChoice(
        place=SANDBOX_PLACES[name],
        image=env.get("AGENTUI_SANDBOX_IMAGE", "").strip() or None,
        flavor=env.get("AGENTUI_SANDBOX_FLAVOR", "").strip() or None,
    )


def sandbox_tier(env: Mapping[str, str] | None = None) -> Tier | None:
    """The tier that `AGENTUI_SANDBOX_TIER` asks for, by default in the process's environment; None for the best.

    Raises:
        ConfigError: It is not the name of a tier.
    """
    name = (os.environ if env is None else env).get("AGENTUI_SANDBOX_TIER", "").strip().upper()
    if name and name not in _TIERS:
        raise ConfigError(f"AGENTUI_SANDBOX_TIER={name!r} is no tier: use one of {', '.join(_TIERS)} or leave it out")
    return _TIERS.get(name)


def _whole(name: str, text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f"{name}={text!r} is not a whole number above 0: correct it or leave it out")
    return int(text)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
