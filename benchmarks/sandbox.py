"""How fast the sandbox is on this machine: `python -m benchmarks.sandbox [--tier B] [--stops 200]` prints a table.

Plain Python is this interpreter, running the same code with `exec` in a fresh namespace. Memory is PSS: private pages
plus a share of the shared ones, as the kernel counts them. A stop is measured from the cancelled call to its return.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from agentui.deltas import OutputStream
from agentui.errors import SandboxUnavailable
from agentui.sandbox.base import Artifact, ExecResult
from agentui.sandbox.local import LocalSandboxPool
from agentui.sandbox.session import LocalSandbox
from agentui.state_events import StateChanged

T = TypeVar("T")

LOOP = """
def loop():
    total = 0
    for number in range(3_000_000):
        total += number & 7
    return total
loop()
"""
FIB = """
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
fib(27)
"""
PANDAS = """
import numpy as np, pandas as pd
def pandas_work():
    table = pd.DataFrame({"group": np.arange(200_000) % 100, "value": np.arange(200_000) * 0.5})
    return float(table.groupby("group").value.mean().sort_values().rolling(3).sum().iloc[-1])
pandas_work()
"""
ENDLESS = {
    "endless Python": "print('on')\nwhile True: pass",
    "a numpy loop": "import numpy\na = numpy.ones((200, 200))\nprint('on')\nwhile True: a @ a",
    "a C-level call": "print('on')\nsum(range(10 ** 13))",
}
OPENS = """
import time
open("file", "w").close()
started = time.perf_counter()
for _ in range(2_000):
    open("file").close()
(time.perf_counter() - started) / 2_000 * 1e6
"""
CALLS = "for number in range(300): echo(number)"


class BenchmarkHost:
    """Answers tool calls with their first argument, and notices the first output."""

    def __init__(self) -> None:
        self.printed = asyncio.Event()
        self.printed_at = 0.0
        self.text = ""

    def output(self, stream: OutputStream, text: str) -> None:
        """Notice it."""
        self.printed_at = time.perf_counter()
        self.text += text
        self.printed.set()

    def overflow(self, text: str) -> None:
        """Drop it."""

    def artifact(self, artifact: Artifact) -> None:
        """Drop it."""

    def changed(self, change: StateChanged) -> None:
        """Drop it."""

    async def call_tool(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Echo."""
        return args[0]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tier", choices=("A", "B", "C", "D", "U"), help="default: the best this machine offers")
    parser.add_argument("--stops", type=int, default=200, help="stops of each kind (default %(default)s)")
    parser.add_argument("--sessions", type=int, default=50, help="sessions to open (default %(default)s)")
    arguments = parser.parse_args()
    rows = asyncio.run(measure(arguments.tier, arguments.sessions, arguments.stops))
    if arguments.tier is None:
        rows += asyncio.run(measure_broker(arguments.sessions))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        sys.stdout.write(f"{name:<{width}}  {value}\n")


async def measure(tier: Any, sessions: int, stops: int) -> list[tuple[str, str]]:
    """Names and values of all measurements."""
    started = time.perf_counter()
    pool = LocalSandboxPool(tier=tier)
    info = await pool.info()
    rows = [("tier", info.tier), ("start of the zygote and self-test", _ms([time.perf_counter() - started]))]
    try:
        opened, sandboxes = await _times(sessions, pool.open)
        rows.append((f"new session ({sessions})", _ms(opened)))
        rows.append(("memory of an idle worker (PSS)", _median_mb(sandboxes)))
        for sandbox in sandboxes:
            await _run(sandbox, PANDAS)
        rows.append((f"memory of {sessions} sessions that used pandas, and the zygote (PSS)", _total_mb(sandboxes)))
        await asyncio.gather(*(sandbox.close() for sandbox in sandboxes))
        sandbox = await pool.open(tools=["echo"])
        rows += await _steps(sandbox)
        for name, code in ENDLESS.items():
            rows.append((f"stop of {name} ({stops})", await _stops(sandbox, code, stops)))
    finally:
        await pool.close()
    return rows


async def measure_broker(sessions: int) -> list[tuple[str, str]]:
    """What it costs where the host opens the files."""
    pool = LocalSandboxPool(tier="C")
    try:
        await pool.info()
        opened, sandboxes = await _times(sessions, pool.open)
        steps, _ = await _times(500, lambda: _run(sandboxes[0], "1 + 1"))
        opens = await _run(sandboxes[0], OPENS)
        await asyncio.gather(*(sandbox.close() for sandbox in sandboxes))
    except SandboxUnavailable as error:
        return [("tier C", str(error))]
    finally:
        await pool.close()
    return [
        (f"tier C: new session ({sessions})", _ms(opened)),
        ("tier C: warm step (500)", _ms(steps)),
        ("tier C: open and close a file (2,000)", f"{opens.value:.0f} µs"),
    ]


async def _run(sandbox: LocalSandbox, code: str, host: BenchmarkHost | None = None) -> ExecResult:
    result = await sandbox.execute(code, host or BenchmarkHost())
    if result.error is not None:
        raise SystemExit(f"{result.error.kind}: {result.error.message}")
    return result


async def _steps(sandbox: LocalSandbox) -> list[tuple[str, str]]:
    async def run(code: str) -> ExecResult:
        return await _run(sandbox, code)

    await run("x = 1")
    steps, _ = await _times(500, lambda: run("x + 1"))
    calls, _ = await _times(5, lambda: run(CALLS))
    prints = [await _first_print(sandbox) for _ in range(200)]
    opens = await run(OPENS)
    return [
        ("warm step (500)", _ms(steps)),
        ("loop of 3,000,000 against plain Python", await _ratio(LOOP, run)),
        ("fib(27) against plain Python", await _ratio(FIB, run)),
        ("pandas, 200,000 rows, against plain Python", await _ratio(PANDAS, run)),
        ("tool call and back (1,500)", _ms([seconds / 300 for seconds in calls])),
        ("print to host (200)", _ms(prints)),
        ("open and close a file (2,000)", f"{opens.value:.0f} µs"),
    ]


async def _first_print(sandbox: LocalSandbox) -> float:
    """Seconds from a print in the code to the host's having it; both read the same clock."""
    host = BenchmarkHost()
    await _run(sandbox, "import time\nprint(time.perf_counter())\ntime.sleep(0.01)", host)
    return host.printed_at - float(host.text)


async def _ratio(code: str, run: Callable[[str], Awaitable[ExecResult]]) -> str:
    """Best of five each, taken in turn, so that both meet the same noise."""
    plain: list[float] = []
    inside: list[float] = []
    compiled = compile(code, "<plain>", "exec")
    for _ in range(5):
        started = time.perf_counter()
        exec(compiled, {})
        plain.append(time.perf_counter() - started)
        inside.append((await run(code)).duration_s)
    return f"{min(inside) / min(plain):.2f}×  ({min(inside) * 1e3:.0f} ms against {min(plain) * 1e3:.0f} ms)"


async def _stops(sandbox: LocalSandbox, code: str, count: int) -> str:
    seconds: list[float] = []
    lost = 0
    for _ in range(count):
        host = BenchmarkHost()
        # A line that follows another at once is sent by a thread, which a C-level call does not let run.
        task = asyncio.create_task(sandbox.execute(f"import time\ntime.sleep(0.006)\n{code}", host))
        await host.printed.wait()
        await asyncio.sleep(0.02)
        started = time.perf_counter()
        task.cancel()
        await asyncio.wait({task})
        seconds.append(time.perf_counter() - started)
        lost += (await sandbox.execute("1", host)).state_lost
    return f"{_ms(seconds)}; state lost {lost} times"


async def _times(count: int, action: Callable[[], Awaitable[T]]) -> tuple[list[float], list[T]]:
    seconds: list[float] = []
    results: list[T] = []
    for _ in range(count):
        started = time.perf_counter()
        results.append(await action())
        seconds.append(time.perf_counter() - started)
    return seconds, results


def _pss_kb(pid: int | None) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _median_mb(sandboxes: Sequence[LocalSandbox]) -> str:
    return f"{statistics.median(_pss_kb(sandbox.pid) for sandbox in sandboxes) / 1024:.1f} MB"


def _total_mb(sandboxes: Sequence[LocalSandbox]) -> str:
    status = Path(f"/proc/{sandboxes[0].pid}/stat").read_text(encoding="ascii")
    zygote = int(status.rpartition(")")[2].split()[1])
    return f"{(sum(_pss_kb(sandbox.pid) for sandbox in sandboxes) + _pss_kb(zygote)) / 1024:.0f} MB"


def _ms(seconds: Sequence[float]) -> str:
    if len(seconds) == 1:
        return f"{seconds[0] * 1e3:.0f} ms"
    ordered = sorted(second * 1e3 for second in seconds)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"p50 {statistics.median(ordered):.2f} ms, p95 {p95:.2f} ms, max {ordered[-1]:.2f} ms"


if __name__ == "__main__":
    main()
