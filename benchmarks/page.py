"""What the page costs the server: CPU per delta from the record to the bytes on the wire, for one page that watches.

A run's records are played at 60 deltas a second, and a frame is made whenever the page's own pace allows one. What
Gradio does with a frame's data is done too (copy, difference to the frame before, JSON); its fixed cost a frame,
about 0.4 ms, is not part of the table, because it depends neither on the answer nor on the history.
"""

from __future__ import annotations

import asyncio
import time

import orjson
from gradio.processing_utils import add_root_url
from gradio.utils import diff

from agentui.agent import CodeAgent
from agentui.events import Record
from agentui.testing import FakePool, ScriptedModel
from agentui.ui.feed import Feed
from agentui.ui.pace import pace
from agentui.ui.visitors import Visitor
from benchmarks.table import print_table

SIZES = (1_000, 5_000, 20_000)
HISTORIES = (0, 50, 200)
DELTAS_PER_SECOND = 60


class Recorded:
    """Stands in for a run: the feed asks no more of it."""

    def __init__(self, records: list[Record]) -> None:
        self.run_id = records[0].run_id
        self.records: list[Record] = []
        self.done = False

    def elapsed(self) -> float:
        """Seconds; any number will do."""
        return 1.0


async def record(deltas: int) -> list[Record]:
    """The records of a run whose answer has about `deltas` deltas, half prose and half code."""
    prose = ["word "] * (deltas // 2)
    prose[::40] = ["\n\nNext "] * len(prose[::40])
    code = ["<code>\n", *["x = 1\n"] * (deltas // 2), "final_answer(x)\n", "</code>"]
    agent = CodeAgent([], ScriptedModel([[*prose, *code]]), stream_outputs=True, sandbox_pool=FakePool())
    return list((await agent.start("task").wait()).records)


def visitor_with(history: list[Record], messages: int) -> Visitor:
    """A visitor who has about `messages` settled messages already."""
    visitor = Visitor("visitor")
    while len(visitor.settled) < messages:
        take = visitor.begin("an earlier task")
        for old in history:
            take(old)
    return visitor


def play(visitor: Visitor, records: list[Record], *, whole_chat: bool = False) -> tuple[float, int]:
    """CPU seconds and frames for a run that one page watches.

    Args:
        visitor: Gets the run.
        records: Of the run.
        whole_chat: Send the settled messages with every frame, as a page with one Chatbot would.
    """
    run = Recorded(records)
    feed = Feed(visitor)
    feed.take()
    shown: list[object] | None = None
    frames, next_frame = 0, 0.0
    begun = time.process_time()
    take = visitor.begin("task")
    visitor.runs[-1].run = run
    for index, item in enumerate(records):
        run.records.append(item)
        take(item)
        now = index / DELTAS_PER_SECOND
        if now >= next_frame:
            next_frame = now + pace(visitor.weight)
            chat = [*visitor.settled, *visitor.live] if whole_chat else visitor.live
            data = add_root_url([chat, feed.take()], "http://127.0.0.1:7860", None)
            orjson.dumps(data if shown is None else [diff(old, new) for old, new in zip(shown, data, strict=True)])
            shown, frames = data, frames + 1
    return time.process_time() - begun, frames


def main() -> None:
    """Print the table."""
    history = asyncio.run(record(200))
    rows: list[list[object]] = []
    for deltas in SIZES:
        records = asyncio.run(record(deltas))
        for messages in HISTORIES:
            cpu, frames = play(visitor_with(history, messages), records)
            whole, _ = play(visitor_with(history, messages), records, whole_chat=True)
            rows.append(
                [
                    f"{deltas:,}",
                    messages,
                    frames,
                    f"{cpu / len(records) * 1e6:.0f}",
                    f"{whole / len(records) * 1e6:.0f}",
                ]
            )
    print_table(
        "Page: server CPU per delta, one page watching, 60 deltas a second",
        ["deltas", "settled messages", "frames", "µs/delta", "µs/delta if the whole chat were sent"],
        rows,
    )


if __name__ == "__main__":
    main()
