"""A hundred streams at 50 tokens a second each, in one process: its share of a core, and how late a token is.

The server runs in a process of its own and writes into every token when it was sent; both read the same clock. A
token is there when the consumer holds it: as a chunk of the openai client, as a delta of our model, or as a record
of a run that is parsed, counted and priced meanwhile.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterable

from openai import AsyncOpenAI

from agentui.agent import CodeAgent
from agentui.events import TextDelta
from agentui.models.openai_server import OpenAIServerModel
from agentui.testing import FakePool
from benchmarks.server import PROMPT, chunk, serve, serving
from benchmarks.table import print_table

STREAMS = 100
TOKENS_PER_S = 50
SECONDS = 3


class Delays:
    """Seconds from the server's write to the consumer, token by token."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._rest = ""

    def take(self, text: str) -> None:
        """Read the times in the text; one may come in parts."""
        now = time.monotonic()
        *whole, self._rest = (self._rest + text).split(" ")
        self.seconds += [now - float(sent) for sent in whole if sent]


async def respond(path: str, writer: asyncio.StreamWriter) -> None:
    """Answer `/<tokens>/v1/…`: the stamped tokens, each on time, whatever the last one took."""
    tokens = int(path.split("/")[1])
    loop = asyncio.get_running_loop()
    started = loop.time()
    for number in range(tokens):
        await asyncio.sleep(started + number / TOKENS_PER_S - loop.time())
        writer.write(chunk({"choices": [{"index": 0, "delta": {"content": f"{time.monotonic():.6f} "}}]}))
    writer.write(chunk({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
    writer.write(chunk({"choices": [], "usage": {"prompt_tokens": 8, "completion_tokens": tokens}}))


async def plain(base_url: str, delays: Iterable[Delays]) -> None:
    """Read with the openai client."""
    async with AsyncOpenAI(base_url=base_url, api_key="bench") as client:

        async def read(delay: Delays) -> None:
            stream = await client.chat.completions.create(model="bench", messages=PROMPT, stream=True)
            async for event in stream:
                if event.choices and event.choices[0].delta.content:
                    delay.take(event.choices[0].delta.content)

        await asyncio.gather(*map(read, delays))


async def model(base_url: str, delays: Iterable[Delays]) -> None:
    """Read with our model."""
    server = OpenAIServerModel("bench", base_url, "bench")

    async def read(delay: Delays) -> None:
        async for delta in server.stream(PROMPT):
            delay.take(delta.content or "")

    await asyncio.gather(*map(read, delays))
    await server.aclose()


async def runs(base_url: str, delays: Iterable[Delays]) -> None:
    """Read the records of whole runs; the answer has no code, so one step is all."""
    server = OpenAIServerModel("bench", base_url, "bench")

    async def read(delay: Delays) -> None:
        agent = CodeAgent([], server, max_steps=1, stream_outputs=True, sandbox_pool=FakePool())
        async for batch in agent.start("Count.").subscribe():
            for record in batch:
                if isinstance(record.event, TextDelta):
                    delay.take(record.event.text)

    await asyncio.gather(*map(read, delays))
    await server.aclose()


async def measure(
    reading: Callable[[str, Iterable[Delays]], Awaitable[None]], base_url: str
) -> tuple[float, list[float], int]:
    """The share of a core, sorted milliseconds of delay, and how many tokens came.

    One short stream comes first: tables and templates are loaded once a process.
    """
    await reading(f"{base_url}/2/v1", [Delays()])
    delays = [Delays() for _ in range(STREAMS)]
    wall, cpu = time.monotonic(), time.process_time()
    await reading(f"{base_url}/{TOKENS_PER_S * SECONDS}/v1", delays)
    share = (time.process_time() - cpu) / (time.monotonic() - wall)
    late = sorted(seconds * 1000 for delay in delays for seconds in delay.seconds)
    return share, late, len(late)


def main() -> None:
    """Print the table."""
    rows: list[list[object]] = []
    with serving("benchmarks.many") as port:
        base_url = f"http://127.0.0.1:{port}"
        for name, reading in (("openai client, to its chunks", plain), ("model.stream, to its deltas", model)):
            rows.append([name, *row(asyncio.run(measure(reading, base_url)))])
        rows.append(["CodeAgent runs, to their records", *row(asyncio.run(measure(runs, base_url)))])
    print_table(
        f"{STREAMS} streams at {TOKENS_PER_S} tokens a second each, one process",
        ["", "CPU of a core", "delay p50 ms", "p95 ms", "max ms", "tokens"],
        rows,
    )


def row(measured: tuple[float, list[float], int]) -> list[str]:
    share, late, count = measured
    p95 = late[int(len(late) * 0.95)]
    return [f"{share:.0%}", f"{statistics.median(late):.1f}", f"{p95:.1f}", f"{late[-1]:.1f}", f"{count:,}"]


if __name__ == "__main__":
    asyncio.run(serve(respond)) if sys.argv[1:] == ["serve"] else main()
