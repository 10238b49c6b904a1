"""The arguments of a tool call as the worker sends them, each with what was lost of it."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from agentui.sandbox import codec
from agentui.sandbox.codec_base import TAG, Decoder
from agentui.sandbox.frames import FrameError, clean_text
from agentui.sandbox.losses import loss_notes


class Arguments(NamedTuple):
    """What a tool is called with."""

    positional: list[Any]
    named: dict[str, Any]
    notes: list[str]
    "What did not arrive as it is, for the code to read."


def read_arguments(tool: str, data: Any, blob: bytes) -> Arguments:
    """Read the arguments of a call; `data` and `blob` are not trusted. May take a while for a large blob.

    Raises:
        CodecError: They hold no values.
        FrameError: They are not those of a call.
    """
    decoder = codec.reader(blob)
    notes: list[str] = []
    if not isinstance(data, list) or len(cast("list[Any]", data)) != 2:
        raise FrameError("bad arguments of a tool call")
    positional, named = decoder.list(data[0]), decoder.dict(data[1])
    values = [_read(decoder, item, f"argument {place} of {tool}()", notes) for place, item in enumerate(positional, 1)]
    return Arguments(values, _named(decoder, tool, named, notes), notes)


def _named(decoder: Decoder, tool: str, data: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    if TAG not in data:
        pairs = [(clean_text(name), item) for name, item in data.items()]
        return {name: _read(decoder, item, f"the argument {name[:100]!r} of {tool}()", notes) for name, item in pairs}
    # An argument is called "$".
    named: Any = _read(decoder, data, f"an argument of {tool}()", notes)
    if not isinstance(named, dict) or not all(isinstance(name, str) for name in cast("dict[Any, Any]", named)):
        raise FrameError("an argument of a tool call without a name")
    return cast("dict[str, Any]", named)


def _read(decoder: Decoder, data: Any, subject: str, notes: list[str]) -> Any:
    before = len(decoder.losses)
    value = decoder.value(data)
    notes += loss_notes(decoder.losses[before:], subject, "the tool")
    return value
