"""A server's list of models, read with bounds: a server is not trusted to end it, or to name models sensibly."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from agentui.errors import ModelStreamBroken
from agentui.models.http_errors import Place
from agentui.models.redact import one_line
from agentui.models.sse import parse_json
from agentui.models.wire import as_list, as_object, as_objects, as_text

LIST_S = 10.0
"Seconds that a list may take."
MAX_LIST_BYTES = 8_000_000
"Uncompressed. OpenRouter's, the longest that is known, has less than a tenth of that."
MAX_LISTED = 5_000
MAX_ID_CHARS = 300


async def read_list(chunks: AsyncIterator[bytes], place: Place) -> bytes:
    """The body of a list.

    Raises:
        ModelStreamBroken: It is longer than `MAX_LIST_BYTES`.
    """
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > MAX_LIST_BYTES:
            raise ModelStreamBroken(f"{place}: the list of models is longer than {MAX_LIST_BYTES:,} bytes")
    return bytes(body)


def model_ids(body: bytes, place: Place) -> list[str]:
    """The ids in a list, in its order; one that is no name of a model is left out.

    Raises:
        ModelStreamBroken: It is no list of models.
    """
    payload = parse_json(body)
    listed: Any = as_list(payload) or as_object(payload).get("data")
    if not isinstance(listed, list):
        raise ModelStreamBroken(f"{place} sent no list of models; check api_base, it often has to end in /v1")
    names = (as_text(model.get("id")) for model in as_objects(listed[:MAX_LISTED]))
    return [name for name in names if name and name == one_line(name, MAX_ID_CHARS)]
