"""Frames between the host and a worker: `<u32 json length><u32 blob length>`, a JSON object, then raw bytes.

Both sides use this module, and the worker may import the standard library only. Nothing is ever unpickled.
Code under test owns the worker's end of the socket, so on the host every frame is hostile until `parse` and the
state machine in `step.py` have looked at it: sizes are checked before anything is read, brackets are counted
before JSON is parsed, and only objects are accepted.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any, cast

HEADER = struct.Struct("<II")
MAX_JSON_BYTES = 4 << 20
MAX_BLOB_BYTES = 16 << 20
MAX_BRACKETS = 400_000
MAX_INTEGER_CHARS = 400
NUL_PICTURE = "\u2400"


class FrameError(Exception):
    """A frame that a well-behaved peer would not have sent."""


def pack(header: Mapping[str, Any], blob: bytes = b"") -> bytes:
    """Frame `header` and `blob` as bytes.

    Raises:
        FrameError: One of them is over its limit.
    """
    text = json.dumps(header, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
    _check_sizes(len(text), len(blob))
    return HEADER.pack(len(text), len(blob)) + text + blob


def sizes(prefix: bytes) -> tuple[int, int]:
    """Lengths of the JSON and of the blob that follow the 8 bytes `prefix`.

    Raises:
        FrameError: One of them is over its limit.
    """
    json_bytes, blob_bytes = HEADER.unpack(prefix)
    _check_sizes(json_bytes, blob_bytes)
    return json_bytes, blob_bytes


def parse(text: bytes) -> dict[str, Any]:
    """Read the JSON object of a frame.

    Raises:
        FrameError: It is not UTF-8, not JSON, not an object, or built to exhaust the reader.
    """
    if text.count(b"[") + text.count(b"{") > MAX_BRACKETS:
        raise FrameError("too many brackets")
    try:
        header = json.loads(text.decode("utf-8"), parse_constant=_no_constant, parse_int=_small_integer)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"bad JSON: {type(error).__name__}") from None
    if not isinstance(header, dict):
        raise FrameError("not a JSON object")
    return cast("dict[str, Any]", header)


def clean_text(text: str) -> str:
    """`text` with lone surrogates replaced, so that it can be encoded as UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def clean_output(text: str) -> str:
    """Printed text without lone surrogates and NUL; other control characters are left to the view."""
    return clean_text(text).replace("\0", NUL_PICTURE)


def _check_sizes(json_bytes: int, blob_bytes: int) -> None:
    if json_bytes > MAX_JSON_BYTES:
        raise FrameError(f"{json_bytes:,} bytes of JSON, over the limit of {MAX_JSON_BYTES:,}")
    if blob_bytes > MAX_BLOB_BYTES:
        raise FrameError(f"a blob of {blob_bytes:,} bytes, over the limit of {MAX_BLOB_BYTES:,}")


def _no_constant(name: str) -> float:
    raise FrameError(f"{name} is not JSON")


def _small_integer(digits: str) -> int:
    if len(digits) > MAX_INTEGER_CHARS:
        raise FrameError("an integer with too many digits")
    return int(digits)
