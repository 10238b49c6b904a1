"""The same answer through smolagents' own loop: prints the CPU seconds. `python -m benchmarks.peer_smolagents N`."""

from __future__ import annotations

import sys
import time

from smolagents import CodeAgent, LogLevel, Model
from smolagents.models import ChatMessageStreamDelta

from benchmarks.core import answer


class Scripted(Model):
    """Streams the answer."""

    def __init__(self, deltas: int) -> None:
        super().__init__(model_id="scripted")
        self._deltas = deltas

    def generate_stream(self, messages: object, stop_sequences: object = None, **_: object) -> object:
        for text in answer(self._deltas):
            yield ChatMessageStreamDelta(content=text)


if __name__ == "__main__":
    agent = CodeAgent(tools=[], model=Scripted(int(sys.argv[1])), stream_outputs=True, verbosity_level=LogLevel.OFF)
    start = time.process_time()
    for _ in agent.run("task", stream=True):
        pass
    print(f"{time.process_time() - start:.2f}")
