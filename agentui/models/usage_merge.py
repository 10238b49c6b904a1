"""What a stream says about tokens, merged field by field: never summed over chunks, never last object wins.

Servers send usage cumulatively, repeatedly, partly or as zeros, in three places. Within a place the last number above
0 wins and a 0 stays only where nothing else came (rule 1); a place further down the list fills only what the places
before it left open (rule 2). `settle` does the arithmetic between the fields (rules 5 to 9).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from agentui.models.wire import JSONObject, as_object, as_objects
from agentui.usage import TokenUsage

Field: TypeAlias = Literal["input", "output", "total", "cached", "reasoning"]
Counts: TypeAlias = dict[Field, int]

_PATHS: dict[Field, tuple[tuple[str, ...], ...]] = {
    "input": (("prompt_tokens",), ("input_tokens",)),
    "output": (("completion_tokens",), ("output_tokens",)),
    "total": (("total_tokens",),),
    "cached": (  # rule 5: a part of the input, in no server an addition to it
        ("prompt_tokens_details", "cached_tokens"),
        ("input_tokens_details", "cached_tokens"),
        ("cached_tokens",),
        ("prompt_cache_hit_tokens",),
    ),
    "reasoning": (  # rule 6
        ("completion_tokens_details", "reasoning_tokens"),
        ("output_tokens_details", "reasoning_tokens"),
        ("reasoning_tokens",),
    ),
}
_MAX_COUNT = 10**12
_TICKS_PER_USD = 10**10


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What the server said in the end; None where it said nothing that can be true."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: float | None = None


class UsageLedger:
    """Collects the usage of one call.

    Args:
        n: Answers that the call asked for.
    """

    def __init__(self, n: int = 1) -> None:
        self._n = n
        self._top: Counts = {}
        self._choices: dict[int, Counts] = {}
        self._groq: Counts = {}
        self._cost_usd: float | None = None

    def add(self, chunk: JSONObject) -> bool:
        """Read a chunk, with or without choices (rule 3); True if it counts output tokens."""
        seen = False
        if usage := as_object(chunk.get("usage")):
            seen = _add(self._top, usage)
            self._add_cost(usage)
        if "timings" in chunk and not self._top.get("cached"):  # llama.cpp
            _merge(self._top, _counts({"cached_tokens": as_object(chunk["timings"]).get("cache_n")}))
        for choice in as_objects(chunk.get("choices")):
            if "usage" in choice:  # Moonshot
                index = min(_number(choice.get("index")) or 0, self._n - 1)
                seen |= _add(self._choices.setdefault(index, {}), as_object(choice["usage"]))
        if "x_groq" in chunk:
            seen |= _add(self._groq, as_object(as_object(chunk["x_groq"]).get("usage")))
        return seen

    def settle(self, *, has_output: bool) -> Reported:
        """The numbers as far as they can be true.

        Args:
            has_output: The answer has text, reasoning or tool calls, so 0 output tokens were not counted (rule 9).
        """
        counts: Counts = {}
        for source in (self._groq, self._over_choices(), self._top):
            _merge(counts, source)
        input_tokens = _input(counts)
        output_tokens, reasoning_tokens = _output(counts, input_tokens)
        if output_tokens == 0 and (has_output or input_tokens is None):
            output_tokens = None
        return Reported(
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cached_input_tokens=counts.get("cached"),
            reasoning_tokens=reasoning_tokens,
            cost_usd=self._cost_usd,
        )

    def live(self) -> TokenUsage | None:
        """What the server has counted so far, once it has counted input and output."""
        reported = self.settle(has_output=True)
        if reported.input_tokens is None or reported.output_tokens is None:
            return None
        return TokenUsage(
            reported.input_tokens,
            reported.output_tokens,
            cached_input_tokens=reported.cached_input_tokens,
            reasoning_tokens=reported.reasoning_tokens,
            cost_usd=reported.cost_usd,
        )

    def _over_choices(self) -> Counts:
        """With several answers the prompt counts once and the completions add up."""
        if self._n == 1:
            return self._choices.get(0, {})
        joined: Counts = {}
        for counts in self._choices.values():
            for field, value in counts.items():
                if field in {"input", "cached"}:
                    joined[field] = max(joined.get(field, 0), value)
                elif field != "total":
                    joined[field] = joined.get(field, 0) + value
        return joined

    def _add_cost(self, usage: JSONObject) -> None:
        """OpenRouter says dollars, xAI ticks (rule 12)."""
        cost, ticks = _amount(usage.get("cost")), _amount(usage.get("cost_in_usd_ticks"))
        if cost is None and ticks is not None:
            cost = ticks / _TICKS_PER_USD
        if cost or (cost is not None and self._cost_usd is None):
            self._cost_usd = cost


def _input(counts: Counts) -> int | None:
    """No prompt is empty, so 0 means that it was not counted."""
    total, output = counts.get("total", 0), counts.get("output", 0)
    return counts.get("input") or (total - output if output and total > output else None)


def _output(counts: Counts, input_tokens: int | None) -> tuple[int | None, int | None]:
    """Output and reasoning tokens, with what only the total knows of (rule 7)."""
    output, reasoning, total = counts.get("output"), counts.get("reasoning"), counts.get("total", 0)
    beyond = total - (input_tokens or 0) - (output or 0)
    if not counts.get("input") or beyond <= 0:
        return output, reasoning
    if reasoning is None:  # Gemini: thinking is only in the total
        return (output or 0) + beyond, None if output is None else beyond
    if not output or beyond == reasoning:  # xAI: completion_tokens leaves reasoning out
        return (output or 0) + beyond, reasoning
    return output, reasoning


def _counts(usage: JSONObject) -> Counts:
    counts: Counts = {}
    for field, paths in _PATHS.items() if usage else ():
        values = [value for path in paths if (value := _at(usage, path)) is not None]
        if values:
            counts[field] = next(filter(None, values), 0)
    return counts


def _add(place: Counts, usage: JSONObject) -> bool:
    counts = _counts(usage)
    _merge(place, counts)
    return bool(counts.get("output"))


def _merge(into: Counts, counts: Counts) -> None:
    for field, value in counts.items():
        if value > 0 or field not in into:
            into[field] = value


def _at(usage: JSONObject, path: Iterable[str]) -> int | None:
    value: Any = usage
    for key in path:
        value = as_object(value).get(key)
    return _number(value)


def _number(value: Any) -> int | None:
    amount = _amount(value)
    return None if amount is None or amount > _MAX_COUNT else int(amount)


def _amount(value: Any) -> float | None:
    """A finite number of at least 0, also where a server wrote it as text (rule 4)."""
    if value is None or isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = float(value)
    except (ValueError, OverflowError):
        return None
    return amount if math.isfinite(amount) and amount >= 0 else None
