"""Every kind of sandbox that this machine may offer."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from agentui.sandbox.confinement import ResourceLimits
from agentui.sandbox.local import LocalSandboxPool
from agentui.sandbox.supervisor import import_directories

KINDS = ("A", "B", "C", "D", "U", "U-spawn")
ISOLATED = ("A", "B", "C", "D")


def make_pool(kind: str, *, limits: ResourceLimits | None = None) -> LocalSandboxPool:
    """A pool that is forced to `kind`."""
    match kind:
        case "A":
            python, paths = python_for_all()
            return LocalSandboxPool(tier="A", python=python, python_paths=paths, limits=limits)
        case "B" | "C" | "D" | "U":
            return LocalSandboxPool(tier=kind, spawn=False, limits=limits)
        case _:
            return LocalSandboxPool(tier="U", spawn=True, limits=limits)


def python_for_all() -> tuple[str | None, tuple[str, ...] | None]:
    """An interpreter that other users can read: this one, or the system's of the same version with our packages."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    system = Path("/usr/bin") / version
    if _readable_by_all(Path(os.__file__)) or not system.exists():
        return None, None
    library = Path("/usr/lib") / version
    packages = [path for path in import_directories() if "site-packages" in path]
    return str(system), (str(library), str(library / "lib-dynload"), *packages)


def _readable_by_all(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)
