"""Values of numpy, pandas and PIL: the part of the codec that needs packages.

None of them is imported before a value of theirs turns up: in `encode` one that is not loaded cannot be met. Images
travel as PNG, at most 25 megapixels, read from the header first.
"""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from agentui.sandbox import codec_arrays, codec_tables
from agentui.sandbox.codec_base import TAG, CodecError, Decoder, Encoder

MAX_PIXELS = 25_000_000
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def encode(value: Any, encoder: Encoder) -> Any:
    """JSON for a value of numpy, pandas or PIL; None if it is not one."""
    numpy, pandas, images = (sys.modules.get(name) for name in ("numpy", "pandas", "PIL.Image"))
    if numpy is not None and isinstance(value, numpy.ndarray):
        return codec_arrays.encode_array(value, encoder)
    if numpy is not None and isinstance(value, numpy.generic):
        return _encode_scalar(value, encoder)
    if pandas is not None:
        data = codec_tables.encode(value, encoder)
        if data is not None:
            return data
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
        return {TAG: "scalar", "v": codec_arrays.encode_array(value.reshape(1), encoder)}
    item = value.item()
    if type(item) is type(value):
        # longdouble has no Python equivalent: item() returns itself.
        item = complex(item) if value.dtype.kind == "c" else float(item)
    return encoder.value(item)


def _decode_scalar(data: dict[str, Any], decoder: Decoder) -> Any:
    array = codec_arrays.decode_array(decoder.dict(data["v"]), decoder)
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


DECODERS: Final[dict[str, Callable[[dict[str, Any], Decoder], Any]]] = {
    "array": codec_arrays.decode_array,
    "scalar": _decode_scalar,
    "image": _decode_image,
    **codec_tables.DECODERS,
}
