"""What the settings panel asks about a model server: which models it has, and whether it answers.

The server is asked as a run would ask it: the same rules about addresses, the same key. What a visitor asks for takes
the place of what the same visitor asked for before, which is then given up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from agentui.demo.model import PACES
from agentui.errors import ConfigError
from agentui.models.probe import Probe, probe_server
from agentui.ui.actions import Fields, given
from agentui.ui.connections import AGENT, DEMO, Connections, Offer, key_for
from agentui.ui.visitors import Visitor
from agentui.ui.words import humane, sentence

Found: TypeAlias = dict[str, Any]
MAX_SENT = 2_000
"Models that are sent to the page."
MAX_PROBES = 16
"Servers that are asked at once, for all visitors."
MAX_FIELD = 4_000
"Characters of an address, a name or a key."


class ModelActions:
    """The actions of the model's part of the settings.

    Args:
        connections: Says what may be asked, and with which key.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        room = asyncio.Semaphore(MAX_PROBES)
        self._lists, self._tests = Newest(room), Newest(room)

    @property
    def verbs(self) -> Mapping[str, Callable[[Visitor, Fields], Awaitable[Any]]]:
        """The actions by the verbs that ask for them."""
        return {"models": self.models, "test_model": self.test}

    async def models(self, visitor: Visitor, fields: Fields) -> dict[str, Any] | None:
        """The models of the server `{"preset", "base_url", "key"}` → `{"models", "problem"}`.

        `problem` says why there is no list, or is None. None if the visitor has asked for another list meanwhile.

        Raises:
            ConfigError: The server may not be asked.
        """
        return await self._lists.of(visitor, lambda: self._models(visitor, fields))

    async def test(self, visitor: Visitor, fields: Fields) -> dict[str, Any] | None:
        """Ask the model `{"preset", "base_url", "model_id", "key"}` for a few words → `{"ok", "summary", "facts"}`.

        None if the visitor has asked for another test meanwhile.

        Raises:
            ConfigError: The model may not be asked.
        """
        return await self._tests.of(visitor, lambda: self._test(visitor, fields))

    async def _models(self, visitor: Visitor, fields: Fields) -> dict[str, Any]:
        if (offer := self._own(fields)) is not None:
            return {"models": list(PACES) if offer.name == DEMO else [], "problem": None}
        found = await self._probe(visitor, fields, None)
        problem = None if found.ok else sentence(humane(found.summary))
        return {"models": list(found.models[:MAX_SENT]), "problem": problem}

    async def _test(self, visitor: Visitor, fields: Fields) -> dict[str, Any]:
        if (offer := self._own(fields)) is not None:
            return {"ok": True, "summary": _NEEDS_NO_TEST[offer.name], "facts": []}
        offer = self._connections.offer(_text(fields, "preset"))
        model_id = _text(fields, "model_id") or next(iter(offer.model_ids), None)
        found = await self._probe(visitor, fields, model_id)
        needed = "" if model_id or not found.ok else " Choose a model id to see whether it works."
        return {
            "ok": found.ok,
            "summary": sentence(humane(found.summary)) + needed,
            "facts": [sentence(humane(fact)) for fact in found.facts],
        }

    def _own(self, fields: Fields) -> Offer | None:
        """The offer, if it is a model of this program's own and no other address is given."""
        offer = self._connections.offer(_text(fields, "preset"))
        return offer if offer.name in {DEMO, AGENT} and not _text(fields, "base_url") else None

    async def _probe(self, visitor: Visitor, fields: Fields, model_id: str | None) -> Probe:
        preset, base_url = _text(fields, "preset"), _text(fields, "base_url")
        url = base_url or self._connections.offer(preset).base_url
        key = key_for(visitor, url, _text(fields, "key"))
        return await probe_server(model_id, *await self._connections.endpoint(preset, base_url, key))


class Newest:
    """Of what each visitor asks for, only the newest is carried out.

    Args:
        room: For what is carried out at once.
    """

    def __init__(self, room: asyncio.Semaphore) -> None:
        self._room = room
        self._asking: WeakKeyDictionary[Visitor, asyncio.Task[Found]] = WeakKeyDictionary()

    async def of(self, visitor: Visitor, ask: Callable[[], Awaitable[Found]]) -> Found | None:
        """What `ask` finds; None if the visitor asked for something newer."""
        if earlier := self._asking.get(visitor):
            earlier.cancel()
        task = self._asking[visitor] = asyncio.ensure_future(self._bounded(ask))
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
        return None if task.cancelled() else task.result()

    async def _bounded(self, ask: Callable[[], Awaitable[Found]]) -> Found:
        async with self._room:
            return await ask()


_NEEDS_NO_TEST = {
    DEMO: "The demo needs no server: its words are recorded, the code really runs.",
    AGENT: "The agent brings its own model: send a task to try it.",
}


def _text(fields: Fields, name: str) -> str:
    """A field that was typed.

    Raises:
        ConfigError: It is too long or no text.
    """
    text = given(fields, name, str, default="").strip()
    if len(text) > MAX_FIELD:
        raise ConfigError(f"the field {name} has more than {MAX_FIELD:,} characters: shorten it")
    return text
