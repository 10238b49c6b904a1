"""What reading a stream costs a chunk: `OpenAIServerModel.stream` against the openai client and smolagents.

The server runs in a process of its own and sends ready-made bytes as fast as they are taken, so what is measured is
the reading. The readers take turns over the same bytes, and every stream is read to its last chunk. The ratio to plain
iteration with the openai client is that of the medians; at most 1.5 is the promise. smolagents is measured twice: its
deltas joined once at the end, and joined again at every delta, as its agents and its page do while they show them.

    python -m benchmarks.stream
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from openai import AsyncOpenAI

from agentui.models.base import fold_deltas
from agentui.models.openai_server import OpenAIServerModel
from benchmarks.server import PROMPT, chunk, serve, serving
from benchmarks.table import print_table

SIZES = (1_000, 5_000, 20_000)
ROUNDS = 7
PEER_ROUNDS = 3

Reader: TypeAlias = Callable[[str], Awaitable[int]]


def stream_bytes(chunks: int) -> list[bytes]:
    """An answer of so many events, usage last."""
    bodies: list[dict[str, object]] = [
        {"choices": [{"index": 0, "delta": {"content": f" word{number % 100}"}, "finish_reason": None}]}
        for number in range(chunks - 2)
    ]
    bodies.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    bodies.append(
        {"choices": [], "usage": {"prompt_tokens": 8, "completion_tokens": chunks, "total_tokens": chunks + 8}}
    )
    return [chunk(body) for body in bodies]


async def answer() -> None:
    """Answer `/<chunks>/v1/chat/completions`."""
    ready = {size: stream_bytes(size) for size in SIZES}

    async def respond(path: str, writer: asyncio.StreamWriter) -> None:
        for event in ready[int(path.split("/")[1])]:
            writer.write(event)
            await writer.drain()

    await serve(respond)


async def plain(base_url: str) -> int:
    """Chunks read by the openai client."""
    async with AsyncOpenAI(base_url=base_url, api_key="bench") as client:
        stream = await client.chat.completions.create(model="bench", messages=PROMPT, stream=True)
        return len([event async for event in stream])


async def ours(base_url: str) -> int:
    """Deltas read by our model."""
    model = OpenAIServerModel("bench", base_url, "bench")
    count = len([delta async for delta in model.stream(PROMPT)])
    await model.aclose()
    return count


async def ours_folded(base_url: str) -> int:
    """Deltas read by our model, and joined into the message."""
    model = OpenAIServerModel("bench", base_url, "bench")
    message = fold_deltas([delta async for delta in model.stream(PROMPT)])
    await model.aclose()
    return len(message.content)


def microseconds(read: Reader, base_url: str, size: int) -> float:
    """How long one reading takes, a chunk."""
    started = time.perf_counter()
    asyncio.run(read(base_url))
    return (time.perf_counter() - started) / size * 1e6


def in_turn(readers: dict[str, Reader], base_url: str, size: int, rounds: int) -> dict[str, float]:
    """Median microseconds a chunk; each round has every reader once."""
    times: dict[str, list[float]] = {name: [] for name in readers}
    for read in readers.values():
        microseconds(read, base_url, size)
    for _ in range(rounds):
        for name, read in readers.items():
            times[name].append(microseconds(read, base_url, size))
    return {name: statistics.median(values) for name, values in times.items()}


def compare(port: int) -> None:
    """Print the table against the openai client."""
    rows: list[list[object]] = []
    for size in SIZES:
        median = in_turn({"plain": plain, "ours": ours}, f"http://127.0.0.1:{port}/{size}/v1", size, ROUNDS)
        ratio = median["ours"] / median["plain"]
        rows.append([f"{size:,}", f"{median['plain']:.1f}", f"{median['ours']:.1f}", f"{ratio:.2f}"])
    print_table("Stream: µs a chunk", ["chunks", "openai client, plain", "model.stream", "ratio"], rows)


def compare_peer(port: int) -> None:
    """Print the table against smolagents, if it is there."""
    if importlib.util.find_spec("smolagents") is None:
        print("\nsmolagents is not installed: `make bench` does it")
        return
    peer = importlib.import_module("benchmarks.peer_stream")
    rows: list[list[object]] = []
    for size in SIZES:
        readers: dict[str, Reader] = {"ours": ours_folded, "once": peer.joined_once}
        base_url = f"http://127.0.0.1:{port}/{size}/v1"
        median = in_turn(readers, base_url, size, PEER_ROUNDS)
        live = microseconds(peer.joined_live, base_url, size)  # quadratic: once is enough
        rows.append(
            [
                f"{size:,}",
                f"{median['ours']:.1f}",
                f"{median['once']:.1f}",
                f"{live:,.1f}",
                f"{median['once'] / median['ours']:.2f}",
                f"{live / median['ours']:,.1f}",
            ]
        )
    head = ["chunks", "ours, folded", "smolagents", "joined at every delta", "ratio", "ratio"]
    print_table(f"Stream and message: µs a chunk, against smolagents {peer.VERSION}", head, rows)


def main() -> None:
    """Run the server in a process of its own, and compare."""
    with serving("benchmarks.stream") as port:
        compare(port)
        compare_peer(port)


if __name__ == "__main__":
    asyncio.run(answer()) if sys.argv[1:] == ["serve"] else main()
