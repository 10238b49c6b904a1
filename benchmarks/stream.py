"""What reading a stream costs a chunk: `OpenAIServerModel.stream` against plain iteration with the openai client.

The server runs in a process of its own and sends ready-made bytes as fast as they are taken, so what is measured is
the reading. Both readers take turns over the same bytes, and every stream is read to its last chunk. The ratio is
that of the medians; at most 1.5 is the promise.

    python -m benchmarks.stream
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

from openai import AsyncOpenAI

from agentui.models.openai_server import OpenAIServerModel

SIZES = (1_000, 5_000, 20_000)
ROUNDS = 7
PROMPT = [{"role": "user", "content": "Count."}]


def stream_bytes(chunks: int) -> list[bytes]:
    """The events of an answer in OpenAI's form, usage last."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1770933892, "model": "bench"}
    bodies: list[dict[str, object]] = [
        {"choices": [{"index": 0, "delta": {"content": f" word{number % 100}"}, "finish_reason": None}]}
        for number in range(chunks - 2)
    ]
    bodies.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    bodies.append(
        {"choices": [], "usage": {"prompt_tokens": 8, "completion_tokens": chunks, "total_tokens": chunks + 8}}
    )
    events = [b"data: " + json.dumps(head | body).encode() + b"\n\n" for body in bodies]
    return [*events, b"data: [DONE]\n\n"]


async def serve() -> None:
    """Answer `/<chunks>/v1/chat/completions`; print the port, and end with standard input."""
    ready = {size: [b"%x\r\n%s\r\n" % (len(event), event) for event in stream_bytes(size)] for size in SIZES}

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                )
                await reader.readexactly(length)
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
                )
                for event in ready[int(head.split(b"/")[1])]:
                    writer.write(event)
                    await writer.drain()
                writer.write(b"0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


async def plain(base_url: str) -> int:
    """Chunks read by the openai client."""
    async with AsyncOpenAI(base_url=base_url, api_key="bench") as client:
        stream = await client.chat.completions.create(model="bench", messages=PROMPT, stream=True)
        return len([chunk async for chunk in stream])


async def ours(base_url: str) -> int:
    """Deltas read by our model."""
    model = OpenAIServerModel("bench", base_url, "bench")
    count = len([delta async for delta in model.stream(PROMPT)])
    await model.aclose()
    return count


async def seconds(read: Callable[[str], Awaitable[int]], base_url: str) -> float:
    """How long one reading takes."""
    started = time.perf_counter()
    await read(base_url)
    return time.perf_counter() - started


async def compare(port: int) -> None:
    """Print the table."""
    print(f"{'chunks':>7} {'plain µs/chunk':>15} {'ours µs/chunk':>14} {'ratio':>6}")
    for size in SIZES:
        base_url = f"http://127.0.0.1:{port}/{size}/v1"
        times: dict[str, list[float]] = {"plain": [], "ours": []}
        await plain(base_url), await ours(base_url)
        for _ in range(ROUNDS):
            times["plain"].append(await seconds(plain, base_url))
            times["ours"].append(await seconds(ours, base_url))
        left, right = (statistics.median(times[name]) / size * 1e6 for name in ("plain", "ours"))
        print(f"{size:>7,} {left:>15.1f} {right:>14.1f} {right / left:>6.2f}")


def main() -> None:
    """Run the server in a process of its own, and compare."""
    command = [sys.executable, "-m", "benchmarks.stream", "serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        if server.stdout is None or server.stdin is None:
            raise SystemExit("the server has no pipes")
        asyncio.run(compare(int(server.stdout.readline())))
        server.stdin.close()


if __name__ == "__main__":
    asyncio.run(serve()) if sys.argv[1:] == ["serve"] else main()
