"""Tables keep the dtypes of their columns and indexes; what does not is said; what a worker claims is checked."""

from __future__ import annotations

import datetime
import json
import zoneinfo
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agentui.sandbox import codec
from agentui.sandbox.codec import CodecError
from agentui.sandbox.losses import Loss

TWO = datetime.timezone(datetime.timedelta(hours=2))
WHEN = pd.to_datetime(["2024-03-31 00:30", None, "2024-03-31 05:30"])
COLUMNS: dict[str, Any] = {
    "category": pd.Categorical(["b", None, "a"], categories=["a", "b", "c"]),
    "ordered": pd.Categorical([3, 1, 3], categories=[3, 2, 1], ordered=True),
    "intervals of categories": pd.Categorical(["x", "x", "y"]),
    **{
        name: pd.array([1, None, 3], dtype=name)
        for name in ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64")
    },
    "large": pd.array([2**63 + 1, None, 0], dtype="UInt64"),
    "boolean": pd.array([True, None, False], dtype="boolean"),
    "string": pd.array(["ä", None, ""], dtype="string"),
    "str": pd.array(["ä\U0001f600", None, ""], dtype="str"),
    "utc": WHEN.tz_localize("UTC"),
    "zone": WHEN.tz_localize("Europe/Berlin"),
    "zoneinfo": WHEN.tz_localize(zoneinfo.ZoneInfo("America/Argentina/Buenos_Aires")),
    "offset": WHEN.tz_localize(TWO),
    "seconds": WHEN.tz_localize("Europe/Berlin").as_unit("s"),
    "naive": WHEN,
    "duration": pd.to_timedelta([1, None, 3], unit="s"),
    "float32": np.array([1, np.nan, 3], dtype="f4"),
    "bool": np.array([True, False, True]),
    "text as objects": np.array(["a", "b", None], dtype=object),
    "object": np.array([[1], {"k": (2,)}, None], dtype=object),
}


def through(value: Any) -> tuple[Any, list[Loss]]:
    losses: list[Loss] = []
    data, blob = codec.encode(value)
    return codec.decode(json.loads(json.dumps(data, allow_nan=False)), blob, losses=losses), losses


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_keep_their_dtype(name: str) -> None:
    table = pd.DataFrame({"x": [1, 2, 3], name: COLUMNS[name]}, index=[2, 3, 5])
    back, losses = through(table)
    pd.testing.assert_frame_equal(back, table)
    assert losses == []
    series = pd.Series(COLUMNS[name], name=("a", 1))
    pd.testing.assert_series_equal(through(series)[0], series)
    pd.testing.assert_frame_equal(through(table.iloc[:0])[0], table.iloc[:0])


@pytest.mark.parametrize("name", [name for name in COLUMNS if name != "object"])
def test_indexes_keep_their_dtype(name: str) -> None:
    index = pd.Index(COLUMNS[name], name="key")
    table = pd.DataFrame({"x": [1, 2, 3]}, index=index)
    pd.testing.assert_frame_equal(through(table)[0], table)
    pd.testing.assert_index_equal(through(index)[0], index)


@pytest.mark.parametrize(
    "index",
    [
        pd.MultiIndex.from_arrays([COLUMNS["zone"], COLUMNS["Int64"], COLUMNS["category"]], names=["z", None, "c"]),
        pd.MultiIndex.from_tuples([(1, "a"), (1, "a"), (2, "b")]),
        pd.Index([(1, 2), (3, 4), "x"], tupleize_cols=False, dtype=object),
        pd.RangeIndex(3, 9, 2, name="n"),
        pd.Index([1, 1, 1]),
    ],
    ids=str,
)
def test_indexes_of_several_levels_tuples_and_repeated_labels_come_back(index: pd.Index[Any]) -> None:
    table = pd.DataFrame(np.arange(9).reshape(3, 3), index=index, columns=index)
    pd.testing.assert_frame_equal(through(table)[0], table)
    pd.testing.assert_frame_equal(through(table.iloc[:0])[0], table.iloc[:0])
    pd.testing.assert_frame_equal(through(table.iloc[:, :0])[0], table.iloc[:, :0])


@pytest.mark.parametrize(
    ("column", "dtype"),
    [
        (pd.period_range("2024-01", periods=2, freq="M").array, "period[M]"),
        (pd.arrays.SparseArray([0, 1]), "Sparse[int64, 0]"),
        (pd.arrays.IntervalArray.from_breaks([0, 1, 2]), "interval[int64, right]"),
    ],
    ids=str,
)
def test_a_dtype_that_does_not_cross_is_counted_as_a_loss(column: Any, dtype: str) -> None:
    back, losses = through({"t": pd.DataFrame({"c": column, "n": [1, 2]})})
    assert back["t"]["c"].dtype == object
    assert back["t"]["n"].tolist() == [1, 2]
    assert Loss(dtype, "dtype", whole=False) in losses


def test_a_table_of_many_texts_crosses() -> None:
    table = pd.DataFrame({"name": [f"row {number}" for number in range(300_000)]})
    pd.testing.assert_frame_equal(through(table)[0], table)


def test_a_table_of_too_many_columns_is_given_up() -> None:
    back, losses = through(["x", pd.DataFrame(np.zeros((1, 10_000)))])
    assert back[0] == "x"
    assert losses == [Loss("DataFrame", "size", whole=False)]


def test_bytearrays_become_bytes() -> None:
    back, losses = through([bytearray(b"ab"), frozenset({1}), datetime.timedelta(-1, 5), datetime.time(1, 2, fold=1)])
    assert back == [b"ab", frozenset({1}), datetime.timedelta(-1, 5), datetime.time(1, 2, fold=1)]
    assert [type(item) for item in back[:2]] == [bytes, frozenset]
    assert (back[3].fold, losses) == (1, [])


I4 = {"$": "array", "dtype": "<i4", "shape": [1]}


def column(**fields: Any) -> dict[str, Any]:
    return {"$": "column", "name": None, "index": {"range": [0, 1, 1], "names": [None]}, "v": fields}


@pytest.mark.parametrize(
    ("data", "blob"),
    [
        (column(dtype="category", codes={**I4, "at": [0, 4]}, categories={**I4, "at": [0, 4]}, ordered=1), b"\7\0\0\0"),
        (column(dtype="Int64", plain={**I4, "at": [0, 4]}, gone={**I4, "at": [0, 4]}), bytes(4)),
        (column(dtype="Int32", plain={**I4, "at": [0, 4]}, gone={**I4, "at": [0, 4]}), bytes(4)),
        (column(dtype="Int128", plain={**I4, "at": [0, 4]}, gone={**I4, "at": [0, 4]}), bytes(4)),
        (column(dtype="str", lengths={**I4, "at": [0, 4]}, at=[4, 2]), b"\1\0\0\0ab"),
        (column(dtype="str", lengths={**I4, "at": [0, 4]}, at=[4, 2]), b"\3\0\0\0ab"),
        (column(dtype="str", lengths={**I4, "at": [0, 4]}, at=[4, 0]), b"\xf0\xff\xff\xff"),
        (column(dtype="str", lengths={**I4, "at": [0, 4]}, at=[4, 1]), b"\1\0\0\0\xff"),
        *(
            (column(dtype="zoned", zone=zone, plain={**I4, "dtype": "<M8[ns]", "at": [0, 8]}), bytes(8))
            for zone in ("../../etc/passwd", "/etc/localtime", "dateutil//etc/passwd", "No/Such", "", None, 10**9, [])
        ),
        ({"$": "index", "v": {"levels": [], "names": []}}, b""),
        ({"$": "index", "v": {"levels": [{"dtype": "object", "shape": [1], "v": [[]]}], "names": [None]}}, b""),
        ({"$": "index", "v": {"range": [0, 1, 1], "names": [None, None]}}, b""),
    ],
)
def test_a_column_that_lies_is_refused(data: Any, blob: bytes) -> None:
    with pytest.raises(CodecError):
        codec.decode(data, blob)


def test_no_flood_of_columns_is_built() -> None:
    empty = {"dtype": "<i4", "shape": [0], "at": [0, 0]}
    table = {"$": "table", "columns": [empty] * 5_000, "labels": {}, "index": {}}
    with pytest.raises(CodecError, match="values in one message"):
        codec.decode(table)


def test_every_byte_of_a_valid_message_may_be_wrong() -> None:
    table = pd.DataFrame({name: values for name, values in COLUMNS.items() if name != "object"})
    data, blob = codec.encode(table)
    text = json.dumps(data).encode()
    for place in range(0, len(text), 7):
        for byte in b'0"[9':
            changed = bytearray(text)
            changed[place] = byte
            with suppress(CodecError, ValueError):
                codec.decode(json.loads(changed), blob)
