"""What one run may spend."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from agentui.errors import ConfigError

Cap: TypeAlias = Literal["max_steps", "max_seconds", "max_tokens", "max_cost_usd"]
"A limit that a task uses up."
CAPS: tuple[Cap, ...] = get_args(Cap)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run may spend. None means no limit of that kind."""

    max_steps: int | None = 20
    max_seconds: float | None = None
    "Wall-clock seconds for the whole run."
    max_tokens: int | None = None
    "Input plus output tokens of all model calls."
    max_cost_usd: float | None = None
    "US dollars for all model calls; only for models whose price is known."
    max_output_bytes: int = 1_000_000
    "UTF-8 bytes that the code of one step may print; the rest is cut and the cut is marked."
    max_files: int = 20
    "Files that a task may come with."
    max_file_bytes: int = 60_000_000
    "Bytes of all of them together."
    step_seconds: float = 30.0
    "Wall-clock seconds that the code of one step may run."


def checked_limits(limits: Limits) -> Limits:
    """`limits`, if every one of them makes sense.

    Raises:
        ConfigError: A limit is zero, negative or no number; the message names it.
    """
    for field in dataclasses.fields(limits):
        value: Any = getattr(limits, field.name)
        whole = field.name not in {"max_seconds", "step_seconds", "max_cost_usd"}
        if value is None and "None" in str(field.type):
            continue
        if not _is_positive(value, whole=whole):
            kind = "a whole number above 0" if whole else "a number above 0"
            raise ConfigError(f"limit {field.name}={value!r} is not {kind}")
    return limits


def _is_positive(value: object, *, whole: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 < value < math.inf and (not whole or value == int(value))
