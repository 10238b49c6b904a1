"""Arrays as their bytes, by an allow-list of dtypes whose every bit pattern is a value; text and objects as lists."""

from __future__ import annotations

import math
import re
from importlib import import_module
from typing import Any

from agentui.sandbox.codec_base import MAX_ITEMS, TAG, CodecError, Decoder, Encoder

_NUMBERS = frozenset("?bBhHiIlLqQefdFD")
_TIME_UNITS = frozenset(("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns"))
_DTYPE = re.compile(r"[<|][biufcmM]\d{1,2}(\[[A-Za-z]{1,2}\])?", re.ASCII)
"What numpy is asked about: of a longer text it makes records, and errors of any kind."
_MAX_DIMENSIONS = 32


def encode_array(value: Any, encoder: Encoder) -> Any:
    """JSON for an array; None if its dtype does not cross."""
    shape = list(value.shape)
    dtype = value.dtype.newbyteorder("=")
    if not _known(dtype):
        if dtype.char in "gG":
            return encode_array(value.astype("d" if dtype.char == "g" else "D"), encoder)
        if dtype.kind not in "OUST":
            return None
        kind = "object" if dtype.kind == "O" else "bytes" if dtype.kind == "S" else "text"
        return {TAG: "array", "dtype": kind, "shape": shape, "v": [encoder.value(item) for item in value.ravel()]}
    data = value.astype(dtype.newbyteorder("<"), copy=False).tobytes()
    return {TAG: "array", "dtype": dtype.newbyteorder("<").str, "shape": shape, "at": encoder.add_bytes(data)}


def decode_array(data: dict[str, Any], decoder: Decoder) -> Any:
    """The array that `encode_array` was given."""
    numpy: Any = import_module("numpy")
    shape = _shape(data, decoder)
    kind = data["dtype"]
    if kind in {"object", "text", "bytes"}:
        return _decode_items(numpy, kind, shape, decoder.items(data), decoder)
    dtype = _dtype(numpy, kind)
    raw = decoder.bytes_at(data["at"])
    if math.prod(shape) * dtype.itemsize != len(raw):
        raise CodecError("an array whose bytes do not fill its shape")
    if dtype.kind == "b":
        return (numpy.frombuffer(raw, dtype="u1") != 0).reshape(shape)
    return numpy.frombuffer(raw, dtype=dtype).reshape(shape).copy()


def _decode_items(numpy: Any, kind: str, shape: tuple[int, ...], items: list[Any], decoder: Decoder) -> Any:
    if math.prod(shape) != len(items):
        raise CodecError("an array whose items do not fill its shape")
    values = [decoder.value(item) for item in items]
    array = numpy.empty(len(values), dtype=object)
    for place, item in enumerate(values):
        array[place] = item
    if kind in {"text", "bytes"} and values:
        plain = str if kind == "text" else bytes
        if not all(isinstance(item, plain) for item in values):
            raise CodecError("an array of mixed items")
        # A fixed-width array is as wide as its longest item: one long item among many would fill the memory.
        decoder.spend(4 * len(values) * max(len(item) for item in values))
        array = array.astype(plain)
    return array.reshape(shape)


def _shape(data: dict[str, Any], decoder: Decoder) -> tuple[int, ...]:
    sizes = decoder.list(data["shape"])
    if len(sizes) > _MAX_DIMENSIONS or not all(type(size) is int and 0 <= size < 2**31 for size in sizes):
        raise CodecError("a bad shape")
    if math.prod(sizes) == 0 and sum(sizes) > MAX_ITEMS:
        raise CodecError("an empty array of huge shape")
    return tuple(sizes)


def _dtype(numpy: Any, name: Any) -> Any:
    if not isinstance(name, str) or not _DTYPE.fullmatch(name):
        raise CodecError("a bad dtype")
    dtype = numpy.dtype(name)
    if not _known(dtype):
        raise CodecError("a dtype that is not allowed")
    return dtype


def _known(dtype: Any) -> bool:
    """Whether every bit pattern of `dtype` is a value, so that foreign bytes can do no harm in it."""
    if dtype.kind in "mM":
        return dtype.str.partition("[")[2].rstrip("]") in _TIME_UNITS
    return dtype.subdtype is None and dtype.fields is None and dtype.char in _NUMBERS
