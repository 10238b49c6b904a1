"""Arrays, tables and images as values: the part of the codec that needs numpy, pandas and PIL.

None of them is imported before a value of theirs turns up: in `encode` one that is not loaded cannot be met.

Arrays travel as their bytes, by an allow-list of dtypes whose every bit pattern is a value; text and objects travel
as lists of values. Tables travel as columns. Category and nullable columns come out as object columns, tables keep
labels but not the type of their index. Images travel as PNG, at most 25 megapixels, read from the header first.
"""

from __future__ import annotations

import io
import math
import struct
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from agentui.sandbox.codec_base import MAX_ITEMS, TAG, CodecError, Decoder, Encoder

MAX_PIXELS = 25_000_000
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_NUMBERS = frozenset("?bBhHiIlLqQefdFD")
_TIME_UNITS = frozenset(("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns"))
_MAX_DIMENSIONS = 32
_MAX_ROWS = 2**32


def encode(value: Any, encoder: Encoder) -> Any:
    """JSON for a value of numpy, pandas or PIL; None if it is not one."""
    numpy, pandas, images = (sys.modules.get(name) for name in ("numpy", "pandas", "PIL.Image"))
    if numpy is not None and isinstance(value, numpy.ndarray):
        return _encode_array(value, encoder)
    if numpy is not None and isinstance(value, numpy.generic):
        return _encode_scalar(value, encoder)
    if pandas is not None and isinstance(value, pandas.DataFrame):
        columns = [_encode_column(value.iloc[:, place], encoder) for place in range(value.shape[1])]
        labels = [encoder.value(label) for label in value.columns]
        return {TAG: "table", "labels": labels, "columns": columns, "index": _encode_index(value.index, encoder)}
    if pandas is not None and isinstance(value, pandas.Series):
        index = _encode_index(value.index, encoder)
        return {TAG: "column", "name": encoder.value(value.name), "v": _encode_column(value, encoder), "index": index}
    if pandas is not None and value is pandas.NA:
        return {TAG: "na"}
    if images is not None and isinstance(value, images.Image):
        return {TAG: "image", "at": encoder.add_bytes(png_bytes(value))}
    return None


def png_bytes(image: Any) -> bytes:
    """`image` as PNG; modes that PNG does not know become RGB first.

    Raises:
        CodecError: It has too many pixels.
    """
    if image.width * image.height > MAX_PIXELS:
        raise CodecError(f"an image of {image.width} × {image.height} pixels is too large to be sent")
    out = io.BytesIO()
    known = image if image.mode in {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"} else image.convert("RGB")
    known.save(out, format="PNG")
    return out.getvalue()


def png_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels that a PNG's header claims.

    Raises:
        CodecError: It is not a PNG.
    """
    if len(data) < 24 or not data.startswith(PNG_MAGIC) or data[12:16] != b"IHDR":
        raise CodecError("not a PNG")
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def _encode_scalar(value: Any, encoder: Encoder) -> Any:
    if value.dtype.kind in "mM":
        return {TAG: "scalar", "v": _encode_array(value.reshape(1), encoder)}
    item = value.item()
    if type(item) is type(value):
        # longdouble has no Python equivalent: item() returns itself.
        item = complex(item) if value.dtype.kind == "c" else float(item)
    return encoder.value(item)


def _encode_array(value: Any, encoder: Encoder) -> Any:
    shape = list(value.shape)
    dtype = value.dtype.newbyteorder("=")
    if not _known(dtype):
        if dtype.char in "gG":
            return _encode_array(value.astype("d" if dtype.char == "g" else "D"), encoder)
        if dtype.kind not in "OUST":
            return None
        kind = "object" if dtype.kind == "O" else "bytes" if dtype.kind == "S" else "text"
        return {TAG: "array", "dtype": kind, "shape": shape, "v": [encoder.value(item) for item in value.ravel()]}
    data = value.astype(dtype.newbyteorder("<"), copy=False).tobytes()
    return {TAG: "array", "dtype": dtype.newbyteorder("<").str, "shape": shape, "at": encoder.add_bytes(data)}


def _encode_column(column: Any, encoder: Encoder) -> Any:
    # pandas' own dtypes (category, nullable, zones) have no `kind` that numpy shares, so only numpy's pass as bytes.
    if isinstance(column.dtype, sys.modules["numpy"].dtype):
        return _encode_array(column.to_numpy(), encoder)
    text = str(column.dtype) in {"str", "string"}
    items = [encoder.value(item) for item in _objects(column)]
    return {TAG: "array", "dtype": "str" if text else "object", "shape": [len(items)], "v": items}


def _objects(column: Any) -> list[Any]:
    missing = column.isna()
    return [None if gone else item for item, gone in zip(column.tolist(), missing.tolist(), strict=True)]


def _encode_index(index: Any, encoder: Encoder) -> Any:
    if isinstance(index, sys.modules["pandas"].RangeIndex):
        return {"range": [index.start, index.stop, index.step]}
    return {"labels": [encoder.value(label) for label in index], "names": [encoder.value(n) for n in index.names]}


def _decode_array(data: dict[str, Any], decoder: Decoder) -> Any:
    numpy: Any = import_module("numpy")
    shape = _shape(data, decoder)
    kind = data["dtype"]
    if kind in {"object", "text", "bytes", "str"}:
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
    if not isinstance(name, str) or len(name) > 8:
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


def _decode_table(data: dict[str, Any], decoder: Decoder) -> Any:
    pandas: Any = import_module("pandas")
    columns = [_decode_column(pandas, column, decoder) for column in decoder.list(data["columns"])]
    labels = [_label(decoder.value(label)) for label in decoder.list(data["labels"])]
    if len(labels) != len(columns):
        raise CodecError("a table with more labels than columns")
    lengths = {len(column) for column in columns}
    if len(lengths) > 1:
        raise CodecError("a table with columns of several lengths")
    index = _decode_index(pandas, data["index"], lengths.pop() if lengths else None, decoder)
    table = pandas.DataFrame(dict(enumerate(columns)))
    table.index = index if columns else table.index
    table = table if columns else pandas.DataFrame(index=index)
    table.columns = pandas.Index(labels) if labels else table.columns
    return table


def _decode_column(pandas: Any, data: Any, decoder: Decoder) -> Any:
    array = _decode_array(decoder.dict(data), decoder)
    if array.ndim != 1:
        raise CodecError("a column that is not flat")
    return pandas.Series(array, dtype="str" if data["dtype"] == "str" else array.dtype)


def _decode_series(data: dict[str, Any], decoder: Decoder) -> Any:
    pandas: Any = import_module("pandas")
    column = _decode_column(pandas, data["v"], decoder)
    column.index = _decode_index(pandas, data["index"], len(column), decoder)
    column.name = _label(decoder.value(data["name"]))
    return column


def _decode_index(pandas: Any, data: Any, length: int | None, decoder: Decoder) -> Any:
    match decoder.dict(data):
        case {"range": [int(start), int(stop), int(step)]} if step != 0 and max(abs(start), abs(stop)) < _MAX_ROWS:
            index = pandas.RangeIndex(start, stop, step)
        case {"labels": labels, "names": names}:
            names = [_label(decoder.value(name)) for name in decoder.list(names)]
            values = [_label(decoder.value(label)) for label in decoder.list(labels)]
            several = bool(values) and len(names) > 1
            index = pandas.MultiIndex.from_tuples(values, names=names) if several else pandas.Index(values)
            index = index if several else index.rename(names[0] if names else None)
        case _:
            raise CodecError("a bad index")
    if length is not None and len(index) != length:
        raise CodecError("an index that does not fit its table")
    return index


def _label(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        raise CodecError("a label that cannot be one") from None
    return value


def _decode_scalar(data: dict[str, Any], decoder: Decoder) -> Any:
    array = _decode_array(decoder.dict(data["v"]), decoder)
    if array.shape != (1,):
        raise CodecError("a bad scalar")
    return array[0]


def _decode_image(data: dict[str, Any], decoder: Decoder) -> Any:
    raw = decoder.bytes_at(data["at"])
    width, height = png_size(raw)
    if width * height > MAX_PIXELS:
        raise CodecError(f"an image of {width} × {height} pixels is too large")
    decoder.spend(4 * width * height)
    images: Any = import_module("PIL.Image")
    try:
        image = images.open(io.BytesIO(raw), formats=["PNG"])
        image.load()
    except (OSError, SyntaxError, images.DecompressionBombError) as error:
        raise CodecError(f"a bad image: {type(error).__name__}") from None
    return image


def _decode_missing(data: dict[str, Any], decoder: Decoder) -> Any:
    return import_module("pandas").NA


DECODERS: Final[dict[str, Callable[[dict[str, Any], Decoder], Any]]] = {
    "array": _decode_array,
    "scalar": _decode_scalar,
    "table": _decode_table,
    "column": _decode_series,
    "na": _decode_missing,
    "image": _decode_image,
}
