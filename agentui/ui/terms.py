"""What a visitor finds in the settings and may change there, and what becomes of it in an agent.

Everything typed is checked here, for the run that is to use it and, with the same words, for the field it stands in.
Where strangers may come, the server's own limits are caps; elsewhere they are what an empty field means.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentui.errors import ConfigError
from agentui.limits import Limits, checked_limits
from agentui.runnable import Runnable
from agentui.settings import Settings
from agentui.spec import AgentSpec
from agentui.system_prompt import own_system_prompt
from agentui.ui.choices import LIMIT_FIELDS, Choices
from agentui.ui.words import humane, sentence

MAX_INSTRUCTIONS = 20_000
"Characters."
MAX_PROMPT = 60_000
"Characters."
MAX_IMPORTS = 50
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_KEPT = (
    "preset",
    "base_url",
    "model_id",
    *(field.name for field in LIMIT_FIELDS),
    "instructions",
    "system_prompt",
    "imports",
)
"Texts of `Choices`, in the order of the panel's fields; the tools and the key follow."


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The settings of a page before anybody changes them."""

    limits: Limits
    capped: bool = False
    "Whether a visitor may ask for less of what is limited, and not for more."
    adjustable: bool = True
    "Whether the agent's prompt, tools and imports can be changed."
    tools: Sequence[str] = ()
    imports: Sequence[str] = ()
    "What the code may import without asking; empty for an agent that runs no code."
    system_prompt: str = ""

    def initial(self, preset: str) -> Choices:
        """What the fields show at first."""
        typed = {field.name: _text(getattr(self.limits, field.name)) for field in LIMIT_FIELDS}
        return Choices(preset=preset, system_prompt=self.system_prompt, **typed)

    def choices(self, values: Sequence[Any]) -> Choices:
        """The fields of the panel, in their order."""
        *texts, tools, key = values
        typed = {name: "" if text is None else str(text) for name, text in zip(_KEPT, texts, strict=True)}
        off = [name for name in self.tools if name not in (tools or ())]
        return Choices(**typed, tools_off=",".join(off), key=key or "")

    def values(self, choices: Choices) -> list[Any]:
        """What the fields show for these choices, in their order; without the key."""
        texts = [getattr(choices, name) for name in _KEPT]
        return [*texts, [name for name in self.tools if name not in choices.switched_off]]

    def limits_of(self, choices: Choices) -> Limits:
        """The limits that were chosen, the server's own where nothing was.

        Raises:
            ConfigError: One is none, or more than this server allows.
        """
        return checked_limits(choices.limits(self.limits, capped=self.capped))

    def problems(self, choices: Choices) -> dict[str, str]:
        """What is wrong with the choices: a line each, by the id of the field."""
        checks: dict[str, Callable[[], object]] = {
            field.elem_id: lambda name=field.name: self.limits_of(_only(choices, name)) for field in LIMIT_FIELDS
        }
        checks |= {
            "instructions": lambda: _within(choices.instructions, "instructions", MAX_INSTRUCTIONS),
            "system-prompt": lambda: _within(choices.system_prompt, "system prompt", MAX_PROMPT),
            "imports": lambda: modules(choices.imports),
        }
        found = {elem_id: _problem(check) for elem_id, check in checks.items()}
        return {elem_id: line for elem_id, line in found.items() if line}

    def applied(self, spec: AgentSpec, choices: Choices) -> AgentSpec:
        """An agent with what was chosen.

        Raises:
            ConfigError: A text is too long, or an import is none.
        """
        instructions = _within(choices.instructions, "instructions", MAX_INSTRUCTIONS) or spec.instructions
        spec = dataclasses.replace(spec, instructions=instructions)
        if not self.adjustable:
            return spec
        prompt = _within(choices.system_prompt, "system prompt", MAX_PROMPT)
        return dataclasses.replace(
            spec,
            system_prompt=spec.system_prompt if prompt in {"", self.system_prompt.strip()} else prompt,
            imports=tuple(dict.fromkeys([*spec.imports, *modules(choices.imports)])),
            switched_off=spec.switched_off | choices.switched_off,
        )


def terms_for(settings: Settings, agent: Runnable, *, own_limits: bool) -> Terms:
    """The terms of a page.

    Args:
        settings: How it is served.
        agent: Does the tasks.
        own_limits: The agent's limits count, and not those of `settings`.
    """
    spec = agent.spec
    tags = {"opening": spec.tags.opening, "closing": spec.tags.closing}
    prompt = spec.system_prompt or own_system_prompt(tags, native=spec.native_tools)
    return Terms(
        limits=spec.limits if own_limits else settings.limits,
        capped=settings.shared,
        adjustable=agent.adjustable,
        tools=tuple(spec.tools_on),
        imports=() if spec.native_tools else tuple(spec.imports),
        system_prompt=prompt if agent.adjustable else "",
    )


def modules(text: str) -> list[str]:
    """The names of modules in a text, with commas or spaces between them.

    Raises:
        ConfigError: One is no name, or is not installed; or they are too many.
    """
    names = [name for name in re.split(r"[\s,]+", text) if name]
    if len(names) > MAX_IMPORTS:
        raise ConfigError(f"{len(names):,} imports are more than {MAX_IMPORTS}: name fewer, or * for all")
    for name in names:
        if name == "*":
            continue
        if not _MODULE.fullmatch(name):
            raise ConfigError(f"{name[:80]!r} is not the name of a module: write names with commas between them")
        if not _installed(name.partition(".")[0]):
            raise ConfigError(f"the module {name[:80]!r} is not installed here: correct the name or leave it out")
    return names


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:  # of a module that was not made from a file, such as __main__
        return False


def _within(text: str, what: str, limit: int) -> str:
    if len(text) > limit:
        raise ConfigError(f"the {what} has {len(text):,} characters and at most {limit:,} are taken: shorten it")
    return text.strip()


def _only(choices: Choices, name: str) -> Choices:
    """`choices` with no other limit than this one."""
    others: Mapping[str, str] = {field.name: "" for field in LIMIT_FIELDS if field.name != name}
    return dataclasses.replace(choices, **others)


def _problem(check: Callable[[], object]) -> str | None:
    try:
        check()
    except ConfigError as error:
        return sentence(humane(str(error)))
    return None


def _text(limit: float | None) -> str:
    return "" if limit is None else f"{limit:g}" if isinstance(limit, float) else str(limit)
