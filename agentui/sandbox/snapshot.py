"""Snapshots as frames: what the host asks a worker for, and what of the answer it believes.

The state is opaque here: bytes of a pickle that only another worker ever reads. The answer to `snapshot` names every
size before a byte of it comes, so its sum is checked first; then exactly those bytes must follow. Buffers that have
not changed since the last snapshot are named by their digest and do not come again; the digests that count are those
computed here.

Chosen by measurement (`python -m benchmarks fork`, two busy cores) over a forked, frozen process a step, which costs 5
to 30 ms up to 500 MB but needs `fork` in the filter and dies with the worker's machine. A snapshot takes 1 to 4 ms for
a small state, about 20 ms a new megabyte and 4 an unchanged one, while the model answers; it works at every tier and
outlives the worker; what is over 64 MiB or slower than 2 s is not kept but run again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final, cast

from agentui.sandbox.base import Snapshot, SnapshotRefused
from agentui.sandbox.blobs import Blob, BlobInTheMaking, NoRoom, Segment
from agentui.sandbox.channel import Channel
from agentui.sandbox.frames import FrameError, clean_text

MAX_STATE_BYTES: Final = 64 << 20
"Variables of one snapshot."
SAVE_TIMEOUT_S: Final = 2.0
LOAD_TIMEOUT_S: Final = 20.0
_CHUNK_BYTES: Final = 4 << 20
_MAX_BUFFERS: Final = 2_000
_MAX_MISSING: Final = 1_000
_MAX_NAME_CHARS: Final = 200
_MAX_REASON_CHARS: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedState:
    """The variables' part of a snapshot."""

    state: Blob
    buffers: tuple[Blob, ...]
    missing: dict[str, str]


async def save_state(
    channel: Channel, number: int, *, interrupts: int, segment: Segment, earlier: Snapshot | None, max_bytes: int
) -> SavedState | SnapshotRefused:
    """Have the worker pickle its variables.

    Args:
        channel: Leads to a worker between two steps.
        number: Of this request.
        interrupts: How often the worker was interrupted before.
        segment: Takes the bytes.
        earlier: The last snapshot, whose buffers need not come again.
        max_bytes: Of the variables.

    Raises:
        WorkerGone: The worker died.
        FrameError: It sent what it must not send.
    """
    known = {blob.digest: blob for blob in earlier.buffers} if earlier is not None else {}
    request = {"t": "snapshot", "n": number, "interrupts": interrupts, "max_bytes": max_bytes, "known": list(known)}
    await channel.send(request)
    frame = await channel.receive()
    header: dict[str, Any] = frame.header
    if header.get("t") == "refused" and header.get("n") == number:
        return SnapshotRefused(_reason(header.get("reason")))
    size = header.get("bytes")
    if header.get("t") != "saved" or header.get("n") != number or not isinstance(size, int):
        raise FrameError("a frame of unknown kind")
    sizes, named = _buffers(header.get("buffers")), _missing_names(header.get("missing"))
    if size < 0 or size + sum(length for _, length in sizes) > max_bytes + _CHUNK_BYTES:
        raise FrameError("a snapshot of a size that was not asked for")
    kept: list[Blob] = []
    full = None
    for digest, length in [("", size), *sizes]:
        blob = known.get(digest) or await _receive(channel, number, length, None if full else segment)
        if isinstance(blob, SnapshotRefused):
            return blob
        if isinstance(blob, NoRoom):
            full = full or blob
        elif blob.size != length:
            raise FrameError("a buffer of another size than it had")
        else:
            kept.append(blob)
    if full is not None:
        return SnapshotRefused(str(full))
    return SavedState(state=kept[0], buffers=tuple(kept[1:]), missing=named)


async def load_state(channel: Channel, number: int, snapshot: Snapshot, *, interrupts: int) -> dict[str, str]:
    """Have a fresh worker take on the variables of `snapshot`; returns what could not be restored, and why.

    Raises:
        LoadRefused: It could not; what it has now is neither fresh nor the snapshot's.
        WorkerGone: The worker died.
        FrameError: It sent what it must not send.
    """
    sizes = [blob.size for blob in snapshot.buffers]
    request = {"t": "restore", "n": number, "interrupts": interrupts, "bytes": snapshot.state.size, "buffers": sizes}
    await channel.send(request)
    for blob in (snapshot.state, *snapshot.buffers):
        chunks = blob.chunks(_CHUNK_BYTES)
        while chunk := await asyncio.to_thread(next, chunks, b""):
            await channel.send({"t": "part", "n": number}, chunk)
    header: dict[str, Any] = (await channel.receive()).header
    match header.get("t") if header.get("n") == number else None:
        case "restored":
            return _missing_names(header.get("missing"))
        case "refused":
            raise LoadRefused(_reason(header.get("reason")))
        case _:
            raise FrameError("a frame of unknown kind")


class LoadRefused(Exception):
    """A snapshot could not be loaded; the message says why."""


def _missing_names(data: Any) -> dict[str, str]:
    if not isinstance(data, dict) or len(cast("dict[str, Any]", data)) > _MAX_MISSING:
        raise FrameError("bad names of what is missing")
    named = cast("dict[str, Any]", data).items()
    return {_line(name[:_MAX_NAME_CHARS]) or "(no name)": _reason(reason) for name, reason in named}


def _reason(text: Any) -> str:
    if not isinstance(text, str):
        raise FrameError("a bad reason")
    return _line(text[:_MAX_REASON_CHARS]) or "for no reason that is known"


def _line(text: str) -> str:
    """`text` as one line of what can be seen: people read it in a terminal, and the model in a list."""
    return " ".join("".join(one if one.isprintable() else " " for one in clean_text(text)).split())


def _buffers(data: Any) -> list[tuple[str, int]]:
    if not isinstance(data, list) or len(cast("list[Any]", data)) > _MAX_BUFFERS:
        raise FrameError("too many buffers in a snapshot")
    buffers: list[tuple[str, int]] = []
    for entry in cast("list[Any]", data):
        match entry:
            case [str(digest), int(size)] if size > 0:
                buffers.append((digest, size))
            case _:
                raise FrameError("a bad buffer of a snapshot")
    return buffers


async def _receive(
    channel: Channel, number: int, size: int, segment: Segment | None
) -> Blob | SnapshotRefused | NoRoom:
    """Take a blob; where the host has no room for it, it is read all the same: the worker sends what it announced."""
    full = NoRoom() if segment is None else None
    making = BlobInTheMaking(segment or Segment())
    left = size
    while left:
        frame = await channel.receive()
        header: dict[str, Any] = frame.header
        if header.get("t") == "refused" and header.get("n") == number:
            return SnapshotRefused(_reason(header.get("reason")))
        if frame.header != {"t": "part", "n": number} or not 0 < len(frame.blob) <= left:
            raise FrameError("a part of a snapshot was expected")
        left -= len(frame.blob)
        if full is None:
            try:
                await asyncio.to_thread(making.write, frame.blob)
            except NoRoom as error:
                full = error
    return full or making.whole()
