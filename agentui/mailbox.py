"""What somebody says to a running agent, until the agent reads it.

Messages are read between two steps. One that cannot wait cuts the step that goes on: its connection is closed, or its
code interrupted, and the step ends in good order. Until it is read a message can be taken back. Lives on the run's
event loop.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from agentui.errors import ConfigError
from agentui.jsonable import clean_text
from agentui.steering_events import MessageAdded

MAX_UNREAD = 20
CUT = "cut short for a message"
"The error of a step that was."


class CutShort(Exception):
    """A message could not wait."""


@dataclass(frozen=True, slots=True)
class Message:
    """Something that was said and not read yet."""

    message_id: str
    "Unique in the run."
    text: str


class Mailbox:
    """The messages of one run.

    Args:
        elapsed: Seconds since the run started.

    Attributes:
        unread: Those that no request has held yet, oldest first.
        cut_at: When a cut was asked for: seconds since the run started; None if none was.
    """

    def __init__(self, elapsed: Callable[[], float]) -> None:
        self.unread: list[Message] = []
        self.cut_at: float | None = None
        self._ids = itertools.count(1)
        self._cut = False
        self._elapsed = elapsed
        self._open: asyncio.Timeout | None = None

    def put(self, text: str) -> Message:
        """Take a message.

        Raises:
            ConfigError: It is empty, or too many wait.
        """
        text = clean_text(text).strip()
        if not text:
            raise ConfigError("the message is empty: say something")
        if len(self.unread) >= MAX_UNREAD:
            raise ConfigError(f"{MAX_UNREAD} messages wait already: send one of them now, or remove some")
        message = Message(f"message_{next(self._ids)}", text)
        self.unread = [*self.unread, message]
        return message

    def take_back(self, message_id: str) -> Message | None:
        """Remove a message that was not read; None if there is none with this id."""
        found = next((message for message in self.unread if message.message_id == message_id), None)
        self.unread = [message for message in self.unread if message is not found]
        return found

    def cut(self) -> None:
        """Cut what can be cut, so that the messages are read now; does nothing if there are none."""
        if self.unread and self._open is not None and self.cut_at is None:
            self.cut_at = self._elapsed()
            self._open.reschedule(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def cutting(self) -> AsyncGenerator[None]:
        """What is done inside can be cut.

        Raises:
            CutShort: It was, and has cleaned up.
        """
        try:
            async with asyncio.timeout(None) as self._open:
                yield
        except TimeoutError as error:
            if self._open is None or not self._open.expired():
                raise
            self._cut = True
            raise CutShort from error
        finally:
            self._open = None

    def read(self, emit: Callable[[Any], None]) -> list[MessageAdded]:
        """Take out what is unread, and record it; of several only the last has cut what went on."""
        unread, self.unread = self.unread, []
        cut, self._cut, self.cut_at = self._cut, False, None
        last = len(unread) - 1
        added = [
            MessageAdded(text=message.text, interrupted=cut and index == last) for index, message in enumerate(unread)
        ]
        for message in added:
            emit(message)
        return added
