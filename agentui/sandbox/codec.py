"""Values as JSON plus raw bytes, typed both ways: what goes in comes out as the same type.

None, bool, int, finite float and str travel as themselves, lists as arrays, string-keyed dicts as objects; every
other type as an object whose key "$" names it. Arrays, tables and images are in `codec_data`. A part that is not known
or too large travels as its `repr`, marked as a `Repr` and counted as a loss, and leaves the rest as it is. Subclasses
travel as the type they extend, `bytearray` as `bytes`. Both sides use this module, so it imports the standard library
only; `decode` trusts nothing: each tag checks what it was given.
"""

from __future__ import annotations

import datetime
import decimal
import math
import pathlib
from collections.abc import Callable, Iterable
from typing import Any, Final

from agentui.sandbox import codec_data
from agentui.sandbox.codec_base import MAX_REPR_CHARS, TAG, CodecError, Decoder, Encoder, Repr, short_repr
from agentui.sandbox.frames import MAX_BLOB_BYTES, clean_text
from agentui.sandbox.losses import REASONS, Loss

__all__ = ["MAX_REPR_CHARS", "CodecError", "Repr", "decode", "encode", "reader", "short_repr", "too_large"]

MAX_INTEGER_BITS = 14_000
"Python refuses to print integers of more than 4,300 digits; such a value must not reach a reader that prints it."
MAX_DECIMAL_CHARS = 5_000
MAX_DECIMAL_EXPONENT = 6_144
MAX_INLINE_CHARS = 10_000
"Longer texts travel outside of the JSON, whose size has a lower limit."


def encode(
    value: Any, *, strict: bool = False, or_repr: bool = True, losses: list[Loss] | None = None
) -> tuple[Any, bytes]:
    """Turn `value` into JSON and the bytes it refers to.

    Args:
        value: Anything.
        strict: Refuse what could only travel as its `repr`.
        or_repr: Make the `repr` of all of it, at whatever cost, where too many parts are too large.
        losses: Takes what could only travel as its `repr`.

    Raises:
        CodecError: `strict`, and some part of the value is of a type that cannot be sent, or it is too large; or not
            `or_repr`, and it is much too large.
    """
    encoder = Encoder(encode_value=_encode, encode_repr=_encode_repr, strict=strict)
    try:
        data, blob = encoder.value(value), encoder.blob()
        lost = encoder.losses
    except CodecError as error:
        if strict or not or_repr:
            raise
        data, blob = _encode_repr(value, error.why), b""
        lost = [Loss(type(value).__qualname__, error.why, whole=True)]
    if losses is not None:
        losses += lost
    return data, blob


def decode(data: Any, blob: bytes = b"", *, losses: list[Loss] | None = None) -> Any:
    """The value that `encode` was given; `data` and `blob` are not trusted.

    Args:
        data: The JSON.
        blob: The bytes it refers to.
        losses: Takes what is not as it was.

    Raises:
        CodecError: They are not what `encode` makes.
    """
    decoder = reader(blob)
    value = decoder.value(data)
    if losses is not None:
        losses += decoder.losses
    return value


def reader(blob: bytes) -> Decoder:
    """What reads several values that share a blob and its budgets."""
    return Decoder(decode_value=_decode, blob=blob)


def too_large(data: Any) -> bool:
    """Whether what `encode` made is the mere `repr` of a value that was too large."""
    match data:
        case {"$": "repr", "why": str(why)}:
            return why != "type"
        case _:
            return False


def _encode(value: Any, encoder: Encoder) -> Any:
    if value is None or isinstance(value, bool):
        return value
    for kind, encode_kind in _ENCODERS:
        if isinstance(value, kind):
            return encode_kind(value, encoder)
    data = codec_data.encode(value, encoder)
    if data is not None:
        return data
    raise CodecError(f"a value of type {type(value).__qualname__} cannot be sent", "type")


def _encode_repr(value: object, why: str = "type") -> dict[str, Any]:
    return {TAG: "repr", "v": short_repr(value), "type": clean_text(type(value).__qualname__[:200]), "why": why}


def _encode_repr_again(value: Repr, encoder: Encoder) -> dict[str, Any]:
    encoder.lose(value.type_name, value.why)
    text, type_name = clean_text(str(value)[:MAX_REPR_CHARS]), clean_text(value.type_name[:200])
    return {TAG: "repr", "v": text, "type": type_name, "why": value.why}


def _encode_text(value: str, encoder: Encoder) -> Any:
    if len(value) <= MAX_INLINE_CHARS:
        return clean_text(str(value))
    _check_length(value)
    return {TAG: "text", "at": encoder.add_bytes(clean_text(value).encode())}


def _check_length(value: str | bytes | bytearray) -> None:
    """Refuse what is too long before it is copied."""
    if len(value) > MAX_BLOB_BYTES:
        raise CodecError(f"a {type(value).__name__} with more than {MAX_BLOB_BYTES:,} bytes")


def _encode_int(value: int, _: Encoder) -> Any:
    if value.bit_length() <= 53:
        return int(value)
    if value.bit_length() > MAX_INTEGER_BITS:
        raise CodecError(f"an integer of {value.bit_length():,} bits is too large to be sent")
    return {TAG: "int", "v": hex(value)}


def _encode_float(value: float, _: Encoder) -> Any:
    return float(value) if math.isfinite(value) else {TAG: "float", "v": repr(float(value))}


def _encode_bytes(value: bytes | bytearray, encoder: Encoder) -> Any:
    _check_length(value)
    return {TAG: "bytes", "at": encoder.add_bytes(bytes(value))}


def _encode_dict(value: dict[Any, Any], encoder: Encoder) -> Any:
    if all(type(key) is str for key in value) and TAG not in value:
        return {clean_text(key): encoder.value(item) for key, item in value.items()}
    return {TAG: "dict", "v": [[encoder.value(key), encoder.value(item)] for key, item in value.items()]}


def _encode_moment(value: datetime.datetime, _: Encoder) -> Any:
    # pandas' NaT is an instance of datetime, and of nothing that can be told apart from a missing value.
    return None if str(value) == "NaT" else {TAG: "datetime", "v": value.isoformat(), "fold": value.fold}


def _encode_duration(value: datetime.timedelta, _: Encoder) -> Any:
    return None if str(value) == "NaT" else {TAG: "timedelta", "v": [value.days, value.seconds, value.microseconds]}


def _encode_decimal(value: decimal.Decimal, _: Encoder) -> Any:
    text = str(value)
    if len(text) > MAX_DECIMAL_CHARS or not _small_exponent(value):
        raise CodecError("a Decimal with that many digits is too large to be sent")
    return {TAG: "decimal", "v": text}


def _encode_complex(value: complex, _: Encoder) -> Any:
    return {TAG: "complex", "v": [repr(value.real), repr(value.imag)]}


def _items(tag: str) -> Callable[[Iterable[Any], Encoder], Any]:
    return lambda value, encoder: {TAG: tag, "v": [encoder.value(item) for item in value]}


_ENCODERS: Final[tuple[tuple[type | tuple[type, ...], Callable[[Any, Encoder], Any]], ...]] = (
    (Repr, _encode_repr_again),
    (str, _encode_text),
    (int, _encode_int),
    (float, _encode_float),
    (list, lambda value, encoder: [encoder.value(item) for item in value]),
    (dict, _encode_dict),
    (tuple, _items("tuple")),
    (set, _items("set")),
    (frozenset, _items("frozenset")),
    ((bytes, bytearray), _encode_bytes),
    (datetime.datetime, _encode_moment),
    (datetime.date, lambda value, _: {TAG: "date", "v": value.isoformat()}),
    (datetime.time, lambda value, _: {TAG: "time", "v": value.isoformat(), "fold": value.fold}),
    (datetime.timedelta, _encode_duration),
    (decimal.Decimal, _encode_decimal),
    (complex, _encode_complex),
    (pathlib.PurePath, lambda value, _: clean_text(str(value))),
)


def _decode(data: Any, decoder: Decoder) -> Any:
    match data:
        case None | bool() | int() | float():
            return data
        case str():
            return clean_text(data)
        case list():
            return [decoder.value(item) for item in decoder.list(data)]
        case {"$": str(tag)}:
            return _decode_tagged(tag, data, decoder)
        case {"$": _}:
            raise CodecError("a tag that is not a string")
        case dict():
            return {clean_text(key): decoder.value(item) for key, item in decoder.dict(data).items()}
        case _:
            raise CodecError(f"unexpected {type(data).__name__}")


def _decode_tagged(tag: str, data: dict[str, Any], decoder: Decoder) -> Any:
    decode_tag = _DECODERS.get(tag) or codec_data.DECODERS.get(tag)
    if decode_tag is None:
        raise CodecError("an unknown tag")
    try:
        return decode_tag(data, decoder)
    except CodecError:
        raise
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
        raise CodecError(f"a bad {tag}: {type(error).__name__}") from None


def _decode_int(data: dict[str, Any], decoder: Decoder) -> int:
    text = decoder.text(data, MAX_INTEGER_BITS // 4 + 4)
    return int(text, 16)


def _decode_float(data: dict[str, Any], decoder: Decoder) -> float:
    return float(decoder.text(data, 40))


def _decode_decimal(data: dict[str, Any], decoder: Decoder) -> decimal.Decimal:
    value = decimal.Decimal(decoder.text(data, MAX_DECIMAL_CHARS))
    if not _small_exponent(value):
        raise CodecError("a Decimal with a huge exponent")
    return value


def _decode_complex(data: dict[str, Any], decoder: Decoder) -> complex:
    real, imaginary = decoder.items(data)
    return complex(float(str(real)[:40]), float(str(imaginary)[:40]))


def _decode_timedelta(data: dict[str, Any], decoder: Decoder) -> datetime.timedelta:
    days, seconds, microseconds = (int(part) for part in decoder.items(data))
    return datetime.timedelta(days, seconds, microseconds)


def _decode_dict(data: dict[str, Any], decoder: Decoder) -> dict[Any, Any]:
    return {decoder.value(key): decoder.value(item) for key, item in decoder.items(data)}


def _decode_datetime(data: dict[str, Any], decoder: Decoder) -> datetime.datetime:
    return datetime.datetime.fromisoformat(decoder.text(data, 100)).replace(fold=int(data["fold"] == 1))


def _decode_time(data: dict[str, Any], decoder: Decoder) -> datetime.time:
    return datetime.time.fromisoformat(decoder.text(data, 100)).replace(fold=int(data["fold"] == 1))


def _decode_repr(data: dict[str, Any], decoder: Decoder) -> Repr:
    text = clean_text(decoder.text(data, MAX_REPR_CHARS + 100))
    why = data["why"]
    if why not in REASONS:
        raise CodecError("an unknown reason")
    value = Repr(text, clean_text(str(data["type"])[:200]), why)
    decoder.lose(value.type_name, why)
    return value


_DECODERS: Final[dict[str, Callable[[dict[str, Any], Decoder], Any]]] = {
    "repr": _decode_repr,
    "int": _decode_int,
    "float": _decode_float,
    "bytes": lambda data, decoder: decoder.bytes_at(data["at"]),
    "text": lambda data, decoder: decoder.bytes_at(data["at"]).decode("utf-8"),
    "dict": _decode_dict,
    "tuple": lambda data, decoder: tuple(decoder.value(item) for item in decoder.items(data)),
    "set": lambda data, decoder: {decoder.value(item) for item in decoder.items(data)},
    "frozenset": lambda data, decoder: frozenset(decoder.value(item) for item in decoder.items(data)),
    "datetime": _decode_datetime,
    "date": lambda data, decoder: datetime.date.fromisoformat(decoder.text(data, 40)),
    "time": _decode_time,
    "timedelta": _decode_timedelta,
    "decimal": _decode_decimal,
    "complex": _decode_complex,
}


def _small_exponent(value: decimal.Decimal) -> bool:
    exponent = value.as_tuple().exponent
    return isinstance(exponent, str) or abs(exponent) <= MAX_DECIMAL_EXPONENT
