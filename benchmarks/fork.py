"""What it costs to keep every step: `python -m benchmarks.fork [--tier B]` prints tables.

The state is one array of the given size besides a small namespace. A process that is forked instead (`os.fork`, as a
frozen worker a step would be) is measured with the same arrays in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy

from agentui.agent import CodeAgent
from agentui.limits import Limits
from agentui.sandbox.base import Snapshot
from agentui.sandbox.confinement import ResourceLimits
from agentui.sandbox.local import LocalSandboxPool
from agentui.sandbox.session import LocalSandbox
from agentui.testing import ScriptedModel
from benchmarks.sandbox import BenchmarkHost
from benchmarks.table import print_table

MEGABYTE = 1_000_000
SIZES = (0, 1, 30, 100, 500)
ROUNDS = 7
NAMESPACE = "import json\nx = 1\nitems = {'a': [1, 2, 3]}\ndef f(a): return a + x\nclass C: pass\nc = C()"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tier", choices=("A", "B", "C", "D", "U"), help="default: the best this machine offers")
    asyncio.run(measure(parser.parse_args().tier))


async def measure(tier: Any) -> None:
    """Print all tables."""
    pool = LocalSandboxPool(tier=tier, limits=ResourceLimits(memory_bytes=4 << 30))
    info = await pool.info()
    try:
        rows = [await _state(pool, megabytes) for megabytes in SIZES]
        head = ["array", "first snapshot", "unchanged", "one element changed", "restore", "os.fork"]
        print_table(f"A snapshot at tier {info.tier}, ms (median of {ROUNDS}; budget raised to 1 GB)", head, rows)
        print_table("A step, ms p50 and p95", ["", "p50", "p95"], await _steps(pool))
        print_table("A fork at step 3 of 5, ms to its first request", ["", "p50", "p95"], await _forks(pool))
    finally:
        await pool.close()


async def _state(pool: LocalSandboxPool, megabytes: int) -> list[str]:
    first: list[float] = []
    unchanged: list[float] = []
    changed: list[float] = []
    restored: list[float] = []
    for _ in range(ROUNDS if megabytes < 500 else 3):
        sandbox, fork = await _opened(pool), await _opened(pool)
        await sandbox.execute(
            f"{NAMESPACE}\nimport numpy\na = numpy.ones({megabytes * MEGABYTE}, 'u1')", BenchmarkHost()
        )
        seconds, _ = await _timed(sandbox.snapshot)
        first.append(seconds)
        seconds, snapshot = await _timed(sandbox.snapshot)
        unchanged.append(seconds)
        if not isinstance(snapshot, Snapshot):
            await asyncio.gather(sandbox.close(), fork.close())
            return [f"{megabytes} MB", snapshot.reason, "", "", "", _forked(megabytes)]
        await sandbox.execute("if a.size: a[0] += 1", BenchmarkHost())
        changed.append((await _timed(sandbox.snapshot))[0])
        kept = snapshot
        restored.append((await _timed(lambda fork=fork, kept=kept: fork.restore(kept)))[0])
        await asyncio.gather(sandbox.close(), fork.close())
    figures = [_ms(statistics.median(seconds)) for seconds in (first, unchanged, changed, restored)]
    return [f"{megabytes} MB", *figures, _forked(megabytes)]


async def _opened(pool: LocalSandboxPool) -> LocalSandbox:
    sandbox = await pool.open()
    sandbox.max_state_bytes = 1_000 * MEGABYTE
    sandbox.snapshot_timeout_s = 60.0
    return sandbox


def _forked(megabytes: int) -> str:
    """Fork a process that holds such an array, until the child runs and the parent has gone on."""
    array = numpy.ones(megabytes * MEGABYTE, "u1")
    seconds: list[float] = []
    for _ in range(ROUNDS):
        read, write = os.pipe()
        started = time.perf_counter()
        child = os.fork()
        if child == 0:
            os.write(write, b"x")
            os._exit(int(array.size < 0))
        os.read(read, 1)
        seconds.append(time.perf_counter() - started)
        os.waitpid(child, 0)
        os.close(read)
        os.close(write)
    return _ms(statistics.median(seconds))


async def _steps(pool: LocalSandboxPool) -> list[list[str]]:
    """Warm steps alone, steps with a snapshot between them, and the snapshots, of a small namespace."""
    sandbox, host = await _opened(pool), BenchmarkHost()
    await sandbox.execute(NAMESPACE, host)
    alone = [(await _timed(lambda: sandbox.execute("x += 1", host)))[0] for _ in range(200)]
    steps: list[float] = []
    snapshots: list[float] = []
    for _ in range(200):
        steps.append((await _timed(lambda: sandbox.execute("x += 1", host)))[0])
        snapshots.append((await _timed(sandbox.snapshot))[0])
    await sandbox.close()
    return [
        ["step, no snapshots", *_quantiles(alone)],
        ["step, a snapshot after each", *_quantiles(steps)],
        ["the snapshot, while the model answers", *_quantiles(snapshots)],
    ]


async def _forks(pool: LocalSandboxPool) -> list[list[str]]:
    """A run of five short steps, forked at its third: from the click to the fork's first model request."""
    bodies = [NAMESPACE, "y = f(1)", "items['b'] = y", "x = 9", "final_answer(x)"]
    answers = [f"<code>\n{body}\n</code>" for body in bodies]
    rows: list[list[str]] = []
    for method in ("snapshot", "rerun"):
        seconds: list[float] = []
        for _ in range(30):
            model = ScriptedModel([*answers, "<code>\nfinal_answer(items['b'])\n</code>"])
            agent = CodeAgent(tools=[], model=model, sandbox_pool=pool, limits=Limits(max_steps=10))
            await agent.start("task").wait()
            started = time.perf_counter()
            run = agent.fork(3, method=method).start(None)
            async for batch in run.subscribe():
                if any(record.event.type == "step_started" for record in batch):
                    break
            seconds.append(time.perf_counter() - started)
            await run.wait()
            if run.output != 2:
                raise SystemExit(f"the fork is wrong: {run.output!r} {run.exception}")
        rows.append([f"by {method}", *_quantiles(seconds)])
    return rows


async def _timed(action: Callable[[], Awaitable[Any]]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = await action()
    return time.perf_counter() - started, result


def _quantiles(seconds: Sequence[float]) -> list[str]:
    ordered = sorted(seconds)
    return [_ms(statistics.median(ordered)), _ms(ordered[int(len(ordered) * 0.95)])]


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.2f}"


if __name__ == "__main__":
    main()
