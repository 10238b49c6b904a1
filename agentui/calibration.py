"""How far off the live estimates of a model's tokens were, so that the next one can say so.

The tokenizer is one for all models. What its counts are worth is learnt from every call whose server reports the real
number, for each server and model apart: another server may give any model any name, and report any number. It is kept
for the life of the process; until the first report nothing is known, and nothing is claimed.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque

KEPT = 50
"Calls that are remembered a model; old ones fade because servers change their models."
MAX_MODELS = 1_000
"Models that are remembered; those that were not used for the longest time are forgotten."
MIN_TOKENS = 10
"Shorter answers say nothing: one token off would be 20 %."
MAX_FACTOR = 20.0
"An estimate further off than this is a report of something else, such as of all that the model thought unseen."


class Calibration:
    """Errors of past estimates by server and model. Safe to use from any thread."""

    def __init__(self) -> None:
        self._errors: OrderedDict[tuple[str | None, str], deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def observe(self, server: str | None, model: str, *, estimated: int, reported: int) -> None:
        """Learn from a call: output tokens as counted here, and as the server said."""
        if reported < MIN_TOKENS or not 1 / MAX_FACTOR <= estimated / reported <= MAX_FACTOR:
            return
        with self._lock:
            self._errors.setdefault((server, model), deque(maxlen=KEPT)).append(estimated / reported - 1)
            self._errors.move_to_end((server, model))
            while len(self._errors) > MAX_MODELS:
                self._errors.popitem(last=False)

    def margin(self, server: str | None, model: str) -> float | None:
        """What estimates were off by, as a share (0.09 is ±9 %): their mean; None before the first call."""
        with self._lock:
            errors = list(self._errors.get((server, model), ()))
        return sum(map(abs, errors)) / len(errors) if errors else None


CALIBRATION = Calibration()
"The process's own."
