"""What the encoders and decoders of values share: budgets, the blob, and the mark for a mere `repr`.

A part of a value that cannot be sent becomes its `repr`, and only that part: what it had used up is given back. So
that nothing can be tried for ever, what was tried counts too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast

from agentui.sandbox.frames import MAX_BLOB_BYTES, clean_text
from agentui.sandbox.losses import Loss

TAG = "$"
MAX_REPR_CHARS = 20_000
MAX_DEPTH = 60
MAX_DECODED_BYTES = 128 << 20
MAX_ITEMS = 200_000
"Values in one message, nested ones included."
_MAX_TRIED_ITEMS: Final = 3 * MAX_ITEMS
_MAX_TRIED_BYTES: Final = 4 * MAX_BLOB_BYTES
_MAX_LOSSES: Final = 10_000


class CodecError(ValueError):
    """A value that cannot be sent, or a message that does not hold a value.

    Attributes:
        why: A key of `losses.REASONS`.
    """

    def __init__(self, message: str, why: str = "size") -> None:
        super().__init__(message)
        self.why = why


class Hopeless(CodecError):
    """So much of a value had to be tried again that none of it is sent."""


class Repr(str):
    """The `repr` of a value whose type does not cross the sandbox's boundary: readable text, not the value.

    Attributes:
        type_name: Qualified name of the value's class.
        why: A key of `losses.REASONS`.
    """

    __slots__ = ("type_name", "why")
    type_name: str
    why: str

    def __new__(cls, text: str, type_name: str, why: str = "type") -> Repr:
        """Mark `text` as the `repr` of a `type_name`."""
        self = super().__new__(cls, text)
        self.type_name, self.why = type_name, why
        return self


def short_repr(value: object) -> str:
    """`repr(value)`, cut at 20,000 characters with the cut marked."""
    # Of gigabytes the whole `repr` would be made only to be cut.
    if type(value) in {str, bytes, bytearray} and (length := len(cast("str", value))) > MAX_REPR_CHARS:
        shown = repr(cast("str", value)[:MAX_REPR_CHARS])[:MAX_REPR_CHARS]
        return clean_text(f"{shown}… ({length:,} in all)")
    try:
        text = repr(value)
    except ValueError:
        if not isinstance(value, int):
            raise
        text = f"<int of {value.bit_length():,} bits>"
    except RecursionError:
        text = f"<{type(value).__qualname__[:200]} that is nested too deeply to be shown>"
    if len(text) > MAX_REPR_CHARS:
        text = f"{text[:MAX_REPR_CHARS]}… ({len(text):,} characters)"
    return clean_text(text)


class _Budget:
    """Counts values and depth, so that neither a cycle nor a flood goes through."""

    def __init__(self) -> None:
        self.items = 0
        self.depth = 0

    def enter(self) -> None:
        self.spend(1)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise CodecError(f"values nested deeper than {MAX_DEPTH}", "depth")

    def spend(self, items: int) -> None:
        self.items += items
        if self.items > MAX_ITEMS:
            raise CodecError(f"more than {MAX_ITEMS:,} values in one message")


class _Mark(NamedTuple):
    """How far an encoder was when it began with a value."""

    items: int
    depth: int
    parts: int
    size: int
    losses: int


class Encoder:
    """One message being written."""

    def __init__(
        self, *, encode_value: Callable[[Any, Encoder], Any], encode_repr: Callable[[Any, str], Any], strict: bool
    ) -> None:
        self.strict = strict
        self.losses: list[Loss] = []
        "What did not cross as it is."
        self._encode_value = encode_value
        self._encode_repr = encode_repr
        self._budget = _Budget()
        self._open: set[int] = set()
        self._parts: list[bytes] = []
        self._size = 0
        self._tried_items = self._tried_bytes = 0

    def value(self, value: Any) -> Any:
        """JSON for `value`; for its `repr`, if it cannot be sent."""
        mark = _Mark(self._budget.items, self._budget.depth, len(self._parts), self._size, len(self.losses))
        # What this raises concerns the value that holds this one.
        self._budget.enter()
        identity = id(value)
        if identity in self._open:
            return self._give_up(value, CodecError("a value that contains itself", "cycle"), mark)
        self._open.add(identity)
        try:
            return self._encode_value(value, self)
        except CodecError as error:
            return self._give_up(value, error, mark)
        finally:
            self._open.discard(identity)
            self._budget.depth = mark.depth

    def lose(self, type_name: str, why: str) -> None:
        """Note that the value being written does not cross as it is."""
        if len(self.losses) < _MAX_LOSSES:
            self.losses.append(Loss(type_name, why, whole=self._budget.depth == 1))

    def spend(self, items: int) -> None:
        """Account for `items` values besides those that `value` writes."""
        self._budget.spend(items)

    def add_bytes(self, data: bytes) -> list[int]:
        """Append `data` to the blob; returns its place as [offset, length]."""
        place = [self._size, len(data)]
        self._tried_bytes += len(data)
        if self._size + len(data) > MAX_BLOB_BYTES:
            raise CodecError(f"more than {MAX_BLOB_BYTES:,} bytes in one message")
        self._size += len(data)
        self._parts.append(data)
        return place

    def blob(self) -> bytes:
        """All bytes that were added."""
        return b"".join(self._parts)

    def _give_up(self, value: Any, error: CodecError, mark: _Mark) -> Any:
        """Write the `repr` of `value` in the place of all that was written of it."""
        if self.strict or isinstance(error, Hopeless):
            raise error
        self._tried_items += self._budget.items - mark.items
        if self._tried_items > _MAX_TRIED_ITEMS or self._tried_bytes > _MAX_TRIED_BYTES:
            raise Hopeless(str(error), error.why)
        self._budget.items, self._budget.depth = mark.items + 1, mark.depth + 1
        del self._parts[mark.parts :], self.losses[mark.losses :]
        self._size = mark.size
        self.lose(type(value).__qualname__, error.why)
        self._budget.depth = mark.depth
        return self._encode_repr(value, error.why)


class Decoder:
    """One message being read."""

    def __init__(self, *, decode_value: Callable[[Any, Decoder], Any], blob: bytes) -> None:
        self.losses: list[Loss] = []
        "What did not come as it was."
        self._decode_value = decode_value
        self._blob = blob
        self._budget = _Budget()
        self._bytes_left = MAX_DECODED_BYTES

    def value(self, data: Any) -> Any:
        """The value that `data` stands for."""
        self._budget.enter()
        value = self._decode_value(data, self)
        self._budget.depth -= 1
        return value

    def lose(self, type_name: str, why: str) -> None:
        """Note that the value being read is not as it was."""
        if len(self.losses) < _MAX_LOSSES:
            self.losses.append(Loss(type_name, why, whole=self._budget.depth == 1))

    def spend_items(self, items: int) -> None:
        """Account for `items` values besides those that `value` reads."""
        self._budget.spend(items)

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
