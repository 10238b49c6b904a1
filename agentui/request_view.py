"""Requests to the model as shown: a record holds what is new in one, this finds what it keeps of those before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from agentui.call_events import ModelRequested, ModelResponded, SentMessage
from agentui.events import Record


@dataclass(slots=True)
class RequestView:
    """A request to the model as shown."""

    sent: ModelRequested
    seq: int
    t: float
    "Seconds since the run started."
    before: RequestView | None = field(default=None, compare=False, repr=False)
    "The previous request of the same agent."
    response: ModelResponded | None = None
    "None while it is waited for, and for a model without a wire."

    @property
    def messages(self) -> tuple[SentMessage, ...]:
        """All messages that were sent; those that it keeps of requests that are not in the records are missing."""
        parts: list[tuple[SentMessage, ...]] = []
        request, wanted = self, self.sent.kept + len(self.sent.messages)
        while request is not None and wanted:
            own = request.sent.messages[: max(0, wanted - request.sent.kept)]
            parts.append(own)
            request, wanted = request.before, min(wanted, request.sent.kept)
        return tuple(message for part in reversed(parts) for message in part)


def take_request(steps: Sequence[list[RequestView]], event: ModelRequested | ModelResponded, record: Record) -> None:
    """Add a request to the newest of the steps, or its response to the newest request; without a step it is lost.

    Args:
        steps: The requests of every step so far.
        event: That of `record`, or one that stands inside it.
        record: Where it stands.
    """
    if not steps:
        return
    newest = next((requests[-1] for requests in reversed(steps) if requests), None)
    if isinstance(event, ModelRequested):
        steps[-1].append(RequestView(event, record.seq, record.t, newest))
    elif steps[-1]:
        steps[-1][-1].response = event
