"""What the page says when a setting has changed: it is kept for the visitor, and what is wrong with it comes back."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from agentui.errors import ConfigError
from agentui.ui.actions import Fields, given
from agentui.ui.choices import LIMIT_FIELDS
from agentui.ui.terms import MAX_PROMPT, Terms
from agentui.ui.visitors import Visitor

_NAMES = {
    **{field.elem_id: field.name for field in LIMIT_FIELDS},
    "instructions": "instructions",
    "system-prompt": "system_prompt",
    "imports": "imports",
    "tools-off": "tools_off",
}
"Texts of `Choices` by the id of their field."


class SettingsActions:
    """The actions of the settings, apart from the model's.

    Args:
        terms: What may be changed.
        preset: What is chosen when nobody has chosen anything.
    """

    def __init__(self, terms: Terms, preset: str) -> None:
        self._terms = terms
        self._preset = preset

    @property
    def verbs(self) -> Mapping[str, Callable[[Visitor, Fields], Awaitable[Any]]]:
        """The actions by the verbs that ask for them."""
        return {"settings": self.keep}

    async def keep(self, visitor: Visitor, fields: Fields) -> dict[str, str]:
        """Keep the fields `{id: text}` that are given → a line for each that cannot be used, by its id.

        Raises:
            ConfigError: A field is no text, or far too long.
        """
        sent = {name: given(fields, elem_id, str) for elem_id, name in _NAMES.items() if elem_id in fields}
        if any(len(text) > 2 * MAX_PROMPT for text in sent.values()):
            raise ConfigError("a setting is too long to be kept: shorten it")
        changed: dict[str, Any] = sent
        chosen = visitor.chosen or self._terms.initial(self._preset)
        if changed:
            visitor.chosen = chosen = dataclasses.replace(chosen, **changed)
        return self._terms.problems(chosen)
