"""Files that a visitor attaches to the next task: attackers' input, kept on disk under names of our own.

Nothing of a file is ever served but, for a picture, a small PNG that was drawn anew from it; nothing is unpacked. What
was attached belongs to one chat: files that a task has used stay for as long as its conversation may need them again,
and all go with the chat or the visitor.
"""

from __future__ import annotations

import io
import re
import secrets
import shutil
import tempfile
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from agentui.errors import ConfigError
from agentui.input_files import plain_name
from agentui.limits import Limits

MAX_OF_VISITOR = 200_000_000
"Bytes of everything that a visitor has attached in a chat."
MAX_STORED = 4_000_000_000
"Bytes of all visitors together."
MAX_PIXELS = 30_000_000
"A picture with more is a file like others."
GONE = "this chat is not there any more: reload the page"
_THUMBNAIL = (160, 160)
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
_SEES = re.compile(
    r"gpt-(4o|4\.1|5)|\bo[34]\b|gemini|claude|grok-4|pixtral|llava|vision|llama-?4|gemma-?3|kimi-k2\.5|glm-\d\.\dv"
    r"|mistral-(medium|small)|[-_./\d]vl\b|internvl|omni",
    re.IGNORECASE,
)


class Room:
    """The bytes that all visitors together may store."""

    def __init__(self, size: int = MAX_STORED) -> None:
        self.left = size


@dataclass(slots=True, kw_only=True, eq=False)
class Upload:
    """An attached file."""

    name: str
    path: Path
    size_bytes: int = 0
    thumbnail: bytes | None = field(default=None, repr=False)
    "A PNG, if the file is a picture that models take."
    upload_id: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def described(self) -> dict[str, Any]:
        """What the browser is told."""
        picture = self.thumbnail is not None
        return {"id": self.upload_id, "name": self.name, "size_bytes": self.size_bytes, "picture": picture}


class Uploads:
    """What one visitor has attached.

    Attributes:
        pending: For the next task, in the order in which they came.
        shown: Whether pictures are shown to the model; None to go by the model's name.
    """

    def __init__(self, room: Room, on_change: Callable[[], None], limits: Limits | None = None) -> None:
        self.pending: list[Upload] = []
        self.shown: bool | None = None
        self._used: list[Upload] = []
        self._coming: set[Receiving] = set()
        self._closed = False
        self._room = room
        self._limits = limits or Limits()
        self._on_change = on_change
        self._folder: Path | None = None

    def get(self, upload_id: str) -> Upload | None:
        """The file with this id, pending or used."""
        return next((upload for upload in [*self.pending, *self._used] if upload.upload_id == upload_id), None)

    def receive(self, name: str) -> Receiving:
        """Begin to take a file in.

        Raises:
            ConfigError: No more files can be attached.
        """
        if self._closed:
            raise ConfigError(GONE)
        if len(self.pending) + len(self._coming) >= self._limits.max_files:
            raise ConfigError(f"a task takes {self._limits.max_files} files at most: remove one, or attach one archive")
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="agentui-uploads-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        path = self._folder / secrets.token_hex(16)
        receiving = Receiving(self, Upload(name=plain_name(name), path=path))
        self._coming.add(receiving)
        return receiving

    def check(self, more: int) -> None:
        """Raise `ConfigError` if `more` bytes are too many, besides those that are here and on their way."""
        coming = [receiving.upload for receiving in self._coming]
        pending = sum(upload.size_bytes for upload in [*self.pending, *coming])
        limit = self._limits.max_file_bytes
        if pending + more > limit:
            raise ConfigError(f"the files of a task have {limit / 1e6:,.0f} MB at most: attach less")
        if pending + sum(upload.size_bytes for upload in self._used) + more > MAX_OF_VISITOR:
            raise ConfigError("this chat has too many files already: begin a new one")
        if more > self._room.left:
            raise ConfigError("this server has no room for more files now: try again later, or attach less")

    def reserve(self, more: int) -> None:
        """Take room for bytes that are on their way; `ConfigError` if they are too many."""
        self.check(more)
        self._room.left -= more

    def arrived(self, receiving: Receiving, *, whole: bool) -> bool:
        """It is not on its way any more; whether it is kept."""
        self._coming.discard(receiving)
        upload = receiving.upload
        if not whole or self._closed:
            self._room.left += upload.size_bytes
            return False
        upload.name = self._free(upload.name)
        self.pending.append(upload)
        self._on_change()
        return True

    def remove(self, upload_id: str) -> None:
        """Forget a pending file."""
        self._delete([upload for upload in self.pending if upload.upload_id == upload_id])
        self.pending = [upload for upload in self.pending if upload.upload_id != upload_id]
        self._on_change()

    def take(self) -> list[Upload]:
        """What is attached, which from now on belongs to a task."""
        taken, self.pending, self.shown = self.pending, [], None
        self._used += taken
        self._on_change()
        return taken

    def give_back(self, uploads: Sequence[Upload]) -> None:
        """Their task has not begun: they are pending again."""
        self._used = [upload for upload in self._used if upload not in uploads]
        self.pending = [*uploads, *self.pending]
        self._on_change()

    def leave_used(self) -> Callable[[], None]:
        """The chat that used them is over; returns what deletes them, when nothing of it reads them any more."""
        used, self._used = self._used, []
        return lambda: self._delete(used)

    def close(self) -> None:
        """Delete everything, and take nothing any more."""
        self._closed = True
        self._delete([*self.pending, *self._used])
        self.pending, self._used = [], []

    def given(self, model_id: str, *, native: bool) -> dict[str, Any]:
        """What is pending, as arguments of a run.

        Args:
            model_id: Of the model that would be shown the pictures.
            native: The agent runs no code that could read files: it is given pictures only, if they are shown.
        """
        shown = sees_pictures(model_id) if self.shown is None else self.shown
        images = [upload.path for upload in self.pending if upload.thumbnail is not None and shown]
        files = {upload.name: upload.path for upload in self.pending if not (native and upload.path in images)}
        return {"files": files, "images": images}

    def described(self) -> list[dict[str, Any]]:
        """What the browser is told of what is pending."""
        return [upload.described() for upload in self.pending]

    def _free(self, name: str) -> str:
        """`name`, numbered if a pending file has it."""
        taken = {upload.name.casefold() for upload in self.pending}
        stem, number, free = Path(name), 1, name
        while free.casefold() in taken:
            number += 1
            free = f"{stem.stem}-{number}{stem.suffix}"
        return free

    def _delete(self, uploads: Sequence[Upload]) -> None:
        for upload in uploads:
            upload.path.unlink(missing_ok=True)
            self._room.left += upload.size_bytes


class Receiving:
    """A file on its way in, which takes room from its first byte on.

    As a context manager it leaves nothing behind that did not arrive whole.
    """

    def __init__(self, uploads: Uploads, upload: Upload) -> None:
        self._uploads = uploads
        self.upload = upload
        self._file = upload.path.open("xb")

    def __enter__(self) -> Receiving:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._file.close()
        if self._uploads.arrived(self, whole=kind is None):
            return
        self.upload.path.unlink(missing_ok=True)
        if kind is None:
            raise ConfigError(GONE)

    def write(self, chunk: bytes) -> None:
        """Take the next bytes; `ConfigError` if they are too many."""
        self._uploads.reserve(len(chunk))
        self.upload.size_bytes += len(chunk)
        self._file.write(chunk)

    def look(self) -> None:
        """See whether it is a picture; takes a while, so call it in a thread."""
        self._file.flush()
        self.upload.thumbnail = thumbnail(self.upload.path)


def thumbnail(path: Path) -> bytes | None:
    """A small PNG of a picture; None for anything else."""
    try:
        with Image.open(path, formats=_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                return None
            image.draft("RGB", (2 * _THUMBNAIL[0], 2 * _THUMBNAIL[1]))
            image.thumbnail(_THUMBNAIL)
            small = io.BytesIO()
            image.convert("RGBA").save(small, format="PNG")
            return small.getvalue()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


def sees_pictures(model_id: str) -> bool:
    """Whether a model of this name is known to take pictures."""
    return _SEES.search(model_id) is not None
