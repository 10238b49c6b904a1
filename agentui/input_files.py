"""Files that belong to a task: named, measured and checked before a run starts, read when the sandbox gets them.

A name that comes from outside is made plain: no directories, no control or formatting characters, nothing that hides
a file or means something to an operating system; two of the same name are numbered. The code finds each file by that
name in its working directory, and the model reads the names and sizes in its task.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from agentui.errors import ConfigError, SandboxError
from agentui.events import GivenFile
from agentui.limits import Limits
from agentui.messages import ChatMessage
from agentui.prompts import render
from agentui.sandbox.base import Sandbox, SandboxInfo

Content: TypeAlias = bytes | Path
"""The bytes of a file, or where it lies on this machine."""
Files: TypeAlias = Sequence[str | Path] | Mapping[str, bytes | str | Path]
"""Paths, which keep the names of their files, or bytes and paths by the names that the code is to find."""

MAX_NAME_CHARS = 100
MAX_NAME_BYTES = 200
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)")
_UNSAFE = re.compile(r'[<>:"|?*]')


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """A file that a run is given."""

    name: str
    "Plain: no directory, nothing that hides it."
    size_bytes: int
    content: Content = field(repr=False)


def as_files(files: Files | None, limits: Limits, *, native: bool = False) -> tuple[InputFile, ...]:
    """Check files that a run is to have.

    Args:
        files: Paths, or content by name.
        limits: How many and how large they may be.
        native: The agent runs no code, so nothing could read them.

    Raises:
        ConfigError: One cannot be read or is no plain file, or they are too many or too large.
    """
    if files and native:
        raise ConfigError("files: this agent runs no code that could read them: use CodeAgent, or put them in the task")
    if isinstance(files, str | bytes):
        raise ConfigError(f"files={files!r} is no list: give a list of paths, or a dict of names and contents")
    pairs = files.items() if isinstance(files, Mapping) else [(_name_of(path), path) for path in files or ()]
    if len(pairs) > limits.max_files:
        raise ConfigError(f"files: {len(pairs):,} are more than {limits.max_files:,}: give fewer, or one archive")
    checked: list[InputFile] = []
    taken: set[str] = set()
    for name, content in pairs:
        name = _numbered(plain_name(name), taken)
        checked.append(_measured(name, content))
        if sum(file.size_bytes for file in checked) > limits.max_file_bytes:
            raise ConfigError(f"files: together they have more than {limits.max_file_bytes:,} bytes: give less")
    return tuple(checked)


def given_files(files: Sequence[InputFile]) -> tuple[GivenFile, ...]:
    """Files as a record names them."""
    return tuple(GivenFile(name=file.name, size_bytes=file.size_bytes) for file in files)


def with_files(message: ChatMessage, files: Sequence[InputFile], sandbox: SandboxInfo) -> ChatMessage:
    """A task's message with the names and sizes of its files, and how the code reaches them in `sandbox`."""
    text = render("files", files=files, opens_files=sandbox.opens_files)
    if isinstance(message.content, str):
        return replace(message, content=f"{message.content}\n\n{text}")
    return replace(message, content=[*(message.content or ()), {"type": "text", "text": text}])


async def put_into(sandbox: Sandbox, files: Sequence[InputFile]) -> None:
    """Store files in a sandbox.

    Raises:
        SandboxError: They cannot be read, or it cannot hold them.
    """
    if not files:
        return
    try:
        await sandbox.put_files({file.name: file.content for file in files})
    except ValueError as error:
        raise SandboxError(f"the files of the task do not fit into the sandbox: {error}") from error
    except OSError as error:
        raise SandboxError(f"a file of the task cannot be read: {error}") from error


def _name_of(path: object) -> str:
    return os.path.basename(path) if isinstance(path, str | Path) else str(path)


def plain_name(name: str) -> str:
    """The nearest name to `name` that is safe in any directory; "file" where nothing is left of it."""
    text = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    # Gone: controls, formatting such as a change of direction, surrogates, and what Unicode has not assigned.
    text = "".join(" " if character.isspace() else character for character in text)
    text = "".join(character for character in text if character.isprintable())
    text = _UNSAFE.sub("_", text).strip(" .")
    text = f"_{text}" if _RESERVED.match(text) else text
    stem, extension = os.path.splitext(text)
    extension = extension if len(extension) <= 20 else ""
    stem = stem if extension else text
    return _shortened(stem, MAX_NAME_CHARS - len(extension), MAX_NAME_BYTES - len(extension.encode())) + extension


def _shortened(stem: str, characters: int, size: int) -> str:
    short = stem[:characters].encode()[:size].decode("utf-8", "ignore")
    return short.rstrip(" .") or "file"


def _numbered(name: str, taken: set[str]) -> str:
    stem, extension = os.path.splitext(name)
    number = 1
    while unicodedata.normalize("NFKC", name).casefold() in taken:
        number += 1
        name = f"{stem}-{number}{extension}"
    taken.add(unicodedata.normalize("NFKC", name).casefold())
    return name


def _measured(name: str, content: object) -> InputFile:
    if isinstance(content, bytes):
        return InputFile(name=name, size_bytes=len(content), content=content)
    if not isinstance(content, str | Path):
        raise ConfigError(f"files: {name!r} is a {type(content).__name__}: give bytes or a path")
    try:
        status = os.stat(content)
        readable = os.access(content, os.R_OK)
    except (OSError, ValueError) as error:
        raise ConfigError(f"files: cannot read {str(content)!r}: {_reason(error)}") from error
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"files: {str(content)!r} is no plain file: give a file")
    if not readable:
        raise ConfigError(f"files: cannot read {str(content)!r}: Permission denied")
    return InputFile(name=name, size_bytes=status.st_size, content=Path(content).absolute())


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
