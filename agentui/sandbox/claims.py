"""Directories for workers' files, each claimed by the process that made it for as long as that lives.

A directory is deleted by its owner, and by the zygote when the owner died. Where both were killed at once it stays:
the next owner finds its lock free and deletes it.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from agentui.sandbox.files import delete_tree

if sys.platform != "win32":
    import fcntl

_PREFIX: Final = "agentui-sandbox-"
_LOCK: Final = "lock"
_YOUNG_S: Final = 60.0
"A directory that was made this recently may not have been locked yet."


@dataclass(frozen=True, slots=True)
class Claim:
    """A directory that belongs to this process."""

    path: str
    lock: int

    def release(self) -> None:
        """Delete the directory and all in it."""
        delete_tree(self.path)
        with suppress(OSError):
            os.close(self.lock)


def claim_directory() -> Claim:
    """Make a directory that other users can enter but not list, and delete those that nobody claims any more."""
    _delete_unclaimed()
    path = tempfile.mkdtemp(prefix=_PREFIX)
    os.chmod(path, 0o711)
    lock = os.open(os.path.join(path, _LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    _try_lock(lock)
    return Claim(path, lock)


def _delete_unclaimed() -> None:
    with suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            with suppress(OSError):
                if entry.name.startswith(_PREFIX) and _is_old_and_ours(entry):
                    _delete_if_unclaimed(entry.path)


def _is_old_and_ours(entry: os.DirEntry[str]) -> bool:
    found = entry.stat(follow_symlinks=False)
    old = time.time() - found.st_mtime > _YOUNG_S
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and old


def _delete_if_unclaimed(path: str) -> None:
    lock = os.open(os.path.join(path, _LOCK), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if _try_lock(lock):
            delete_tree(path)
    finally:
        os.close(lock)


def _try_lock(lock: int) -> bool:
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
