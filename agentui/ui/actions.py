"""What the page's scripts may ask of the server: one call with a verb, about the chat that is named in it.

Knowing a chat's id, which is unguessable, is the permission to act on it. A request is the visitor's input: everything
in it is checked by the action, and what makes no sense is refused in words.

    {"chat": id, "verb": name, …}  →  {"answer": …} or {"error": "one clear line"}
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, TypeVar, cast

from agentui.errors import AgentUIError, ConfigError
from agentui.ui.visitors import Visitor, Visitors
from agentui.ui.words import humane, sentence

Fields: TypeAlias = Mapping[str, Any]
Action: TypeAlias = Callable[[Visitor, Fields], Awaitable[Any]]
"Gets the visitor and the fields of the request; returns what JSON can hold. `AgentUIError`s are shown to the visitor."
T = TypeVar("T")


class Actions:
    """The actions of a server.

    Args:
        visitors: Whose chats there are.
        actions: By verb.
    """

    def __init__(self, visitors: Visitors, actions: Mapping[str, Action]) -> None:
        self._visitors = visitors
        self._actions = dict(actions)

    async def act(self, request: object) -> dict[str, Any]:
        """Carry out a request of a browser."""
        fields: Fields = cast(Fields, request) if isinstance(request, Mapping) else {}
        verb = fields.get("verb")
        action = self._actions.get(verb) if isinstance(verb, str) else None
        visitor = self._visitors.by_chat(fields.get("chat"))
        if action is None:
            return {"error": "The page asked for something that this server does not know: reload it."}
        if visitor is None:
            return {"error": "This chat is not there any more: reload the page."}
        try:
            return {"answer": await action(visitor, fields)}
        except AgentUIError as error:
            return {"error": sentence(humane(str(error)))}


def given(fields: Fields, name: str, kind: type[T], default: T | None = None) -> T:
    """A field of a request.

    Raises:
        ConfigError: It is missing and has no default, or is of another kind.
    """
    value = fields.get(name, default)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ConfigError(f"the page sent no usable {name!r}: reload it")
    return value
