"""How a session's objects are pickled where Python's own way would lose what makes them the session's.

`cloudpickle` says how functions and classes that no module holds are taken apart. Here it is said what is different:
functions look their globals up in the new session's live namespace, closures share their cells, arrays that are views
of a variable stay views of it, paths in the work folder follow the folder, and open files are refused.
"""

from __future__ import annotations

import functools
import io
import operator
import os
import pathlib
import pickle
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any, Final, cast

from agentui.sandbox.worker.caught import Caught

_CTYPES_KINDS: Final = frozenset({"PyCArrayType", "PyCPointerType", "PyCFuncPtrType"})
"Of types that have no name to be found under, and that cannot be made as other classes are."
_LRU_CACHED: Final = type(functools.lru_cache(len))


class Absent:
    """Stands for a module that cannot be imported here."""

    def __init__(self, reason: str) -> None:
        self.__dict__["reason"] = reason

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise RuntimeError(f"this could not be restored: {self.__dict__['reason']}")


class StatePickler(pickle.Pickler):
    """Pickles a namespace.

    Args:
        file: Takes the bytes.
        anchors: What a new session has an equal of: it is named by its place, not pickled.
        namespace: The globals of the session's functions.
        work_dir: Where paths follow the session.
        buffer_callback: As in `pickle.Pickler`.

    Raises:
        ImportError: `cloudpickle` is not installed.
    """

    def __init__(
        self,
        file: Any,
        *,
        anchors: Sequence[Any],
        namespace: dict[str, Any],
        work_dir: str,
        buffer_callback: Callable[[pickle.PickleBuffer], Any],
    ) -> None:
        super().__init__(file, protocol=5, buffer_callback=buffer_callback)
        by_value: Any = import_module("cloudpickle").Pickler(io.BytesIO(), protocol=5)
        self.dispatch_table = by_value.dispatch_table
        self.memo = cast(Any, {id(anchor): (place, anchor) for place, anchor in enumerate(anchors)})
        self._by_value = by_value.reducer_override
        self._namespace = namespace
        self._work_dir = pathlib.PurePath(work_dir)
        self._owners = _owners(namespace)
        self._reducers: dict[type, Callable[[Any], Any]] = {
            FunctionType: self._reduce_function,
            CellType: _reduce_cell,
            ModuleType: _reduce_module,
            _LRU_CACHED: _reduce_cached,
            functools.cached_property: _reduce_cached_property,
            pathlib.PosixPath: self._reduce_path,
            pathlib.PurePosixPath: self._reduce_path,
        }
        if self._owners:
            self._reducers[sys.modules["numpy"].ndarray] = self._reduce_array

    def reducer_override(self, obj: Any) -> Any:
        """How to take `obj` apart; asked for everything but the simplest types."""
        reduce = self._reducers.get(type(cast(object, obj)))
        if reduce is not None:
            return reduce(obj)
        if isinstance(obj, io.IOBase) and not isinstance(obj, io.BytesIO | io.StringIO):
            raise pickle.PicklingError("an open file cannot be kept")
        if type(cast(object, obj)).__name__ in _CTYPES_KINDS:
            raise pickle.PicklingError("arrays, pointers and functions of ctypes cannot be kept")
        return self._by_value(obj)

    def _reduce_function(self, function: FunctionType) -> Any:
        if function.__globals__ is not self._namespace:
            return self._by_value(function)
        fields = ("__name__", "__qualname__", "__module__", "__doc__", "__defaults__", "__kwdefaults__")
        state = {name: getattr(function, name) for name in fields}
        state |= {"__annotations__": function.__annotations__, "__dict__": function.__dict__}
        parts = (function.__code__, self._namespace, function.__closure__)
        return make_function, parts, state, None, None, set_function

    def _reduce_path(self, path: pathlib.PurePath) -> Any:
        if not path.is_absolute() or not path.is_relative_to(self._work_dir):
            return NotImplemented
        return make_path, (type(path), path.relative_to(self._work_dir).parts)

    def _reduce_array(self, array: Any) -> Any:
        owner = self._owners.get(id(_memory(array)))
        if owner is None or owner is array or array.dtype.hasobject:
            return NotImplemented
        offset = _address(array) - _address(owner)
        return make_view, (owner, offset, array.shape, array.strides, array.dtype, bool(array.flags.writeable))


def load(anchors: Sequence[Any], stream: bytes, buffers: Sequence[bytearray]) -> dict[str, Any]:
    """Read what a `StatePickler` wrote.

    Args:
        anchors: This session's, in the order of the pickler's.
        stream: The bytes.
        buffers: What its `buffer_callback` took.
    """
    # The pickler knew its anchors beforehand, so they must be known here: a pickle that only remembers them comes
    # first. (`Unpickler.memo` can be set, but CPython forgets what it is set to.)
    places = range(len(anchors))
    remember = b"".join(pickle.BININT2 + struct.pack("<H", place) + _remember(place) for place in places)
    file = io.BytesIO(pickle.PROTO + b"\x05" + remember + pickle.NONE + pickle.STOP + stream)
    unpickler = _Unpickler(file, anchors, buffers)
    unpickler.load()
    return unpickler.load()


def _remember(place: int) -> bytes:
    return pickle.BINPERSID + pickle.LONG_BINPUT + struct.pack("<I", place) + pickle.POP


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, anchors: Sequence[Any], buffers: Sequence[bytearray]) -> None:
        super().__init__(file, buffers=buffers)
        self._anchors = anchors

    def persistent_load(self, pid: Any) -> Any:
        return self._anchors[pid]


def make_function(code: CodeType, namespace: dict[str, Any], closure: tuple[CellType, ...] | None) -> FunctionType:
    """A function of the session; `set_function` does the rest."""
    return FunctionType(code, namespace, None, None, closure)


def set_function(function: FunctionType, state: Mapping[str, Any]) -> None:
    """Give a function what is not needed to make it, and may refer to it."""
    for name, value in state.items():
        setattr(function, name, value)


def set_cell(cell: CellType, contents: tuple[Any]) -> None:
    """Fill a cell, after all that shares it has been told of it."""
    cell.cell_contents = contents[0]


def make_module(name: str) -> Any:
    """The module `name`; an `Absent` where it cannot be imported."""
    with Caught() as failed:
        return import_module(name)
    if isinstance(failed.error, KeyboardInterrupt):
        raise failed.error
    return Absent(f"the module {name} cannot be imported here")


def make_cached(function: Callable[..., Any], parameters: Mapping[str, Any]) -> Any:
    """A function behind `lru_cache`; what it had cached is computed again."""
    return functools.lru_cache(**parameters)(function)


def make_cached_property(function: Callable[[Any], Any], name: str | None) -> Any:
    """A `cached_property` under the name that it had in its class."""
    made = functools.cached_property(function)
    made.attrname = name
    return made


def make_path(kind: type[pathlib.PurePath], parts: tuple[str, ...]) -> pathlib.PurePath:
    """A path in this session's work folder."""
    return kind(WorkFolder.path, *parts)


class WorkFolder:
    """Where this worker's code runs."""

    path = "."


def make_view(owner: Any, offset: int, shape: Any, strides: Any, dtype: Any, writeable: bool) -> Any:
    """A view of the memory of another array."""
    numpy: Any = sys.modules["numpy"]
    flat = owner if owner.flags.c_contiguous else owner.T
    view = numpy.ndarray(shape, dtype, buffer=flat.reshape(-1), offset=offset, strides=strides)
    if not writeable:
        view.flags.writeable = False
    return view


def _reduce_cell(cell: CellType) -> Any:
    with suppress(ValueError):
        return CellType, (), (cell.cell_contents,), None, None, set_cell
    return CellType, ()


def _reduce_module(module: ModuleType) -> Any:
    return (make_module, (module.__name__,)) if module.__name__ in sys.modules else NotImplemented


def _reduce_cached(cached: Any) -> Any:
    return make_cached, (cached.__wrapped__, cached.cache_parameters())


def _reduce_cached_property(made: Any) -> Any:
    return make_cached_property, (made.func, made.attrname)


def _owners(namespace: Mapping[str, Any]) -> dict[int, Any]:
    """The largest plain array among the variables for each piece of memory that arrays among them share."""
    numpy: Any = sys.modules.get("numpy")
    if numpy is None:
        return {}
    owners: dict[int, Any] = {}
    arrays = [value for value in namespace.values() if type(value) is numpy.ndarray]
    for array in sorted(arrays, key=operator.attrgetter("nbytes"), reverse=True):
        whole = array.flags.c_contiguous or array.flags.f_contiguous
        if whole and array.flags.writeable and not array.dtype.hasobject:
            owners.setdefault(id(_memory(array)), array)
    return {key: owner for key, owner in owners.items() if _is_whole(owner)}


def _is_whole(owner: Any) -> bool:
    """Whether all memory behind an array is in it, so that every other array of that memory is a view of it."""
    memory = _memory(owner)
    with suppress(TypeError, ValueError):
        return memory is owner or owner.nbytes == memoryview(memory).nbytes
    return False


def _memory(array: Any) -> Any:
    """The object whose memory an array shows: an array that has its own, or a buffer."""
    while getattr(array, "base", None) is not None:
        array = array.base
    return array


def _address(array: Any) -> int:
    return array.__array_interface__["data"][0]


def work_folder() -> str:
    """The current directory below the work folder; "." where it is not below it."""
    with suppress(OSError, ValueError):
        relative = os.path.relpath(os.getcwd(), WorkFolder.path)
        return "." if relative.startswith("..") else relative
    return "."
