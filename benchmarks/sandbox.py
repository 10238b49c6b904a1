"""How fast the sandbox is on this machine: `python -m benchmarks.sandbox [--tier B] [--stops 100]` prints a table.

Plain Python is this interpreter, running the same code with `exec` in a fresh namespace. Memory is PSS: private pages
plus a share of the shared ones, as the kernel counts them.
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

from agentui.events import OutputStream
from agentui.sandbox.base import Artifact, ExecResult
from agentui.sandbox.local import LocalSandboxPool
from agentui.sandbox.session import LocalSandbox

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
CALLS = "for number in range(300): echo(number)"


class BenchmarkHost:
    """Answers tool calls with their first argument, and notices the first output."""

    def __init__(self) -> None:
        self.printed = asyncio.Event()

    def output(self, stream: OutputStream, text: str) -> None:
        """Notice it."""
        self.printed.set()

    def overflow(self, text: str) -> None:
        """Drop it."""

    def artifact(self, artifact: Artifact) -> None:
        """Drop it."""

    async def call_tool(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Echo."""
        return args[0]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tier", choices=("A", "B", "D", "U"), help="default: the best this machine offers")
    parser.add_argument("--stops", type=int, default=50, help="endless loops to stop (default %(default)s)")
    parser.add_argument("--sessions", type=int, default=50, help="sessions to open (default %(default)s)")
    arguments = parser.parse_args()
    rows = asyncio.run(measure(arguments.tier, arguments.sessions, arguments.stops))
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
        rows.append(("memory of an idle worker (PSS)", _memory(sandboxes)))
        await asyncio.gather(*(sandbox.close() for sandbox in sandboxes))
        sandbox = await pool.open(tools=["echo"])
        rows += await _steps(sandbox)
        rows.append((f"stop of an endless loop ({stops})", _ms(await _stops(sandbox, stops))))
    finally:
        await pool.close()
    return rows


async def _steps(sandbox: LocalSandbox) -> list[tuple[str, str]]:
    host = BenchmarkHost()

    async def run(code: str) -> ExecResult:
        result = await sandbox.execute(code, host)
        if result.error is not None:
            raise SystemExit(f"{result.error.kind}: {result.error.message}")
        return result

    await run("x = 1")
    steps, _ = await _times(500, lambda: run("x + 1"))
    calls, _ = await _times(5, lambda: run(CALLS))
    return [
        ("warm step (500)", _ms(steps)),
        ("loop of 3,000,000 against plain Python", await _ratio(LOOP, run)),
        ("fib(27) against plain Python", await _ratio(FIB, run)),
        ("tool call and back (1,500)", _ms([seconds / 300 for seconds in calls])),
    ]


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


async def _stops(sandbox: LocalSandbox, count: int) -> list[float]:
    seconds: list[float] = []
    for _ in range(count):
        host = BenchmarkHost()
        task = asyncio.create_task(sandbox.execute("print('on')\nwhile True: pass", host))
        await host.printed.wait()
        started = time.perf_counter()
        task.cancel()
        await asyncio.wait({task})
        seconds.append(time.perf_counter() - started)
    return seconds


async def _times(count: int, action: Callable[[], Awaitable[T]]) -> tuple[list[float], list[T]]:
    seconds: list[float] = []
    results: list[T] = []
    for _ in range(count):
        started = time.perf_counter()
        results.append(await action())
        seconds.append(time.perf_counter() - started)
    return seconds, results


def _memory(sandboxes: Sequence[LocalSandbox]) -> str:
    sizes: list[int] = []
    for sandbox in sandboxes:
        lines = Path(f"/proc/{sandbox.pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        sizes += [int(line.split()[1]) for line in lines if line.startswith("Pss:")]
    return f"{statistics.median(sizes) / 1024:.1f} MB"


def _ms(seconds: Sequence[float]) -> str:
    if len(seconds) == 1:
        return f"{seconds[0] * 1e3:.0f} ms"
    ordered = sorted(second * 1e3 for second in seconds)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"p50 {statistics.median(ordered):.2f} ms, p95 {p95:.2f} ms, max {ordered[-1]:.2f} ms"


if __name__ == "__main__":
    main()
