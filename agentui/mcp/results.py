"""What a server's tool gives back, as Python values: text, data, pictures. A stranger made it: its size is bounded."""

from __future__ import annotations

import base64
import binascii
import io
from typing import Any

from mcp import types
from PIL import Image

from agentui.errors import ToolError

MAX_PIXELS = 50_000_000


def value_of(result: types.CallToolResult, *, wrapped: bool) -> Any:
    """The value of a result: its data where it has any, else its texts as one, else its one part or all in a list.

    Args:
        result: As the server sent it.
        wrapped: As in `Described`.

    Raises:
        ToolError: A picture in it cannot be read.
    """
    data = result.structuredContent
    pictures = any(part.type not in {"text", "resource_link"} for part in result.content)
    if data is not None and not pictures:
        return data["result"] if wrapped and set(data) == {"result"} else data
    parts = [_part(part) for part in result.content]
    if not parts:
        return None
    if all(isinstance(part, str) for part in parts):
        return "\n".join(parts)
    return parts[0] if len(parts) == 1 else parts


def text_of(result: types.CallToolResult) -> str:
    """The texts of a result, for an error."""
    return "\n".join(part.text for part in result.content if part.type == "text")


def _part(part: types.ContentBlock) -> Any:
    match part:
        case types.TextContent():
            return part.text
        case types.ImageContent():
            return _picture(part.data)
        case types.AudioContent():
            return _bytes(part.data)
        case types.ResourceLink():
            return str(part.uri)
        case types.EmbeddedResource():
            held = part.resource
            return held.text if isinstance(held, types.TextResourceContents) else _bytes(held.blob)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ToolError("the tool gave back data that is no base64") from error


def _picture(text: str) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(_bytes(text)))
        if image.width * image.height > MAX_PIXELS:
            raise ToolError(f"the tool gave back a picture of {image.width} x {image.height}, more than can be taken")
        image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ToolError("the tool gave back a picture that cannot be read") from error
    return image
