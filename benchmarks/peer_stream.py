"""The same streams through smolagents' own model and its own joining of deltas."""

from __future__ import annotations

import asyncio

from smolagents import OpenAIModel, __version__
from smolagents.models import agglomerate_stream_deltas

from benchmarks.server import PROMPT

VERSION = __version__


async def joined_once(base_url: str) -> int:
    """Read all deltas, then join them."""
    return await asyncio.to_thread(_read, base_url, live=False)


async def joined_live(base_url: str) -> int:
    """Join what is there at every delta, as its agents do with `stream_outputs=True`, and its page does."""
    return await asyncio.to_thread(_read, base_url, live=True)


def _read(base_url: str, *, live: bool) -> int:
    model = OpenAIModel("bench", api_base=base_url, api_key="bench")
    deltas = []
    for delta in model.generate_stream(PROMPT):
        deltas.append(delta)
        if live:
            agglomerate_stream_deltas(deltas)
    model.client.close()
    return len(agglomerate_stream_deltas(deltas).content)
