"""The settings panel as it stands when a task is sent, and the limits that are typed there, checked in its words."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agentui.errors import ConfigError
from agentui.limits import Limits

_GROUPED = re.compile(r"\d{1,3}(,\d{3})+")
"A comma between groups of three digits; any other one might be a decimal point."


MAX_TEMPERATURE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitField:
    """A field for a limit."""

    name: str
    "Of the limit in `Limits`, and of the text in `Choices`."
    label: str
    elem_id: str
    kind: Callable[[str], int | float]


LIMIT_FIELDS = (
    LimitField(name="max_steps", label="Steps", elem_id="max-steps", kind=int),
    LimitField(name="max_seconds", label="Seconds", elem_id="max-seconds", kind=float),
    LimitField(name="max_tokens", label="Tokens", elem_id="max-tokens", kind=int),
    LimitField(name="max_cost_usd", label="US dollars", elem_id="max-cost", kind=float),
    LimitField(name="step_seconds", label="Seconds a step", elem_id="step-seconds", kind=float),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a visitor chose; limits are text as typed, "" for the server's own."""

    preset: str
    base_url: str = ""
    model_id: str = ""
    key: str = dataclasses.field(default="", repr=False)
    max_steps: str = ""
    max_seconds: str = ""
    max_tokens: str = ""
    max_cost_usd: str = ""
    step_seconds: str = ""
    instructions: str = ""
    system_prompt: str = ""
    "In place of the agent's own."
    imports: str = ""
    "Names of modules, with commas between them."
    tools_off: str = ""
    "Names of tools that are switched off, with commas between them."

    temperature: str = ""
    "A number; empty for the server's own."
    agent_kind: str = ""
    "A name of `agent_kinds.AGENT_KINDS`; empty for the page's own."

    @property
    def sampling(self) -> dict[str, Any]:
        """What a request says about how tokens are drawn.

        Raises:
            ConfigError: The temperature is none.
        """
        text = self.temperature.strip()
        if not text:
            return {}
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not 0 <= number <= MAX_TEMPERATURE:
            raise ConfigError(
                f"the temperature is {text[:40]!r}, which is no number from 0 to {MAX_TEMPERATURE}: "
                "correct it or leave it empty"
            )
        return {"temperature": number}

    @property
    def switched_off(self) -> frozenset[str]:
        """The tools that are switched off."""
        return frozenset(name for name in self.tools_off.split(",") if name)

    def limits(self, base: Limits, *, capped: bool = False) -> Limits:
        """The limits that were typed, `base` where a field is empty.

        Raises:
            ConfigError: What stands in a field is no limit, or is more than `base` and that is `capped`; the message
                names the field as the page does.
        """
        typed = {field.name: str(getattr(self, field.name)).strip() for field in LIMIT_FIELDS}
        changed: dict[str, Any] = {field.name: _number(field, typed[field.name]) for field in LIMIT_FIELDS}
        for field in LIMIT_FIELDS if capped else ():
            asked, cap = changed[field.name], getattr(base, field.name)
            if asked is not None and cap is not None and asked > cap:
                raise ConfigError(
                    f"the limit {field.label} is {asked:,} and this server allows {cap:,} at most: lower it"
                )
        return dataclasses.replace(base, **{name: value for name, value in changed.items() if value is not None})


def _number(field: LimitField, text: str) -> int | float | None:
    """The limit that was typed; None if the field is empty."""
    if not text:
        return None
    try:
        number = field.kind(text.replace(",", "") if _GROUPED.fullmatch(text) else text)
    except ValueError:
        number = 0
    if not 0 < number < math.inf:
        what = "a whole number above 0" if field.kind is int else "a number above 0"
        raise ConfigError(
            f"the limit {field.label} is {text[:40]!r}, which is not {what}: correct it or leave it empty"
        )
    return number
