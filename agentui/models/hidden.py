"""Keys and headers as values that show up nowhere: not in a `repr`, in `vars`, in a traceback's locals or a pickle."""

from __future__ import annotations

from typing import Generic, NoReturn, TypeVar

T_co = TypeVar("T_co", covariant=True)


class Hidden(Generic[T_co]):
    """Holds a secret. Only `reveal` gives it away; copies share it, and pickling is refused."""

    __slots__ = ("_reveal",)

    def __init__(self, secret: T_co) -> None:
        self._reveal = lambda: secret

    def __repr__(self) -> str:
        return "Hidden()"

    def reveal(self) -> T_co:
        """The secret."""
        return self._reveal()

    def __copy__(self) -> Hidden[T_co]:
        return self

    def __deepcopy__(self, _memo: object) -> Hidden[T_co]:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are not pickled: pass the model's settings on, and make the model where it is used")
