"""The limits of a run as options, and what the library says about them in the words of the command line."""

from __future__ import annotations

import argparse
import dataclasses
import math
import re
from collections.abc import Generator
from contextlib import contextmanager

from agentui.errors import ConfigError
from agentui.limits import CAPS, Limits, checked_limits
from agentui.unfinished import Unfinished

_OPTIONS = {
    "max_steps": (int, "steps of a run"),
    "max_seconds": (float, "seconds of a run"),
    "max_tokens": (int, "input and output tokens of all model calls together"),
    "max_cost_usd": (float, "US dollars of all model calls together, for models whose price is known"),
    "step_seconds": (float, "seconds that the code of one step may run"),
    "max_output_bytes": (int, "bytes that the code of one step may print"),
    "max_file_bytes": (int, "bytes of all files that the task comes with"),
}
_MORE_NAMES = {"max_cost_usd": ("--max-cost",)}
_FLAGS = {name: f"--{name.replace('_', '-')}" for name in (*_OPTIONS, "planning_interval")}
_NAMED = re.compile(rf"(?:\blimit )?\b({'|'.join(_FLAGS)})\b(?:=([\w.+-]+(?:,\d{{3}})*))?")
_SERVER_FLAGS = {"api_base": "--base-url", "api_key": "--api-key-env", "model_id": "--model"}
_SERVER = re.compile(rf"\b({'|'.join(_SERVER_FLAGS)})\b(?!=)")
_GO_ON = ": raise it and go on"


def add_limit_options(parser: argparse.ArgumentParser) -> None:
    """One flag a limit."""
    group = parser.add_argument_group("limits of a run, which ends with exit status 3 when one is used up")
    for name, (kind, about) in _OPTIONS.items():
        default = getattr(Limits(), name)
        text = "no limit" if default is None else f"{default:,.0f}"
        names = (_FLAGS[name], *_MORE_NAMES.get(name, ()))
        group.add_argument(*names, dest=name, type=kind, metavar="N", help=f"{about}; default: {text}")


def limits_from(options: argparse.Namespace) -> Limits:
    """The limits that were asked for.

    Raises:
        ConfigError: One of them makes no sense.
    """
    given = {name: value for name in _OPTIONS if (value := getattr(options, name)) is not None}
    return checked_limits(dataclasses.replace(Limits(), **given))


def in_flags(text: str) -> str:
    """A message of the library with the flags of the command line in place of the names of arguments."""
    return re.sub(r"^(image|file)s:", r"--\1:", _NAMED.sub(_flag, text))


def error_in_flags(text: str) -> str:
    """The same for what has ended a run or a step: a limit, or what a model's server is asked with."""
    if text.endswith(_GO_ON):
        return in_flags(text.removesuffix(_GO_ON))
    if "\n" in text:  # a traceback
        return text
    ours, says, theirs = text.partition("; the server says: ")
    return _SERVER.sub(lambda found: _SERVER_FLAGS[found[0]], ours) + says + theirs


@contextmanager
def mistakes_in_flags() -> Generator[None]:
    """What is refused in this block is named by its flag.

    Raises:
        ConfigError: The one that was raised, in other words.
    """
    try:
        yield
    except ConfigError as error:
        raise ConfigError(in_flags(str(error))) from error


def next_step(left: Unfinished) -> str:
    """The flags with which a run that a limit has ended gets further."""
    more = left.raised()
    raised = [(cap, getattr(more, cap)) for cap in CAPS if getattr(more, cap) != getattr(left.limits, cap)]
    return " ".join(f"{_FLAGS[cap]} {_rounded_up(value)}" for cap, value in raised)


def _rounded_up(value: float) -> str:
    """Whole numbers as they are, others with three digits that count."""
    if value == int(value):
        return f"{value:.12g}"
    scale = 10.0 ** (math.floor(math.log10(value)) - 2)
    return f"{math.ceil(value / scale - 1e-9) * scale:.12g}"


def _flag(found: re.Match[str]) -> str:
    name, value = found.groups()
    return _FLAGS[name] if value is None else f"{_FLAGS[name]} {value.replace(',', '')}"
