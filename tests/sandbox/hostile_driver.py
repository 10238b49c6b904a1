"""Runs attacks in sandboxes of one kind and says what each achieved, as JSON lines.

Meant to be started in namespaces of its own (`unshare`): then the host that is attacked is this process alone. The
host holds canaries in its environment, memory, files and in another session, and serves two sockets; after each
attack it looks whether any of them was seen, changed or reached.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentui.sandbox.base import ExecResult
from agentui.sandbox.files import delete_tree
from agentui.sandbox.local import LocalSandboxPool
from agentui.sandbox.session import LocalSandbox
from tests.sandbox.helpers import TOOLS, RecordingHost
from tests.sandbox.kinds import make_pool

CANARY = "CANARY-7f3a"
TIMEOUT_S = 1.0
HONEST_TIMEOUT_S = 15.0
SLACK_S = 2.0
PROTOCOL_FD = 3
LONGEST_PAUSE_S = 2.0
"How long the host's event loop may be held up, on a busy machine."
SELF_DECEIVING = {
    *("proto-monkeypatch", "more-frames-done-early", "more-signal-storm", "more-patch-builtins", "more-patch-modules"),
    *("more-steal-frames", "more-trace-hooks", "more-end-hooks", "more-timer-storm", "more-stop-swallowers"),
}
"They break, forge or interrupt the steps of their own session, and reach no further."
NEEDS_FILES = {
    *("ok-files", "ok-pillow", "more-ok-tempfiles", "more-ok-pathlib"),
    *("more-ok-sqlite-file", "more-ok-pandas-files", "more-ok-plot"),
}
MEMORY = [f"hf_{CANARY}-mem"]


@dataclass
class Target:
    """Everything of the host that an attack may try to reach."""

    root: Path
    reached: list[str] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)

    @classmethod
    async def prepare(cls, other: LocalSandbox) -> Target:
        target = cls(Path(tempfile.mkdtemp(prefix="agentui-target-")))
        os.chmod(target.root, 0o755)
        for name, text in (("secret", CANARY), ("app/app.py", f"KEY = '{CANARY}'"), ("home/.netrc", CANARY)):
            path = target.root / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            path.chmod(0o600)
        server = await asyncio.start_server(target.serve, "0.0.0.0", 0)
        path = str(target.root / "socket")
        await asyncio.start_unix_server(target.serve, path)
        await asyncio.start_unix_server(target.serve, "\0agentui-abstract")
        where = await other.execute(f"import os\nopen('note.txt', 'w').write('{CANARY}')\nos.getcwd()", RecordingHost())
        target.places = {
            "@HOST@": str(os.getpid()),
            "@PORT@": str(server.sockets[0].getsockname()[1]),
            "@SECRET@": str(target.root / "secret"),
            "@HOME@": str(target.root / "home"),
            "@OTHER@": str(where.value),
            "@APP@": str(target.root / "app"),
            "@USOCK@": path,
            "@ABS@": "agentui-abstract",
            "@OTHERPID@": str(other.pid),
            "@PFD@": str(PROTOCOL_FD),
        }
        target.before = target.look()
        return target

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reached.append("a server of the host")
        writer.write(f"HTTP/1.0 200 OK\r\n\r\nPWNED {CANARY}".encode())
        writer.close()

    def look(self) -> dict[str, Any]:
        """The state of everything that must not change."""
        files = sorted(path for path in self.root.rglob("*"))
        marks = {str(path): (path.stat().st_mode, path.stat().st_size, path.stat().st_mtime_ns) for path in files}
        priority = os.getpriority(os.PRIO_PROCESS, 0)
        return {"files": marks, "priority": priority, "affinity": sorted(os.sched_getaffinity(0))}


class Pulse:
    """Notices how long the host's event loop was held up."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._task = asyncio.create_task(self._beat())

    async def _beat(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.02)
            self.longest_s = max(self.longest_s, time.monotonic() - before - 0.02)

    def stop(self) -> float:
        self._task.cancel()
        return self.longest_s


async def attack(
    pool: LocalSandboxPool, target: Target, other: LocalSandbox, case: Mapping[str, str], pool_kind: str
) -> list[str]:
    """Run one attack; returns what went wrong for the host."""
    code = case["code"]
    for placeholder, value in target.places.items():
        code = code.replace(placeholder, value)
    host = RecordingHost()
    sandbox = await pool.open(tools=TOOLS)
    started, pulse = time.monotonic(), Pulse()
    timeout_s = HONEST_TIMEOUT_S if case["want"] == "benign_ok" else TIMEOUT_S
    result = await sandbox.execute(code, host, timeout_s=timeout_s)
    seconds, pause = time.monotonic() - started, pulse.stop()
    problems = list(target.reached)
    target.reached.clear()
    shown = host.text() + (result.value_repr or "")
    everything = shown + repr(result) + repr(host.calls)
    if case["want"] == "no_leak" and "PWNED" in shown:
        problems.append(f"it got through: {shown[:200]!r}")
    if case["want"] != "info" and CANARY in everything:
        problems.append(f"a canary came out: {shown[:200]!r}")
    problems += honest(pool_kind, case, shown, result)
    if seconds > timeout_s + SLACK_S:
        problems.append(f"it held the host for {seconds:.1f} s")
    if pause > LONGEST_PAUSE_S:
        problems.append(f"the host's event loop stood still for {pause:.1f} s")
    patience_s = TIMEOUT_S if case["id"] in SELF_DECEIVING else HONEST_TIMEOUT_S
    again = await sandbox.execute("6 * 7", RecordingHost(), timeout_s=patience_s)
    if again.state_lost:
        again = await sandbox.execute("6 * 7", RecordingHost(), timeout_s=patience_s)
    if again.value != 42 and case["id"] not in SELF_DECEIVING:
        problems.append(f"the session is unusable: {again.error}")
    if (await other.execute("7", RecordingHost())).value != 7:
        problems.append("another session was harmed")
    if target.look() != target.before:
        problems.append(f"the host was changed: {target.look()} was {target.before}")
    await sandbox.close()
    return problems


def honest(kind: str, case: Mapping[str, str], shown: str, result: ExecResult) -> list[str]:
    """What is wrong for code that means no harm: it works, or without files says what it misses."""
    if case["want"] != "benign_ok":
        return []
    if kind == "D" and case["id"] in NEEDS_FILES:
        told = result.error is not None and result.error.kind in {"PermissionError", "OperationalError", "ImportError"}
        return [] if told else [f"without files it ended as {result.error}, having printed {shown!r}"]
    return [] if "OK" in shown else [f"honest code failed: {result.error}"]


async def run(kind: str, cases: Sequence[Mapping[str, str]]) -> None:
    pool = make_pool(kind)
    info = await pool.info()
    emit({"tier": info.tier})
    other = await pool.open()
    target = await Target.prepare(other)
    for case in cases:
        started = time.monotonic()
        problems = await attack(pool, target, other, case, kind)
        emit({"id": case["id"], "problems": problems, "seconds": round(time.monotonic() - started, 3)})
    await pool.close()
    delete_tree(str(target.root))


def emit(data: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(data) + "\n")
    sys.stdout.flush()


def bring_up_loopback() -> None:
    """In a fresh network namespace: loopback, and the address of cloud metadata on it, so that nothing leaves."""
    up, set_flags, set_address = 0x41, 0x8914, 0x8916
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, set_flags, struct.pack("16sH14s", b"lo", up, b""))
        address = struct.pack("H2s4s8s", socket.AF_INET, b"", socket.inet_aton("169.254.169.254"), b"")
        fcntl.ioctl(control, set_address, struct.pack("16s16s", b"lo:1", address))


def main() -> None:
    kind, isolated, *files = sys.argv[1:]
    if isolated == "isolated":
        bring_up_loopback()
    os.environ["HF_TOKEN"] = f"hf_{CANARY}-env"
    cases = [case for file in files for case in json.loads(Path(file).read_text(encoding="utf-8"))]
    asyncio.run(run(kind, cases))


if __name__ == "__main__":
    main()
