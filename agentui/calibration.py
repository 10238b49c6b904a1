"""How far off the live estimates of a model's tokens were, so that the next one can say so.

The tokenizer is one for all models. What its counts are worth for this model is learnt from every call whose server
reports the real number, and kept for the life of the process.
"""

from __future__ import annotations

import threading
from collections import deque

KEPT = 50
"Calls that are remembered a model; old ones fade because servers change their models."
MIN_TOKENS = 10
"Shorter answers say nothing: one token off would be 20 %."


class Calibration:
    """Errors of past estimates by model. Safe to use from any thread."""

    def __init__(self) -> None:
        self._errors: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def observe(self, model: str, *, estimated: int, reported: int) -> None:
        """Learn from a call: output tokens as counted here, and as the server said."""
        if reported >= MIN_TOKENS:
            with self._lock:
                self._errors.setdefault(model, deque(maxlen=KEPT)).append(estimated / reported - 1)

    def margin(self, model: str) -> float | None:
        """What estimates for `model` were off by, as a share (0.09 is ±9 %): their mean; None before the first call."""
        with self._lock:
            errors = list(self._errors.get(model, ()))
        return sum(map(abs, errors)) / len(errors) if errors else None


CALIBRATION = Calibration()
"The process's own."
