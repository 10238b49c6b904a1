"""Values keep their type and content across the boundary; what is not known is marked as its `repr`."""

from __future__ import annotations

import datetime
import decimal
import io
import json
import math
import pathlib
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from agentui.sandbox import codec, codec_data
from agentui.sandbox.codec import CodecError, Repr

text = st.text(st.characters(exclude_categories=["Cs"]))
atoms = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**300), 2**300)
    | st.floats(allow_nan=False)
    | text
    | st.binary()
    | st.datetimes(timezones=st.none() | st.just(datetime.UTC))
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.decimals(allow_nan=False, min_value=-(10**50), max_value=10**50)
    | st.complex_numbers(allow_nan=False)
)
hashable = st.recursive(atoms, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=5)
values = st.recursive(
    hashable,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner)
        | st.dictionaries(hashable, inner, max_size=4)
        | st.dictionaries(text | st.just("$"), inner, max_size=4)
        | st.sets(hashable, max_size=4)
    ),
    max_leaves=20,
)
dtypes = (
    hnp.boolean_dtypes()
    | hnp.integer_dtypes()
    | hnp.unsigned_integer_dtypes()
    | hnp.floating_dtypes(sizes=(16, 32, 64))
    | hnp.complex_number_dtypes(sizes=(64, 128))
    | hnp.datetime64_dtypes(min_period="ns")
    | hnp.timedelta64_dtypes(min_period="ns")
)


def through(value: Any) -> Any:
    """`value` after both directions and JSON between them."""
    data, blob = codec.encode(value)
    return codec.decode(json.loads(json.dumps(data, allow_nan=False)), blob)


def typed(value: Any) -> Any:
    """Equal for equal values of equal types only: 1, 1.0 and True differ."""
    match value:
        case list() | tuple():
            return type(value), [typed(item) for item in value]
        case dict():
            return dict, [(typed(key), typed(item)) for key, item in value.items()]
        case set() | frozenset():
            return type(value), sorted(repr(typed(item)) for item in value)
        case _:
            return type(value), value


@given(values)
def test_values_come_back_with_their_types(value: Any) -> None:
    assert typed(through(value)) == typed(value)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_integer_that_python_prints_comes_back(sign: int) -> None:
    assert through(sign * (2**14_000 - 1)) == sign * (2**14_000 - 1)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0, complex(math.nan, 1), decimal.Decimal("NaN")])
def test_special_numbers_come_back(value: Any) -> None:
    assert repr(through(value)) == repr(value)


@given(hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)))
def test_arrays_come_back_with_their_dtype_and_shape(array: np.ndarray[Any, Any]) -> None:
    back = through(array)
    assert back.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(back, array)
    assert back.flags.writeable


@pytest.mark.parametrize(
    "array",
    [
        np.array(["a", "bc", "ü\U0001f600"]),
        np.array([b"x", b"yz"]),
        np.array([[1, "a"], [None, 2.5]], dtype=object),
        np.array([], dtype=object),
        np.arange(12).reshape(3, 4)[:, ::2],
        np.array([1, 2], dtype=">i4"),
        np.array(5.5),
    ],
)
def test_unusual_arrays_come_back(array: np.ndarray[Any, Any]) -> None:
    back = through(array)
    assert back.shape == array.shape
    assert back.tolist() == array.tolist()


@pytest.mark.parametrize(
    ("scalar", "expected"),
    [
        (np.float32(1.5), 1.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.longdouble(2), 2.0),
        (np.datetime64("2024-01-02"), np.datetime64("2024-01-02")),
    ],
)
def test_scalars_of_numpy_become_plain(scalar: Any, expected: Any) -> None:
    assert through(scalar) == expected


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [1.5, math.nan], "d": [True, False]}),
        pd.DataFrame({"when": pd.to_datetime(["2024-01-01", None])}, index=["x", "y"]),
        pd.DataFrame({"a": [1]}, index=pd.Index([3], name="key")),
        pd.DataFrame([[1, 2], [3, 4]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
        pd.DataFrame({"v": [1, 2]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["k", "n"])),
        pd.DataFrame({"a": [1, 2], "a2": [3, 4]}).rename(columns={"a2": "a"}),
        pd.DataFrame({"o": [[1], {"k": 2}]}),
        pd.DataFrame(),
        pd.DataFrame(index=[1, 2]),
        pd.DataFrame(columns=["a", "b"]),
    ],
)
def test_tables_come_back(table: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(through(table), table)


def test_series_come_back() -> None:
    series = pd.Series([1.5, 2.5], index=["a", "b"], name="n")
    pd.testing.assert_series_equal(through(series), series)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "P", "CMYK"])
def test_images_come_back(mode: str) -> None:
    image = Image.new(mode, (3, 2))
    back = through(image)
    assert back.size == (3, 2)
    assert back.convert("RGB").tobytes() == image.convert("RGB").tobytes()


def test_missing_values_of_pandas_come_back() -> None:
    assert through([pd.NA, pd.NaT]) == [pd.NA, None] or through(pd.NA) is pd.NA


def test_paths_become_text_and_subclasses_what_they_extend() -> None:
    class Text(str):
        pass

    assert typed(through([pathlib.Path("/a/b"), Text("t")])) == typed(["/a/b", "t"])


def test_lone_surrogates_are_replaced() -> None:
    assert through(["\ud800", {"\udfff": "😀"}]) == ["\ufffd", {"\ufffd": "😀"}]


def test_an_unknown_object_travels_as_its_marked_repr() -> None:
    back = through({"f": print})["f"]
    assert (type(back), back, back.type_name) == (Repr, "<built-in function print>", "builtin_function_or_method")
    assert typed(through(back)) == typed(back)


def test_strict_names_the_type_that_cannot_be_sent() -> None:
    with pytest.raises(ValueError, match="type function cannot be sent"):
        codec.encode({"f": [lambda: 0]}, strict=True)


@pytest.mark.parametrize(
    "value",
    [2**100_000, decimal.Decimal("1E+100000"), Image.new("1", (6000, 6000)), [0] * 300_000],
    ids=["int", "Decimal", "image", "list"],
)
def test_what_is_too_large_travels_as_its_repr(value: Any) -> None:
    assert isinstance(through(value), Repr)


@pytest.mark.parametrize("depth", [100, 5_000, 100_000])
def test_what_is_nested_too_deeply_ends_in_a_text(depth: int) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    back = through({"kept": 1, "deep": value})
    assert back["kept"] == 1
    inner = back["deep"]
    while type(inner) is list:
        (inner,) = inner
    assert isinstance(inner, Repr)


def test_a_cycle_ends_in_its_repr() -> None:
    cycle: list[Any] = []
    cycle.append(cycle)
    assert through(cycle) == ["[[...]]"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["v", "at", "x"]), inner, max_size=4),
    max_leaves=10,
)
TAGS = (*codec._DECODERS, *codec_data.DECODERS, "nonsense")  # pyright: ignore[reportPrivateUsage]
FIELDS = [
    "codes",
    "categories",
    "gone",
    "plain",
    "zone",
    "lengths",
    "levels",
    "was",
    "why",
    "v",
    "at",
    "type",
    "dtype",
    "shape",
    "labels",
    "columns",
    "index",
    "name",
    "names",
    "range",
    "fold",
]
hostile = st.recursive(
    json_values
    | st.just([0, 8])
    | st.sampled_from(
        [
            "<f8",
            "object",
            "text",
            "bytes",
            "str",
            "O",
            "V8",
            "<U4",
            "i4,i4",
            "category",
            "Int64",
            "boolean",
            "zoned",
            "string",
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.builds(
            lambda tag, fields: {"$": tag, **fields},
            st.sampled_from(TAGS),
            st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
        )
        | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(hostile, st.binary(max_size=16))
def test_a_hostile_message_is_a_value_or_refused(data: Any, blob: bytes) -> None:
    with suppress(CodecError):
        codec.decode(data, blob)


def bomb() -> bytes:
    out = io.BytesIO()
    Image.new("1", (5_000, 5_000)).save(out, format="PNG")
    return out.getvalue()


BOMB = bomb()
SMALL = {"$": "array", "dtype": "|u1", "shape": [16 << 20], "at": [0, 16 << 20]}


@pytest.mark.parametrize(
    ("data", "blob"),
    [
        ({"$": "image", "at": [0, 33]}, BOMB[:16] + b"\xff\xff\xff\x00" * 2 + BOMB[24:33]),
        ([{"$": "image", "at": [0, len(BOMB)]}] * 5, BOMB),
        ([SMALL] * 20, bytes(16 << 20)),
        ({"$": "array", "dtype": "text", "shape": [100_000], "v": ["x" * 100_000] + [""] * 99_999}, b""),
        ({"$": "array", "dtype": "<f8", "shape": [0, 2**30], "at": [0, 0]}, b""),
        ({"$": "array", "dtype": "<f8", "shape": [-1], "at": [0, 8]}, bytes(8)),
        ({"$": "array", "dtype": "|O", "shape": [1], "at": [0, 8]}, bytes(8)),
        ({"$": "array", "dtype": "<f8", "shape": [1] * 100, "at": [0, 8]}, bytes(8)),
        ({"$": "int", "v": "0x" + "f" * 5_000}, b""),
        ({"$": "decimal", "v": "1E+999999999"}, b""),
        ({"$": "bytes", "at": [-1, 3]}, b"abc"),
        ({"$": "bytes", "at": [0, 4]}, b"abc"),
        ({"$": "dict", "v": [[[], 1]]}, b""),
        ({"$": "set", "v": [[1]]}, b""),
        ({"$": ["set"], "v": []}, b""),
        ({"$": "__class__", "v": []}, b""),
        ({"$": "table", "labels": {}, "columns": [], "index": {"range": [0, 2**62, 1], "names": [None]}}, b""),
    ],
    ids=[str(place) for place in range(17)],
)
def test_a_bomb_is_refused(data: Any, blob: bytes) -> None:
    with pytest.raises(CodecError):
        codec.decode(data, blob)


def test_depth_is_refused_before_it_costs_the_stack() -> None:
    data: Any = 1
    for _ in range(500):
        data = [data]
    with pytest.raises(CodecError, match="nested deeper"):
        codec.decode(data)
