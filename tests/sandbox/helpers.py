"""A host that records what the code does, and tools that answer it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from agentui.errors import ToolError
from agentui.events import OutputStream
from agentui.sandbox.base import Artifact


class RecordingHost:
    """Keeps everything; knows the tools `echo`, `fail`, `wait` (until `opened`) and `crash`."""

    def __init__(self) -> None:
        self.output_parts: list[tuple[OutputStream, str]] = []
        self.artifacts: list[Artifact] = []
        self.calls: list[tuple[str, list[Any], dict[str, Any]]] = []
        self.printed = asyncio.Event()
        self.called = asyncio.Event()
        self.opened = asyncio.Event()
        self.cancelled_calls = 0

    def output(self, stream: OutputStream, text: str) -> None:
        self.output_parts.append((stream, text))
        self.printed.set()

    def artifact(self, artifact: Artifact) -> None:
        self.artifacts.append(artifact)

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
            case "crash":
                raise LookupError("a bug in the host")
            case _:
                raise ToolError(f"{name} failed on purpose")

    def text(self, stream: OutputStream | None = None) -> str:
        return "".join(text for name, text in self.output_parts if stream in {None, name})


TOOLS = ("echo", "fail", "wait", "crash")
