"""What the page asks about attached files, apart from sending them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from agentui.ui.actions import Fields, given
from agentui.ui.connections import Connections
from agentui.ui.uploads import sees_pictures
from agentui.ui.visitors import Visitor


class UploadActions:
    """The actions of attached files.

    Args:
        connections: Know the models that are chosen by a preset alone.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    @property
    def verbs(self) -> Mapping[str, Callable[[Visitor, Fields], Awaitable[Any]]]:
        """The actions by the verbs that ask for them."""
        return {"detach": self.detach, "show_pictures": self.show, "sees_pictures": self.sees}

    async def detach(self, visitor: Visitor, fields: Fields) -> None:
        """Forget the attached file `{"id"}`."""
        visitor.uploads.remove(given(fields, "id", str))

    async def show(self, visitor: Visitor, fields: Fields) -> None:
        """Show the next task's pictures to the model, or do not: `{"shown"}`."""
        visitor.uploads.shown = given(fields, "shown", bool)

    async def sees(self, visitor: Visitor, fields: Fields) -> dict[str, bool]:
        """Whether the model `{"preset", "model_id"}` would be shown pictures, and is known to take them.

        → `{"shown", "known"}`
        """
        offer = self._connections.offer(given(fields, "preset", str))
        model_id = given(fields, "model_id", str)[:500] or next(iter(offer.model_ids), "")
        known = sees_pictures(model_id)
        shown = visitor.uploads.shown
        return {"shown": known if shown is None else shown, "known": known}
