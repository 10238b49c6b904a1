"""What the encoders and decoders of values share: budgets, the blob, and the mark for a mere `repr`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from agentui.sandbox.frames import MAX_BLOB_BYTES

TAG = "$"
MAX_DEPTH = 60
MAX_DECODED_BYTES = 128 << 20
MAX_ITEMS = 200_000
"Values in one message, nested ones included."


class CodecError(ValueError):
    """A value that cannot be sent, or a message that does not hold a value."""


class Repr(str):
    """The `repr` of a value whose type does not cross the sandbox's boundary: readable text, not the value.

    Attributes:
        type_name: Qualified name of the value's class.
    """

    __slots__ = ("type_name",)
    type_name: str

    def __new__(cls, text: str, type_name: str) -> Repr:
        """Mark `text` as the `repr` of a `type_name`."""
        self = super().__new__(cls, text)
        self.type_name = type_name
        return self


class _Budget:
    """Counts values and depth, so that neither a cycle nor a flood goes through."""

    def __init__(self) -> None:
        self._items = 0
        self._depth = 0

    def enter(self) -> None:
        self._items += 1
        self._depth += 1
        if self._items > MAX_ITEMS:
            raise CodecError(f"more than {MAX_ITEMS:,} values in one message")
        if self._depth > MAX_DEPTH:
            raise CodecError(f"values nested deeper than {MAX_DEPTH}")

    def leave(self) -> None:
        self._depth -= 1


class Encoder:
    """One message being written."""

    def __init__(self, *, encode_value: Callable[[Any, Encoder], Any], strict: bool) -> None:
        self.strict = strict
        self._encode_value = encode_value
        self._budget = _Budget()
        self._parts: list[bytes] = []
        self._size = 0

    def value(self, value: Any) -> Any:
        """JSON for `value`."""
        self._budget.enter()
        data = self._encode_value(value, self)
        self._budget.leave()
        return data

    def add_bytes(self, data: bytes) -> list[int]:
        """Append `data` to the blob; returns its place as [offset, length]."""
        place = [self._size, len(data)]
        self._size += len(data)
        if self._size > MAX_BLOB_BYTES:
            raise CodecError(f"more than {MAX_BLOB_BYTES:,} bytes in one message")
        self._parts.append(data)
        return place

    def blob(self) -> bytes:
        """All bytes that were added."""
        return b"".join(self._parts)


class Decoder:
    """One message being read."""

    def __init__(self, *, decode_value: Callable[[Any, Decoder], Any], blob: bytes) -> None:
        self._decode_value = decode_value
        self._blob = blob
        self._budget = _Budget()
        self._bytes_left = MAX_DECODED_BYTES

    def value(self, data: Any) -> Any:
        """The value that `data` stands for."""
        self._budget.enter()
        value = self._decode_value(data, self)
        self._budget.leave()
        return value

    def list(self, data: Any) -> list[Any]:
        """`data`, which must be a list."""
        if not isinstance(data, list):
            raise CodecError("a list was expected")
        return cast("list[Any]", data)

    def dict(self, data: Any) -> dict[str, Any]:
        """`data`, which must be an object."""
        if not isinstance(data, dict):
            raise CodecError("an object was expected")
        return cast("dict[str, Any]", data)

    def items(self, data: dict[str, Any]) -> list[Any]:
        """The list in a tagged object."""
        return self.list(data["v"])

    def text(self, data: dict[str, Any], limit: int) -> str:
        """The string in a tagged object, of at most `limit` characters."""
        text = data["v"]
        if not isinstance(text, str) or len(text) > limit:
            raise CodecError("a short string was expected")
        return text

    def spend(self, size: int) -> None:
        """Account for `size` bytes of memory: the same blob can be named many times."""
        self._bytes_left -= size
        if self._bytes_left < 0:
            raise CodecError(f"a message that unpacks to more than {MAX_DECODED_BYTES:,} bytes")

    def bytes_at(self, place: Any) -> bytes:
        """The part of the blob that `place`, [offset, length], names."""
        match place:
            case [int(offset), int(length)] if offset >= 0 and length >= 0 and offset + length <= len(self._blob):
                self.spend(length)
                return self._blob[offset : offset + length]
            case _:
                raise CodecError("a place outside the blob")
