"""What a page that attaches again says that it has already.

It is the visitor's input. What makes no sense counts as nothing: the page is then sent everything, and takes what it
lacks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import NonNegativeInt, TypeAdapter, ValidationError

MAX_CHARACTERS = 200_000
"A longer text is not read."


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a page has.

    Attributes:
        chat: The chat that it shows; "" for none.
        branch: The branch of it.
        runs: By run id, the seq of the first record that it has not.
    """

    chat: str = ""
    branch: str = ""
    runs: dict[str, NonNegativeInt] = field(default_factory=dict[str, NonNegativeInt])


_KNOWN = TypeAdapter(Known)


def known(text: object) -> Known:
    """What a page has, from the JSON that it sends: `{"chat", "branch", "runs": {run_id: seq}}`."""
    if not isinstance(text, str) or len(text) > MAX_CHARACTERS:
        return Known()
    try:
        return _KNOWN.validate_json(text, strict=True)
    except ValidationError:
        return Known()
