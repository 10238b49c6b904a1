"""Await something that has to run on the background loop, from whatever loop this is."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from agentui.loop_thread import background_loop

T = TypeVar("T")


async def on_background(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` on the background loop; a cancelled wait cancels it there."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, background_loop()))
