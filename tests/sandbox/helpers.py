"""A host that records what the code does, and looks at processes."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agentui.deltas import OutputStream
from agentui.errors import ToolError
from agentui.sandbox.base import Artifact, ExecError
from agentui.sandbox.session import LocalSandbox
from agentui.state_events import StateChanged


class RecordingHost:
    """Keeps everything; knows the tools `echo`, `fail`, `wait` (until `opened`), `crash` and `give` (`result`)."""

    def __init__(self) -> None:
        self.output_parts: list[tuple[OutputStream, str]] = []
        self.overflow_parts: list[str] = []
        self.artifacts: list[Artifact] = []
        self.changes: list[StateChanged] = []
        self.calls: list[tuple[str, list[Any], dict[str, Any]]] = []
        self.printed = asyncio.Event()
        self.called = asyncio.Event()
        self.opened = asyncio.Event()
        self.cancelled_calls = 0
        self.result: Any = None

    def output(self, stream: OutputStream, text: str) -> None:
        self.output_parts.append((stream, text))
        self.printed.set()

    def overflow(self, text: str) -> None:
        self.overflow_parts.append(text)

    def artifact(self, artifact: Artifact) -> None:
        self.artifacts.append(artifact)

    def changed(self, change: StateChanged) -> None:
        self.changes.append(change)

    async def call_tool(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        self.calls.append((name, list(args), dict(kwargs)))
        self.called.set()
        match name:
            case "echo":
                return args[0] if len(args) == 1 and not kwargs else [list(args), dict(kwargs)]
            case "wait":
                try:
                    await self.opened.wait()
                except asyncio.CancelledError:
                    self.cancelled_calls += 1
                    raise
                return "opened"
            case "give":
                return self.result
            case "crash":
                raise LookupError("a bug in the host")
            case _:
                raise ToolError(f"{name} failed on purpose")

    def text(self, stream: OutputStream | None = None) -> str:
        return "".join(text for name, text in self.output_parts if stream in {None, name})


TOOLS = ("echo", "fail", "wait", "crash", "give")


def state_of(pid: int) -> str:
    """The letter of a process's state, "" where there is none; a zombie whose threads still end is "z"."""
    try:
        ending = len(os.listdir(f"/proc/{pid}/task")) > 1
        letter = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return ""
    return "z" if ending and letter == "Z" else letter


def wait_for_state(pid: int, states: str) -> None:
    """Wait until a process is in one of `states`; a process that is gone is in all of them."""
    while (state := state_of(pid)) and state not in states:
        time.sleep(0.001)


def parent_of(sandbox: LocalSandbox) -> int:
    """Process id of the zygote."""
    return int(Path(f"/proc/{pid_of(sandbox)}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[1])


def exists(path: str | Path) -> bool:
    return Path(path).exists()


def pid_of(sandbox: LocalSandbox) -> int:
    assert sandbox.pid is not None
    return sandbox.pid


async def stop_when_printing(sandbox: LocalSandbox, host: RecordingHost, code: str) -> None:
    """Cancel a step as soon as it prints."""
    task = asyncio.create_task(sandbox.execute(code, host))
    await host.printed.wait()
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


async def run(sandbox: LocalSandbox, host: RecordingHost, code: str) -> Any:
    """Run code that must not fail; returns its value."""
    result = await sandbox.execute(code, host)
    assert result.error is None, result.error
    return result.value


async def fail(sandbox: LocalSandbox, host: RecordingHost, code: str) -> ExecError:
    """Run code that must fail; returns how."""
    result = await sandbox.execute(code, host)
    assert result.error is not None
    return result.error
