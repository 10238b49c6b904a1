"""Token counts for what no server has reported: estimates, and every user of them says so.

One table, `o200k_base`, counts for every model; the names of most servers' models mean nothing to tiktoken. The table
ships with the package and is checked by its hash: tiktoken's own loader would fetch it from the network, without a
timeout. It takes about 0.3 s to build, so async code awaits `load()` first, which builds it in a thread. Where the
table cannot be read, a rule of thumb counts instead: 1 token for a wide character, 1 for 4 others.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import math
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import tiktoken

from agentui.messages import ChatMessage, MessageLike

logger = logging.getLogger(__name__)

Count: TypeAlias = Callable[[str], int]

MESSAGE_OVERHEAD = 4
"Tokens of the marks around each message."
IMAGE_TOKENS, SMALL_IMAGE_TOKENS, IMAGE_TILE_TOKENS = 765, 85, 170
"An image of unknown size, one in low detail, and each tile of 512 by 512 pixels of a larger one."

_TABLE = Path(__file__).parent / "data" / "o200k_base.tiktoken"
_TABLE_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
_LETTERS_END = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_LETTERS_START = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_ENGLISH_ENDING = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_WORDS = "|".join(
    (
        rf"[^\r\n\p{{L}}\p{{N}}]?{_LETTERS_START}*{_LETTERS_END}+{_ENGLISH_ENDING}",
        rf"[^\r\n\p{{L}}\p{{N}}]?{_LETTERS_START}+{_LETTERS_END}*{_ENGLISH_ENDING}",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)
_SEGMENT_CHARS = 500  # a longer run without a boundary is cut anywhere: encoding one word costs more than linear time
_WIDE = re.compile("[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef\U0001f000-\U0003ffff]")


async def load() -> None:
    """Build the table in a thread, so that later counts do not hold up the event loop."""
    if _Shared.count is None:
        await asyncio.to_thread(_table)


def loaded() -> bool:
    """Whether the table is there, so that counting does not wait for it."""
    return _Shared.count is not None


def count_tokens(text: str) -> int:
    """Tokens in `text`, in time linear in its length. The first call of the process builds the table."""
    count = _table()
    return sum(map(count, _segments(text)))


def count_messages(messages: Iterable[MessageLike]) -> int:
    """Tokens that `messages` cost as input: texts, tool calls, images and the marks around each message."""
    return sum(MESSAGE_OVERHEAD + _message_tokens(message) for message in messages)


class TokenCounter:
    """Counts a text that arrives in pieces. All calls together cost time linear in the text."""

    def __init__(self) -> None:
        self._settled = 0
        self._pending: list[str] = []
        self._pending_chars = 0

    def add(self, text: str) -> None:
        """Take the next piece; cheap, the counting is done when `tokens` is read or much has come together.

        It never waits for the table.
        """
        self._pending.append(text)
        self._pending_chars += len(text)
        if self._pending_chars >= _SEGMENT_CHARS and loaded():
            self._settle()

    @property
    def tokens(self) -> int:
        """Tokens so far."""
        self._settle()
        return self._settled + _table()(self._pending[0])

    def _settle(self) -> None:
        """Count all but the last words, which may still grow."""
        *whole, last = _segments("".join(self._pending))
        count = _table()
        self._settled += sum(map(count, whole))
        tail = _last_words(last)
        self._settled += count(last[: len(last) - len(tail)])
        self._pending = [tail]
        self._pending_chars = len(tail)


def estimate_tokens(text: str) -> int:
    """The rule of thumb that serves where the table cannot be read."""
    wide = len(_WIDE.findall(text))
    return wide + math.ceil((len(text) - wide) / 4)


class _Shared:
    lock = threading.Lock()
    count: Count | None = None


def _table() -> Count:
    """The count function, built once by whichever thread comes first; the others wait for it."""
    if _Shared.count is None:
        with _Shared.lock:
            _Shared.count = _Shared.count or _build(_TABLE)
    return _Shared.count


def _new_lock() -> None:
    """A thread that built the table when the process forked is not there to let go of the lock."""
    _Shared.lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock)


def _build(table: Path) -> Count:
    try:
        encoding = tiktoken.Encoding("o200k_base", pat_str=_WORDS, mergeable_ranks=_ranks(table), special_tokens={})
    except (OSError, ValueError) as problem:
        logger.warning("token counts are a rule of thumb: the table %s cannot be used: %s", table, problem)
        return estimate_tokens
    return lambda text: len(encoding.encode(text, disallowed_special=()))


def _ranks(table: Path) -> dict[bytes, int]:
    data = table.read_bytes()
    if hashlib.sha256(data).hexdigest() != _TABLE_SHA256:
        msg = "its content is not the one that was shipped"
        raise ValueError(msg)
    return {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in data.splitlines())}


def _segments(text: str) -> list[str]:
    return list(_cut(text)) if len(text) > _SEGMENT_CHARS else [text]


def _cut(text: str) -> Iterator[str]:
    start = 0
    while len(text) - start > _SEGMENT_CHARS:
        window = text[start : start + _SEGMENT_CHARS]
        cut = _last_boundary(window) or _SEGMENT_CHARS
        yield window[:cut]
        start += cut
    yield text[start:]


def _last_words(segment: str) -> str:
    """The end of a segment that more text may still change."""
    return segment[_last_boundary(segment) :]


def _last_boundary(text: str) -> int:
    """Index of the last space after a non-space, which no word of the pattern spans; 0 without any."""
    end = len(text)
    while (space := text.rfind(" ", 0, end)) > 0:
        if not text[space - 1].isspace():
            return space
        end = space
    return 0


def _message_tokens(message: MessageLike) -> int:
    content = message.content if isinstance(message, ChatMessage) else message.get("content")
    calls = message.tool_calls if isinstance(message, ChatMessage) else ()
    tokens = sum(count_tokens(call.name) + count_tokens(call.arguments) for call in calls)
    if isinstance(content, str):
        return tokens + count_tokens(content)
    return tokens + sum(_part_tokens(part) for part in content or ())


def _part_tokens(part: Mapping[str, Any]) -> int:
    match part.get("type"):
        case "text":
            return count_tokens(str(part.get("text", "")))
        case "image" | "image_url" | "input_image":
            return _image_tokens(part)
        case _:
            return 0


def _image_tokens(part: Mapping[str, Any]) -> int:
    match part.get("image_url"):
        case {"detail": "low"}:
            return SMALL_IMAGE_TOKENS
        case _:
            pass
    size = getattr(part.get("image"), "size", None)
    if size is None:
        return IMAGE_TOKENS
    width, height = size
    scale = min(1.0, 2048 / max(width, height, 1), 768 / max(min(width, height), 1))
    tiles = math.ceil(width * scale / 512) * math.ceil(height * scale / 512)
    return SMALL_IMAGE_TOKENS + IMAGE_TILE_TOKENS * tiles
