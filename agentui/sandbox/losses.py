"""What of a value crossed the boundary as less than it was, and how that is said to whoever reads the output.

Both ends of a message count the same losses: the one that writes it while it encodes, the other while it decodes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

REASONS: Final = {
    "type": "cannot be sent",
    "size": "is too large to be sent",
    "depth": "is nested too deep to be sent",
    "cycle": "contains itself, so it cannot be sent",
    "dtype": "arrived as plain objects: its dtype cannot be sent",
}
"Why a value is no longer what it was, by the word that travels for it."
_MAX_SAID: Final = 3
"Kinds of losses of one value that are named; the others are counted."


class Loss(NamedTuple):
    """A value, or a part of one, that crossed as its `repr`; with "dtype", a column that became one of objects."""

    type_name: str
    why: str
    "A key of `REASONS`."
    whole: bool
    "It is the value itself, and not a part of it."


def loss_notes(losses: Sequence[Loss], subject: str, receiver: str) -> list[str]:
    """Sentences that say what was lost of a value, without a full stop.

    Args:
        losses: Of one value.
        subject: What to call the value, such as "the result of search()".
        receiver: Who gets it, such as "the code".
    """
    counted = Counter(losses).most_common()
    notes = [_note(loss, number, subject, receiver) for loss, number in counted[:_MAX_SAID]]
    rest = sum(number for _, number in counted[_MAX_SAID:])
    return [*notes, f"{subject} holds {rest:,} more values of which {receiver} got the repr"] if rest else notes


def _note(loss: Loss, number: int, subject: str, receiver: str) -> str:
    reason = REASONS[loss.why]
    if loss.why == "dtype":
        columns = "a column" if number == 1 else f"{number:,} columns"
        return f"{subject} has {columns} of dtype {loss.type_name}, which {reason}"
    got = f"{receiver} got its repr"
    if loss.whole:
        return f"{subject} is {_article(loss.type_name)}, which {reason}: {got}"
    if number == 1:
        return f"{subject} holds {_article(loss.type_name)}, which {reason}: {got}"
    return f"{subject} holds {number:,} values of type {loss.type_name}, each of which {reason}: {got}"


def _article(type_name: str) -> str:
    return f"{'an' if type_name[:1].lower() in set('aeiou') else 'a'} {type_name}"
