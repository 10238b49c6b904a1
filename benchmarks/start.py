"""What it takes to begin: seconds to import the package, and memory of a run that waits for its model."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import statistics
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

from agentui.agent import CodeAgent
from agentui.testing import FakePool, Gate, ScriptedModel
from benchmarks.table import print_table

PROCESSES = 5
RUNS = 50
IMPORTS = {
    "import agentui": "agentui",
    "from agentui import CodeAgent, OpenAIServerModel": "agentui",
    "import openai": "openai",
    "import agentui.ui.app": "gradio",
    "from smolagents import CodeAgent, OpenAIModel": "smolagents",
}
TIMED = "import time; a = time.perf_counter(); {}; print(time.perf_counter() - a)"


def import_seconds(statement: str) -> str:
    """Median over fresh processes, after one that warms the disk's cache."""
    command = [sys.executable, "-c", TIMED.format(statement)]
    times = [
        float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(PROCESSES + 1)
    ]
    return f"{statistics.median(times[1:]):.3f}"


def resident_bytes() -> int:
    """Of this process, as the kernel counts it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


async def hold(runs: int, size: Callable[[], int]) -> int:
    """By how much `size` grows for so many runs that have streamed a little and now wait for their model."""
    gc.collect()
    before = size()
    gates = [Gate() for _ in range(runs)]
    started = []
    for gate in gates:
        model = ScriptedModel([["A thought. ", gate, "<code>final_answer(1)</code>"]])
        started.append(CodeAgent([], model, stream_outputs=True, sandbox_pool=FakePool()).start("task"))
        await gate.reached
    gc.collect()
    grown = size() - before
    for gate in gates:
        gate.open()
    await asyncio.gather(*(run.wait() for run in started))
    return grown


async def idle_runs() -> None:
    """Print the memory of idle runs; the first few pay for what all share.

    The kernel counts pages, which may have been free inside the process before; Python counts its own objects.
    """
    await hold(5, resident_bytes)
    resident = await hold(RUNS, resident_bytes)
    tracemalloc.start()
    objects = await hold(RUNS, lambda: tracemalloc.get_traced_memory()[0])
    rows = [
        [name, f"{size / 1e6:.1f}", f"{size / RUNS / 1e3:.0f}"]
        for name, size in (("resident (kernel)", resident), ("objects (Python)", objects))
    ]
    print_table(f"Memory of {RUNS} runs that wait for their model", ["", "MB in all", "kB a run"], rows)


def main() -> None:
    """Print both tables."""
    rows = [
        [statement, import_seconds(statement)]
        for statement, package in IMPORTS.items()
        if importlib.util.find_spec(package)
    ]
    print_table(f"Import: seconds, median of {PROCESSES} fresh processes", ["", "s"], rows)
    if Path("/proc/self/status").exists():
        asyncio.run(idle_runs())
    else:
        print("\nMemory of runs: only measured on Linux")


if __name__ == "__main__":
    main()
