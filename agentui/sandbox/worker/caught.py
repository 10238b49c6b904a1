"""Foreign code may raise anything at all, and the worker goes on."""

from __future__ import annotations

from types import TracebackType


class Caught:
    """Takes whatever its block raises."""

    error: BaseException | None = None

    def __enter__(self) -> Caught:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> bool:
        self.error = error
        return True
