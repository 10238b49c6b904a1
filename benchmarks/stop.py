"""Milliseconds from `run.stop()` to the closed socket of the model server, as the server saw it: streaming, silent,
before the first byte, and while waiting for a retry. `python -m benchmarks.stop [stops]`."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time

from agentui.agent import CodeAgent
from agentui.events import ModelRetried, TextDelta
from agentui.models.openai_server import OpenAIServerModel
from agentui.runner import Run
from agentui.testing import FakePool, Gate, Reply, serve_chat
from benchmarks.table import print_table

STOPS = 50


async def _until(run: Run, kind: type) -> None:
    async for batch in run.subscribe():
        if any(isinstance(record.event, kind) for record in batch):
            return


async def _stop_once(answer: list[object], *, wait_for: type | None, reached: Gate | None) -> float:
    with serve_chat(answer) as server:
        model = OpenAIServerModel(model_id="m", api_base=server.base_url)
        run = CodeAgent(tools=[], model=model, stream_outputs=True, sandbox_pool=FakePool()).start("task")
        if reached is not None:
            await reached.reached
        if wait_for is not None:
            await _until(run, wait_for)
        asked = time.monotonic()
        run.stop()
        result = await run.wait()
        ended = time.monotonic()
        await model.aclose()
        request = server.requests[0]
        await request.closed
        if result.status != "stopped":
            raise RuntimeError(f"the run ended as {result.status}: {result.error}")
        closed = ended if request.finished else request.closed_at
        return (closed - asked) * 1000


async def measure(name: str, stops: int) -> list[float]:
    """Times of `stops` stops in one situation."""
    times = []
    for _ in range(stops):
        gate = Gate(name)
        situations = {
            "streaming": (["word "] * 20_000 + [gate], TextDelta, None),
            "silent in the middle": (["word ", gate], TextDelta, gate),
            "before the first byte": ([gate, "word"], None, gate),
            "waiting for a retry": ([Reply(503, "busy", {"retry-after": "30"})], ModelRetried, None),
        }
        answer, wait_for, reached = situations[name]
        times.append(await _stop_once(answer, wait_for=wait_for, reached=reached))
        gate.open()
    return sorted(times)


def main() -> None:
    stops = int(sys.argv[1]) if len(sys.argv) > 1 else STOPS
    rows = []
    for name in ("streaming", "silent in the middle", "before the first byte", "waiting for a retry"):
        times = asyncio.run(measure(name, stops))
        p95 = times[min(len(times) - 1, int(len(times) * 0.95))]
        rows.append([name, f"{statistics.median(times):.1f}", f"{p95:.1f}", f"{times[-1]:.1f}"])
    print_table(
        f"Stop: ms from the click to the closed connection, {stops} stops each", ["", "p50", "p95", "max"], rows
    )


if __name__ == "__main__":
    main()
