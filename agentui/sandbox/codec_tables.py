"""Tables of pandas as columns, each with its dtype: those of numpy, text, category, nullable ones and time zones.

A column of another dtype (periods, intervals, sparse ones, those of Arrow) comes out as one of objects, which is
counted as a loss. Indexes, of rows and of columns, are columns too, several for a `MultiIndex`, and labels may be
there twice. The frequency of a `DatetimeIndex` and `attrs` are not kept. What is decoded is named by an allow-list and
checked by the constructors of pandas; a time zone is looked up by a name that cannot be a path.
"""

from __future__ import annotations

import datetime
import re
import sys
import zoneinfo
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from agentui.sandbox.codec_arrays import decode_array, encode_array
from agentui.sandbox.codec_base import TAG, CodecError, Decoder, Encoder
from agentui.sandbox.frames import clean_text

_COLUMN_ITEMS: Final = 50
"What a column counts as, on top of its values: it takes long to build."
_TEXT_BYTES: Final = 64
"What a text of a column takes besides its characters."
_MAX_ROWS: Final = 2**32
_ZONE: Final = re.compile(r"[A-Za-z0-9_+-]{1,30}(/[A-Za-z0-9_+-]{1,30}){0,3}")
_MASKED: Final = {
    **dict.fromkeys(("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"), "IntegerArray"),
    **dict.fromkeys(("Float32", "Float64"), "FloatingArray"),
    "boolean": "BooleanArray",
}
"Nullable dtypes and the classes of their arrays; the numpy dtype within is the name in lower case."


def encode(value: Any, encoder: Encoder) -> Any:
    """JSON for a table, a column or a missing value of pandas, which is loaded; None if it is none of them."""
    pandas: Any = sys.modules["pandas"]
    if isinstance(value, pandas.DataFrame):
        columns = [_encode_column(value.iloc[:, place], encoder) for place in range(value.shape[1])]
        labels, index = _encode_index(value.columns, encoder), _encode_index(value.index, encoder)
        return {TAG: "table", "labels": labels, "columns": columns, "index": index}
    if isinstance(value, pandas.Series):
        index = _encode_index(value.index, encoder)
        column = _encode_column(value, encoder)
        return {TAG: "column", "name": encoder.value(value.name), "v": column, "index": index}
    if isinstance(value, pandas.Index):
        return {TAG: "index", "v": _encode_index(value, encoder)}
    return {TAG: "na"} if value is pandas.NA else None


def _encode_column(column: Any, encoder: Encoder) -> Any:
    """JSON for the values of a column or an index."""
    encoder.spend(_COLUMN_ITEMS)
    numpy: Any = sys.modules["numpy"]
    pandas: Any = sys.modules["pandas"]
    dtype, values = column.dtype, column.array
    name = str(dtype)
    if isinstance(dtype, numpy.dtype):
        data = encode_array(column.to_numpy(), encoder)
        if data is not None:
            return data
    elif isinstance(dtype, pandas.CategoricalDtype):
        categories = _encode_column(dtype.categories, encoder)
        codes = encode_array(values.codes, encoder)
        return {"dtype": "category", "codes": codes, "categories": categories, "ordered": bool(dtype.ordered)}
    elif name in _MASKED:
        plain = values.to_numpy(dtype=numpy.dtype(_plain(name)), na_value=False if name == "boolean" else 0)
        return {"dtype": name, "plain": encode_array(plain, encoder), "gone": encode_array(values.isna(), encoder)}
    elif isinstance(dtype, pandas.StringDtype):
        return _encode_texts("str" if name == "str" else "string", values, encoder)
    elif isinstance(dtype, pandas.DatetimeTZDtype) and (zone := _zone_name(dtype.tz)) is not None:
        moments = values.tz_convert("UTC").tz_localize(None).to_numpy()
        return {"dtype": "zoned", "zone": zone, "plain": encode_array(moments, encoder)}
    return _encode_objects(name, values, encoder)


def _encode_texts(name: str, values: Any, encoder: Encoder) -> Any:
    missing = values.isna().tolist()
    texts = [b"" if gone else clean_text(text).encode() for text, gone in zip(values.tolist(), missing, strict=True)]
    lengths = [-1 if gone else len(text) for text, gone in zip(texts, missing, strict=True)]
    numpy: Any = sys.modules["numpy"]
    return {
        "dtype": name,
        "at": encoder.add_bytes(b"".join(texts)),
        "lengths": encode_array(numpy.array(lengths, dtype="i4"), encoder),
    }


def _encode_objects(name: str, values: Any, encoder: Encoder) -> Any:
    encoder.lose(name, "dtype")
    missing = values.isna().tolist() if hasattr(values, "isna") else [False] * len(values)
    items = [None if gone else item for item, gone in zip(list(values), missing, strict=True)]
    return {"dtype": "object", "shape": [len(items)], "v": [encoder.value(item) for item in items], "was": name[:100]}


def _encode_index(index: Any, encoder: Encoder) -> Any:
    pandas: Any = sys.modules["pandas"]
    names = [encoder.value(name) for name in index.names]
    if isinstance(index, pandas.RangeIndex):
        return {"range": [index.start, index.stop, index.step], "names": names}
    levels = [index.get_level_values(place) for place in range(index.nlevels)]
    return {"levels": [_encode_column(level, encoder) for level in levels], "names": names}


def _zone_name(zone: Any) -> str | int | None:
    """A time zone by its name, or by its seconds east of Greenwich; None if it is of a kind that has neither."""
    if isinstance(zone, datetime.timezone):
        return int(zone.utcoffset(None).total_seconds())
    name = getattr(zone, "key", None) or getattr(zone, "zone", None)
    return name if isinstance(name, str) and _ZONE.fullmatch(name) else None


def _plain(name: str) -> str:
    return "bool" if name == "boolean" else name.lower()


def _decode_table(data: dict[str, Any], decoder: Decoder) -> Any:
    pandas: Any = import_module("pandas")
    columns = [_decode_column(pandas, column, decoder) for column in decoder.list(data["columns"])]
    lengths = {len(column) for column in columns}
    if len(lengths) > 1:
        raise CodecError("a table with columns of several lengths")
    index = _decode_index(pandas, data["index"], lengths.pop() if lengths else None, decoder)
    # With its dtype: of objects that are texts pandas would make a column of texts.
    series = {place: pandas.Series(column, dtype=column.dtype) for place, column in enumerate(columns)}
    table = pandas.DataFrame(series, index=range(len(index)))
    table.index, table.columns = index, _decode_index(pandas, data["labels"], len(columns), decoder)
    return table


def _decode_series(data: dict[str, Any], decoder: Decoder) -> Any:
    pandas: Any = import_module("pandas")
    values = _decode_column(pandas, data["v"], decoder)
    index = _decode_index(pandas, data["index"], len(values), decoder)
    return pandas.Series(values, index=index, name=_label(decoder.value(data["name"])), dtype=values.dtype)


def _decode_column(pandas: Any, data: Any, decoder: Decoder) -> Any:
    """An array of numpy or pandas, flat."""
    decoder.spend_items(_COLUMN_ITEMS)
    column = decoder.dict(data)
    match column["dtype"]:
        case "category":
            codes = _flat(column["codes"], decoder)
            categories = pandas.Index(_decode_column(pandas, column["categories"], decoder), tupleize_cols=False)
            return pandas.Categorical.from_codes(codes, categories, ordered=column["ordered"] is True)
        case str(name) if name in _MASKED:
            plain = _flat(column["plain"], decoder)
            if str(plain.dtype) != _plain(name):
                raise CodecError("a nullable column of another dtype")
            return getattr(pandas.arrays, _MASKED[name])(plain, _flat(column["gone"], decoder))
        case "str" | "string" as name:
            return pandas.array(_texts(column, decoder), dtype=name)
        case "zoned":
            moments = pandas.DatetimeIndex(_flat(column["plain"], decoder))
            return moments.tz_localize("UTC").tz_convert(_zone(column["zone"])).array
        case _:
            if "was" in column:
                decoder.lose(clean_text(str(column["was"])[:100]), "dtype")
            return _flat(column, decoder)


def _flat(data: Any, decoder: Decoder) -> Any:
    array = decode_array(decoder.dict(data), decoder)
    if array.ndim != 1:
        raise CodecError("a column that is not flat")
    return array


def _texts(column: dict[str, Any], decoder: Decoder) -> list[str | None]:
    lengths = _flat(column["lengths"], decoder)
    raw = decoder.bytes_at(column["at"])
    decoder.spend(_TEXT_BYTES * len(lengths))
    texts: list[str | None] = []
    place = 0
    for length in lengths.tolist():
        if type(length) is not int or length < -1:
            raise CodecError("a text of no length")
        texts.append(None if length < 0 else raw[place : place + length].decode("utf-8"))
        place += max(0, length)
    if place != len(raw):
        raise CodecError("texts that do not fill their bytes")
    return texts


def _zone(name: Any) -> datetime.tzinfo:
    if type(name) is int:
        return datetime.timezone(datetime.timedelta(seconds=name))
    if not isinstance(name, str) or not _ZONE.fullmatch(name):
        raise CodecError("a bad name of a time zone")
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, OSError):
        raise CodecError("a time zone that is not known here") from None


def _decode_index(pandas: Any, data: Any, length: int | None, decoder: Decoder) -> Any:
    fields = decoder.dict(data)
    names = [_label(decoder.value(name)) for name in decoder.list(fields["names"])]
    match fields:
        case {"range": [int(start), int(stop), int(step)]} if step != 0 and max(abs(start), abs(stop)) < _MAX_ROWS:
            index = pandas.RangeIndex(start, stop, step)
        case {"levels": [column]}:
            values = _decode_column(pandas, column, decoder)
            for value in values if values.dtype == object else ():
                _label(value)
            index = pandas.Index(values, dtype=values.dtype, tupleize_cols=False)
        case {"levels": [_, *_] as columns}:
            index = pandas.MultiIndex.from_arrays([_decode_column(pandas, one, decoder) for one in columns])
        case _:
            raise CodecError("a bad index")
    if len(names) != index.nlevels or (length is not None and len(index) != length):
        raise CodecError("an index that does not fit its table")
    return index.set_names(names)


def _label(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        raise CodecError("a label that cannot be one") from None
    return value


DECODERS: Final[dict[str, Callable[[dict[str, Any], Decoder], Any]]] = {
    "table": _decode_table,
    "column": _decode_series,
    "index": lambda data, decoder: _decode_index(import_module("pandas"), data["v"], None, decoder),
    "na": lambda data, decoder: import_module("pandas").NA,
}
