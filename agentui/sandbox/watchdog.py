"""Looks at a running worker every 50 ms and ends it when it takes more than its share.

Resource limits of the kernel bound address space, file size and CPU; they do not bound the number of files, what all
files take together, memory that is shared, or (for the host's own user) threads. Those are measured here, so a worker
can exceed them for the time between two looks.
"""

from __future__ import annotations

import asyncio
import mmap
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Final

from agentui.sandbox.confinement import ResourceLimits
from agentui.sandbox.files import Usage, disk_usage, unlinked_bytes

INTERVAL_S: Final = 0.05
_BASE_BYTES: Final = 512 << 20
"Resident memory that a worker has from the start, shared with the zygote, generously."
_PAGE_BYTES: Final = mmap.PAGESIZE


class Watchdog:
    """Watches one worker while a step runs; `breach` says which limit was exceeded, if one was."""

    def __init__(self, pid: int, session_dir: str, limits: ResourceLimits, kill: Callable[[], None]) -> None:
        self.breach: str | None = None
        self._pid = pid
        self._session_dir = session_dir
        self._limits = limits
        self._kill = kill
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(INTERVAL_S, self._look)
        self._measuring: asyncio.Future[Usage] | Future[Usage] | None = None

    def stop(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _look(self) -> None:
        self._check_disk()
        self._check_process()
        if self.breach is None:
            self._timer = self._loop.call_later(INTERVAL_S, self._look)
        else:
            self._kill()

    def _check_disk(self) -> None:
        if self._measuring is None:
            self._measuring = self._loop.run_in_executor(None, self._measure)
        elif self._measuring.done():
            usage, self._measuring = self._measuring.result(), None
            if usage.files > self._limits.files:
                self.breach = f"it made more than {self._limits.files:,} files"
            elif usage.bytes > self._limits.work_bytes:
                self.breach = f"its files take more than {self._limits.work_bytes:,} bytes"

    def _measure(self) -> Usage:
        usage = disk_usage(self._session_dir, max_files=self._limits.files)
        return Usage(usage.files, usage.bytes + unlinked_bytes(self._pid))

    def _check_process(self) -> None:
        with suppress(OSError, ValueError, IndexError):
            with open(f"/proc/{self._pid}/statm", encoding="ascii") as file:
                resident = int(file.read().split()[1]) * _PAGE_BYTES
            if resident > self._limits.memory_bytes + _BASE_BYTES:
                self.breach = f"it used more than {self._limits.memory_bytes:,} bytes of memory"
            with open(f"/proc/{self._pid}/stat", encoding="ascii", errors="replace") as file:
                threads = int(file.read().rpartition(")")[2].split()[17])
            if threads > self._limits.threads:
                self.breach = f"it started more than {self._limits.threads:,} threads"
