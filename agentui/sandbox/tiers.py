"""The ladder: each tier is a set of means, a promise, and what it asks of the machine. Best first."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Final

from agentui.sandbox.base import Tier
from agentui.sandbox.confinement import Confinement

_COMMON: Final = (
    "code cannot read the host's secrets, files or memory, has no network, starts no processes, signals nobody, and "
    "is bounded in memory, disk, output and time"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TierSpec:
    """One rung."""

    tier: Tier
    confinement: Confinement
    promise: str


LADDER: Final = (
    TierSpec(
        tier="A",
        confinement=Confinement(landlock=True, syscalls="files", own_uid=True),
        promise=f"{_COMMON[0].upper()}{_COMMON[1:]}; each session has a user id of its own.",
    ),
    TierSpec(
        tier="B",
        confinement=Confinement(landlock=True, syscalls="files"),
        promise=f"{_COMMON[0].upper()}{_COMMON[1:]}; it may see sizes and dates of the host's files.",
    ),
    TierSpec(
        tier="C",
        confinement=Confinement(broker=True, syscalls="files"),
        promise=f"{_COMMON[0].upper()}{_COMMON[1:]}; it may see sizes and dates of the host's files. The host opens "
        "files for it, and its code for that is part of the wall.",
    ),
    TierSpec(
        tier="D",
        confinement=Confinement(syscalls="no_files"),
        promise=f"{_COMMON[0].upper()}{_COMMON[1:]}; it cannot open any file, so only loaded modules can be imported.",
    ),
    TierSpec(
        tier="U",
        confinement=Confinement(),
        promise="Not a sandbox: it only bounds crashes, time, output and, on Linux, memory. For one local user only.",
    ),
)


def obstacle(spec: TierSpec) -> str | None:
    """Why a tier need not be tried on this machine; None if it should be."""
    if sys.platform == "win32":
        return "Windows has none of what this needs: run it in WSL or a container"
    if spec.tier == "U":
        return None
    if sys.platform != "linux":
        return f"this system ({sys.platform}) has neither Landlock nor seccomp"
    if spec.confinement.own_uid and os.geteuid() != 0:
        return "the host does not run as root, so workers keep its user id"
    return None
