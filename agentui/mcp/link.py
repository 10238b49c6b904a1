"""What a session needs of a transport: two streams of messages, and to be told of the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TypeAlias

from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage

MAX_MESSAGE_BYTES = 32_000_000
"A server that sends more at once is disconnected."


@dataclass(slots=True)
class Link:
    """The streams of one connection."""

    received: MemoryObjectReceiveStream[SessionMessage | Exception]
    to_send: MemoryObjectSendStream[SessionMessage]
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    "Set when the server is gone, where a transport notices."
    last_words: list[str] = field(default_factory=list[str])
    "Why it ended, and what it said on the way, as far as it is known."

    def end(self, why: str) -> None:
        """Give the connection up."""
        self.last_words.append(why)
        self.ended.set()


Transport: TypeAlias = Callable[[], AbstractAsyncContextManager[Link]]
