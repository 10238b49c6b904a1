"""Files that the host gives: written into the work directory, or kept in a variable where no file can be opened."""

from __future__ import annotations

import os
from typing import Any, Final

VARIABLE: Final = "input_files"
_SCRATCH: Final = "incoming-file"


class InputStore:
    """Takes files in pieces; each appears under its name when it is whole.

    Args:
        namespace: Where the variable goes.
        opens_files: Whether files can be opened here.
    """

    def __init__(self, namespace: dict[str, Any], *, opens_files: bool) -> None:
        self._namespace = namespace
        self._opens_files = opens_files
        # The code may change its directory, and the host's files still belong into this one.
        self._directory = os.getcwd()
        self._scratch = os.path.join(os.environ.get("TMPDIR", self._directory), _SCRATCH)
        self._pieces: list[bytes] = []
        self._kept: dict[str, bytes] = {}

    def take(self, name: str, piece: bytes, *, begins: bool, ends: bool) -> None:
        """Add `piece` to the file `name`.

        Raises:
            OSError: It cannot be written.
        """
        if self._opens_files:
            with open(self._scratch, "wb" if begins else "ab") as file:
                file.write(piece)
            if ends:
                os.replace(self._scratch, os.path.join(self._directory, name))
            return
        self._pieces = [piece] if begins else [*self._pieces, piece]
        if ends:
            self._kept[name] = b"".join(self._pieces)
            self._namespace[VARIABLE] = dict(self._kept)
            self._pieces = []
