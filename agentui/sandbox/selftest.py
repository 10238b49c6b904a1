"""Finds the best tier by trying to break out of each, from the top: the first where every attempt fails is taken."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from agentui.deltas import OutputStream
from agentui.errors import SandboxUnavailable, ToolError
from agentui.sandbox.base import Artifact, Probe, Sandbox, SandboxInfo
from agentui.sandbox.tiers import TierSpec, obstacle
from agentui.state_events import StateChanged

PROBES: Final = Path(__file__).with_name("probes.py")
_TIMEOUT_S: Final = 10.0

OpenAt = Callable[[TierSpec, SandboxInfo], Awaitable[Sandbox]]


class _NoHost:
    """Offers nothing to the code."""

    def output(self, stream: OutputStream, text: str) -> None:
        """Drop it."""

    def overflow(self, text: str) -> None:
        """Drop it."""

    def artifact(self, artifact: Artifact) -> None:
        """Drop it."""

    def changed(self, change: StateChanged) -> None:
        """Drop it."""

    async def call_tool(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """There are no tools."""
        raise ToolError(f"there is no tool {name!r}")


async def choose_tier(ladder: Sequence[TierSpec], open_at: OpenAt) -> tuple[TierSpec, SandboxInfo]:
    """Try `ladder` from its first rung; `open_at` opens a sandbox at a rung.

    Raises:
        SandboxUnavailable: No rung holds; the message says why each does not.
    """
    failed: list[str] = []
    probes: tuple[Probe, ...] = ()
    for spec in ladder:
        why = obstacle(spec)
        if why is None:
            why, probes = await _try(spec, open_at)
        if why is None:
            info = SandboxInfo(tier=spec.tier, promise=spec.promise, reason="; ".join(failed), probes=probes)
            return spec, info
        failed.append(f"not tier {spec.tier}: {why}")
    raise SandboxUnavailable("code cannot be run here: " + "; ".join(failed))


async def _try(spec: TierSpec, open_at: OpenAt) -> tuple[str | None, tuple[Probe, ...]]:
    """Why `spec` does not hold, None if it does, and what was tried."""
    info = SandboxInfo(tier=spec.tier, promise=spec.promise, reason="")
    try:
        sandbox = await open_at(spec, info)
    except SandboxUnavailable as error:
        return str(error), ()
    try:
        if spec.tier == "U":
            return None, ()
        return await _probe(sandbox, needs_files=spec.confinement.syscalls == "files")
    finally:
        await sandbox.close()


async def _probe(sandbox: Sandbox, *, needs_files: bool) -> tuple[str | None, tuple[Probe, ...]]:
    with tempfile.TemporaryDirectory(prefix="agentui-canary-") as directory:
        canary = Path(directory) / "canary"
        canary.write_text("canary", encoding="utf-8")
        call = f"final_answer(attempts({os.getpid()}, {str(canary)!r}, {needs_files}))"
        code = f"{PROBES.read_text(encoding='utf-8')}\n{call}\n"
        result = await sandbox.execute(code, _NoHost(), timeout_s=_TIMEOUT_S)
    if result.error is not None:
        return f"the self-test failed: {result.error.kind}: {result.error.message}", ()
    unusable, attempts = result.value
    probes = tuple(Probe(name=name, refused=refused, detail=detail) for name, refused, detail in attempts)
    if unusable:
        return unusable, probes
    reached = [f"{probe.name} ({probe.detail})" for probe in probes if not probe.refused]
    return (f"the code reached: {', '.join(reached)}" if reached else None), probes
