"""Pictures that belong to a task, as the content parts that model servers take.

They stand in the conversation once, in the task's own message, however many steps follow; a model keeps nothing
between requests, so they leave it only when the context runs short.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from agentui.errors import ConfigError
from agentui.messages import ChatMessage, Content
from agentui.prompts import render

MAX_IMAGE_BYTES = 20_000_000


def task_content(task: str, images: Sequence[Any]) -> Content:
    """The task's text, followed by its pictures.

    Args:
        task: The text.
        images: PIL images, paths of image files, raw bytes, or http(s) and data URLs.

    Raises:
        ConfigError: One of them is none of these, or larger than `MAX_IMAGE_BYTES`.
    """
    if not images:
        return task
    return [
        {"type": "text", "text": task},
        *({"type": "image_url", "image_url": {"url": _url(image)}} for image in images),
    ]


def has_images(message: ChatMessage) -> bool:
    """Whether pictures are part of a message."""
    return isinstance(message.content, list) and _count(message.content) > 0


def without_images(message: ChatMessage) -> ChatMessage:
    """A message whose pictures have become a line of text."""
    if not isinstance(message.content, list) or not (count := _count(message.content)):
        return message
    return replace(message, content=f"{message.text}\n\n{render('images_elided', count=count)}")


def _count(parts: Sequence[Mapping[str, Any]]) -> int:
    return sum(part.get("type") == "image_url" for part in parts)


def pictures_of(content: Content) -> list[Image.Image]:
    """The pictures of a message again, for what takes no addresses.

    Raises:
        ConfigError: One is an address on the web; nothing is fetched from there.
    """
    parts = content if isinstance(content, list) else []
    return [_picture(part["image_url"]["url"]) for part in parts if part.get("type") == "image_url"]


def _picture(url: str) -> Image.Image:
    if not url.startswith("data:"):
        raise ConfigError(f"images: {url[:100]!r} is an address, and this agent takes pictures only: load it first")
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


def _url(image: Any) -> str:
    if isinstance(image, str) and image.startswith(("http://", "https://", "data:image/")):
        return image
    if isinstance(image, Image.Image):
        return _as_png(image)
    if isinstance(image, str | Path):
        return _read(Path(image))
    if isinstance(image, bytes):
        return _checked(image, "image bytes")
    raise ConfigError(f"images: {type(image).__name__} is no picture: give a PIL image, a path, bytes or a URL")


def _read(path: Path) -> str:
    try:
        return _checked(path.read_bytes(), str(path))
    except OSError as error:
        raise ConfigError(f"images: cannot read {str(path)!r}: {error.strerror}") from error


def _checked(data: bytes, name: str) -> str:
    if len(data) > MAX_IMAGE_BYTES:
        raise ConfigError(f"images: {name} has {len(data):,} bytes, more than {MAX_IMAGE_BYTES:,}: make it smaller")
    try:
        with Image.open(io.BytesIO(data)) as image:
            media_type = Image.MIME.get(image.format or "", "")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise ConfigError(f"images: {name} is no picture that can be read: {error}") from error
    return _data_url(data, media_type or "image/png")


def _as_png(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return _data_url(buffer.getvalue(), "image/png")


def _data_url(data: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
