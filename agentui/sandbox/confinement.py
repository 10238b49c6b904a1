"""What a worker is told when it starts: how it is confined, how much it may use, which tools it knows.

A tier is one `Confinement`: which of the kernel's means are applied. The worker applies them in `worker/confine.py`;
the host decides by trying them (`selftest.py`). Both sides use this module: standard library only.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, TypeAlias

SYSTEM_LIBRARIES: Final = ("/usr/lib", "/lib", "/usr/lib64", "/lib64", "/usr/share/zoneinfo", "/usr/share/fonts")
"Trees of the system that any session may read, besides Python's own."
SYSTEM_FILES: Final = ("/etc/localtime", "/dev/urandom", "/dev/zero")
"Files that any session may read."
NULL_DEVICE: Final = "/dev/null"
"May be written too."

SyscallFilter: TypeAlias = Literal["off", "files", "no_files"]
"""No filter; everything a script needs; the same but no file can be opened by its path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """Which means hold the code back."""

    landlock: bool = False
    "The kernel opens only the session's directory and Python's own files."
    broker: bool = False
    "The same without Landlock: the host opens files for the worker, and makes, renames and removes them."
    syscalls: SyscallFilter = "off"
    own_uid: bool = False
    "The worker runs under a user id that nothing else on the machine has."


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceLimits:
    """How much one worker may use."""

    memory_bytes: int = 1 << 30
    "On top of what a fresh worker uses."
    file_bytes: int = 64 << 20
    "Size of one file."
    work_bytes: int = 128 << 20
    "Size of all files of the session."
    files: int = 5_000
    open_files: int = 128
    threads: int = 256
    cpu_s: int = 3_600
    "CPU seconds in the life of a worker."


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """All that a worker needs to know."""

    session_dir: str
    "Holds `work`, where the code runs, and `tmp`."
    tools: tuple[str, ...] = ()
    confinement: Confinement = field(default_factory=Confinement)
    limits: ResourceLimits = field(default_factory=ResourceLimits)
    uid: int | None = None
    "User and group id to take on; None keeps the host's."
    python_paths: tuple[str, ...] = ()
    "Directories that imports may read."

    def to_json(self) -> str:
        """These options as a JSON object."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> WorkerOptions:
        """Read what `to_json` wrote; only ever given the host's own text."""
        data: dict[str, Any] = json.loads(text)
        return cls(
            session_dir=data["session_dir"],
            tools=tuple(data["tools"]),
            confinement=Confinement(**data["confinement"]),
            limits=ResourceLimits(**data["limits"]),
            uid=data["uid"],
            python_paths=tuple(data["python_paths"]),
        )
