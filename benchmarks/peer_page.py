"""smolagents' page for one agent that streams from a model server: `python -m benchmarks.peer_page MODEL_URL`."""

from __future__ import annotations

import sys

from smolagents import CodeAgent, GradioUI, LogLevel, OpenAIServerModel

if __name__ == "__main__":
    model = OpenAIServerModel("bench", api_base=sys.argv[1], api_key="bench")
    agent = CodeAgent(tools=[], model=model, stream_outputs=True, max_steps=1, verbosity_level=LogLevel.OFF)
    GradioUI(agent).launch(share=False, server_name="127.0.0.1")
