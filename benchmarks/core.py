"""CPU seconds of the core for one long answer: parse, run, fold; and what smolagents takes for the same answer."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
import time

from agentui.agent import CodeAgent
from agentui.events import RECORD
from agentui.testing import FakePool, ScriptedModel
from agentui.view import fold
from benchmarks.table import print_table

SIZES = (1_000, 5_000, 20_000)
PEER_SIZES = (1_000, 5_000)
"smolagents took 188 s for 20,000 deltas: run `python -m benchmarks.peer_smolagents 20000` to see it."


def answer(deltas: int) -> list[str]:
    """An answer of about `deltas` deltas of 5 characters, a fifth of them code."""
    thought = ["word "] * (deltas * 4 // 5)
    code = ["<code>\n", *["x=1+1\n"] * (deltas // 5), "final_answer(x)\n", "</code>"]
    return [*thought, *code]


async def run_once(deltas: int) -> tuple[float, float, int]:
    """CPU seconds for the run, and for folding and dumping its records."""
    agent = CodeAgent(tools=[], model=ScriptedModel([answer(deltas)]), stream_outputs=True, sandbox_pool=FakePool())
    start = time.process_time()
    result = await agent.start("task").wait()
    middle = time.process_time()
    fold(result.records)
    for record in result.records:
        RECORD.dump_json(record)
    return middle - start, time.process_time() - middle, len(result.records)


def peer(deltas: int) -> str:
    """smolagents' CPU seconds, in a process of its own."""
    if importlib.util.find_spec("smolagents") is None:
        return "not installed"
    words = [sys.executable, "-m", "benchmarks.peer_smolagents", str(deltas)]
    shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return shown.split()[-1]  # after the answer, which it renders whatever its log level


def main() -> None:
    asyncio.run(run_once(100))  # the tokenizer's table is built once a process
    rows = []
    for size in SIZES:
        run_s, fold_s, records = asyncio.run(run_once(size))
        rows.append(
            [
                f"{size:,}",
                f"{run_s:.3f}",
                f"{fold_s:.3f}",
                f"{(run_s + fold_s) / size * 1e6:.1f}",
                f"{records:,}",
                peer(size) if size in PEER_SIZES else "not run",
            ]
        )
    print_table(
        "Core: one answer, CPU seconds",
        ["deltas", "parse + run", "fold + JSON", "µs a delta", "records", "smolagents"],
        rows,
    )


if __name__ == "__main__":
    main()
