"""A value in a few words, at a cost that does not grow with it.

Of a large value only the beginning and a few parts further on are looked at, so a change elsewhere in it is not seen.
No code of the value itself runs, not even its `__repr__`, which might never end, print or change what is described:
types are asked for with `type`, never `__class__`, built-in containers are read by the methods of the built-in type,
a few well-known library types, those very ones, by theirs, of other objects only a plain `__dict__` is read.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from itertools import islice
from types import BuiltinFunctionType, CodeType, FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import Any, Final, cast

_MAX_CHARS: Final = 200
"Of one text within a value."
_TAIL_CHARS: Final = 40
_MAX_NAME_CHARS: Final = 100
_MAX_PARTS: Final = 64
"Values that are looked at in one value."
_MAX_DEPTH: Final = 5
_MAX_PLAIN_BITS: Final = 2_000
_HEAD: Final = 16
_SAMPLES: Final = 64
_WHOLE_BYTES: Final = 4_096
"Of an array that is compared as a whole; of a larger one samples are."
_COLUMNS: Final = 6
_CELLS: Final = 3
_MORE: Final = "…"

_NAME: Final[Any] = type.__dict__["__name__"].__get__
_MRO: Final[Any] = type.__dict__["__mro__"].__get__
_DICT: Final[Any] = type.__dict__["__dict__"].__get__
"These ask a class without asking its metaclass."
_ARGS: Final[Any] = BaseException.__dict__["args"].__get__
_LIST: Final[Any] = list
_TUPLE: Final[Any] = tuple
_STR: Final[Any] = str
_DESCRIPTORS: Final = frozenset({GetSetDescriptorType, MemberDescriptorType})
"Of a `__dict__` that Python made."
_SIZED: Final[tuple[Any, ...]] = (list, dict, str, tuple, set, frozenset, bytes, bytearray, deque)


def type_name(value: object) -> str:
    """Name of the class of `value`, at most 100 characters."""
    return _name(type(value))


def size_of(value: object) -> str | None:
    """Number of items, or the shape of an array or table; None where there is none."""
    kind, held = type(value), cast("Any", value)
    if _library_type(kind) in _SHAPED:
        return str(tuple(int(length) for length in held.shape))
    for base in _MRO(kind):
        for sized in _SIZED:
            if base is sized:
                return f"{base.__len__(held):,}"
    return None


class Outline:
    """Describes one value.

    Attributes:
        marks: What tells the value from another with the same text.
        opaque: Some part is told from others by its identity alone.
    """

    def __init__(self) -> None:
        self.marks: list[object] = []
        self.opaque = False
        self._left = _MAX_PARTS
        self._depth = 0

    def text(self, value: Any) -> str:
        """The value in words."""
        self._left -= 1
        if self._left < 0 or self._depth >= _MAX_DEPTH:
            return _MORE
        self._depth += 1
        try:
            return self._text(value)
        finally:
            self._depth -= 1

    def join(self, items: Iterable[Any]) -> str:
        """Several values in words."""
        return ", ".join(self.text(item) for item in items)

    def _text(self, value: object) -> str:
        kind = type(value)
        for plain, describe in _PLAIN:
            if kind is plain:
                return describe(self, value)
        if (library_type := _library_type(kind)) is not None:
            return _LIBRARY[library_type](self, value)
        if (item := _number(value, kind)) is not None:
            return self.text(item)
        return self._structure(value, kind)

    def _structure(self, value: Any, kind: type) -> str:
        """An object by what it extends, or by its attributes."""
        for base in _MRO(kind)[1:]:
            for plain, describe in _PLAIN:
                if base is plain:
                    text = describe(self, value)
                    return text if base is type else f"{_name(kind)}({text})"
        if any(base is BaseException for base in _MRO(kind)):
            return f"{_name(kind)}({self.join(_head(_ARGS(value)))})"
        attributes = _attributes(value, kind)
        if attributes is None:
            self.opaque = True
            self.marks.append(id(value))
            return f"<{_name(kind)}>"
        pairs = [(name, item) for name, item in _head(attributes.items()) if type(name) is str and name[:2] != "__"]
        return f"{_name(kind)}({', '.join(f'{name[:_MAX_NAME_CHARS]}={self.text(item)}' for name, item in pairs)})"


def _list(outline: Outline, value: Any) -> str:
    return f"[{_sequence(outline, _LIST.__len__(value), lambda part: _LIST.__getitem__(value, part))}]"


def _tuple(outline: Outline, value: Any) -> str:
    length = _TUPLE.__len__(value)
    text = _sequence(outline, length, lambda part: _TUPLE.__getitem__(value, part))
    return f"({text}{',' * (length == 1)})"


def _sequence(outline: Outline, length: int, part: Callable[[slice], Iterable[Any]]) -> str:
    if length <= _HEAD:
        return outline.join(part(slice(None)))
    return f"{outline.join(part(slice(_HEAD)))}, {_MORE}, {outline.join(part(slice(-2, None)))}"


def _dict(outline: Outline, value: Any) -> str:
    plain: Any = dict
    pairs = [f"{outline.text(key)}: {outline.text(item)}" for key, item in _head(plain.items(value))]
    return f"{{{', '.join([*pairs, *_rest(plain.__len__(value))])}}}"


def _set(outline: Outline, value: Any) -> str:
    plain: Any = set if issubclass(type(value), set) else frozenset
    # In an order that does not depend on the seed of hashes.
    items = sorted(outline.text(item) for item in _head(plain.__iter__(value)))
    return f"{{{', '.join([*items, *_rest(plain.__len__(value))])}}}" if items else "set()"


def _string(outline: Outline, value: Any) -> str:
    if _STR.__len__(value) <= _MAX_CHARS + _TAIL_CHARS:
        return _STR.__repr__(value)
    head, tail = (_STR.__getitem__(value, part) for part in (slice(_MAX_CHARS), slice(-_TAIL_CHARS, None)))
    return f"{head!r}{_MORE}{tail!r}"


def _bytes(outline: Outline, value: Any) -> str:
    plain: Any = bytes if issubclass(type(value), bytes) else bytearray
    head = bytes(plain.__getitem__(value, slice(_MAX_CHARS)))
    if plain.__len__(value) <= _MAX_CHARS:
        return repr(head)
    return f"{head!r}{_MORE}{bytes(plain.__getitem__(value, slice(-_TAIL_CHARS, None)))!r}"


def _int(outline: Outline, value: Any) -> str:
    plain: Any = int
    bits = plain.bit_length(value)
    if bits <= _MAX_PLAIN_BITS:
        return plain.__repr__(value)
    high, low = plain.__rshift__(value, bits - 64), plain.__and__(value, 0xFFFFFFFF)
    return f"{high:#x}{_MORE}{low:08x} ({bits:,} bits)"


def _function(outline: Outline, value: Any) -> str:
    code: CodeType = value.__code__
    _code(outline, code)
    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return f"{_STR.__getitem__(value.__name__, slice(_MAX_NAME_CHARS))}({', '.join(arguments)})"


def _code(outline: Outline, code: CodeType) -> str:
    outline.marks += [code.co_code, code.co_names, outline.join(code.co_consts[:_HEAD])]
    return "<code>"


def _class(outline: Outline, value: Any) -> str:
    outline.marks += [outline.text(item) for key, item in _head(_DICT(value).items()) if not _STR.startswith(key, "__")]
    bases = ", ".join(_name(base) for base in _MRO(value)[1:2] if base is not object)
    return f"class {_name(value)}({bases})" if bases else f"class {_name(value)}"


def _array(outline: Outline, value: Any) -> str:
    count = value.size
    items = value.flat[:_HEAD]
    if not value.dtype.hasobject:
        step = 1 if value.nbytes <= _WHOLE_BYTES else max(1, count // _SAMPLES)
        outline.marks.append(value.flat[::step].tobytes())
        items = items.tolist()
    return f"{value.dtype} [{', '.join([outline.join(items), *_rest(count)])}]"


def _table(outline: Outline, value: Any) -> str:
    texts = [f"{outline.text(label)}: [{_cells(outline, part)}]" for label, part in islice(value.items(), _COLUMNS)]
    return ", ".join([*texts, *_rest(value.shape[1], _COLUMNS)])


def _column(outline: Outline, value: Any) -> str:
    return f"{value.dtype} [{_cells(outline, value)}]"


def _cells(outline: Outline, column: Any) -> str:
    """The first cells of a column; a few more are marks."""
    cells, rows = column.array, len(column)
    shown = [outline.text(cells[row]) for row in range(min(rows, _CELLS))]
    outline.marks += [outline.text(cells[row]) for row in (rows // 3, rows // 2, rows - 1) if row >= _CELLS]
    return ", ".join([*shown, *_rest(rows, _CELLS)])


def _head(items: Iterable[Any]) -> list[Any]:
    return list(islice(items, _HEAD))


def _rest(length: int, shown: int = _HEAD) -> list[str]:
    return [_MORE] if length > shown else []


def _name(kind: type) -> str:
    return _STR.__getitem__(_NAME(kind), slice(_MAX_NAME_CHARS))


def _library_type(kind: type) -> tuple[str, str] | None:
    """The key in `_LIBRARY` of a class that is that very one of a module, which must be loaded for that."""
    key = _BY_NAME.get(_name(kind))
    return key if key is not None and getattr(sys.modules.get(key[0]), key[1], None) is kind else None


def _number(value: Any, kind: type) -> Any:
    """A number of numpy as one of Python; None for anything else."""
    scalar: Any = getattr(sys.modules.get("numpy"), "generic", None)
    item = scalar.item(value) if any(base is scalar for base in _MRO(kind)) else None
    return None if type(item) is kind else item


def _attributes(value: object, kind: type) -> Any:
    """The `__dict__` of a value where that is what Python made it; None elsewhere."""
    plain: Any = dict
    for base in _MRO(kind):
        found = _DICT(base).get("__dict__")
        if found is not None:
            held: Any = found.__get__(value) if type(found) in _DESCRIPTORS else None
            return held if type(held) is plain else None
    return None


_Describe = Callable[[Outline, Any], str]
_PLAIN: Final[tuple[tuple[type, _Describe], ...]] = (
    (str, _string),
    (int, _int),
    (float, lambda _, value: float.__repr__(value)),
    (list, _list),
    (dict, _dict),
    (bool, lambda _, value: repr(value)),
    (type(None), lambda _, value: repr(value)),
    (tuple, _tuple),
    (FunctionType, _function),
    (type, _class),
    (set, _set),
    (frozenset, _set),
    (complex, lambda _, value: complex.__repr__(value)),
    (bytes, _bytes),
    (bytearray, _bytes),
    (datetime, lambda _, value: datetime.isoformat(value, " ")),
    (date, lambda _, value: date.isoformat(value)),
    (timedelta, lambda _, value: timedelta.__str__(value)),
    (range, lambda _, value: repr(value)),
    (deque, lambda outline, value: f"[{', '.join([outline.join(_head(value)), *_rest(len(value))])}]"),
    (BuiltinFunctionType, lambda _, value: f"{value.__name__[:_MAX_NAME_CHARS]}(…)"),
    (CodeType, _code),
)
_LIBRARY: Final[dict[tuple[str, str], _Describe]] = {
    ("numpy", "ndarray"): _array,
    ("pandas", "DataFrame"): _table,
    ("pandas", "Series"): _column,
    ("pandas", "Timestamp"): lambda _, value: value.isoformat(" "),
    ("decimal", "Decimal"): lambda _, value: f"{value:.40g}",
    ("fractions", "Fraction"): lambda outline, value: (
        f"{outline.text(value.numerator)}/{outline.text(value.denominator)}"
    ),
    ("pathlib", "PosixPath"): lambda outline, value: f"Path({outline.text(str(value))})",
    ("pathlib", "PurePosixPath"): lambda outline, value: f"Path({outline.text(str(value))})",
    ("uuid", "UUID"): lambda _, value: str(value),
    ("re", "Pattern"): lambda outline, value: f"pattern {outline.text(value.pattern)}",
    ("PIL.Image", "Image"): lambda _, value: f"{value.mode} {value.width} × {value.height} pixels",
}
"By module and name. Other classes that extend these may do what they want, so they are not meant."
_BY_NAME: Final = {key[1]: key for key in _LIBRARY}
_SHAPED: Final = frozenset({("numpy", "ndarray"), ("pandas", "DataFrame"), ("pandas", "Series")})
