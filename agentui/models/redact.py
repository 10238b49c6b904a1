"""Server text made fit for messages and records: no secrets, no control characters, bounded.

Covered: a secret as it was sent. Not covered: a server that changes the secret before it sends it back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit, urlunsplit

REDACTED = "[redacted]"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_SHORTEST_SECRET = 4
"Shorter keys are placeholders such as `x`, and would take every such letter with them."


_SECRET_NAMES = re.compile("auth|key|token|secret|cookie|pass|cred|session|sig", re.IGNORECASE)
_BETWEEN_PARTS = re.compile(r"[\s;,]+|(?<=\w)=(?=\w)")
_SHORTEST_PART = 8
"Shorter parts are words such as `Bearer`."


def one_line(text: str, limit: int) -> str:
    """`text` without control characters and line breaks, at most `limit` characters."""
    line = " ".join(_CONTROL.sub("", text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def plain_text(text: str, limit: int) -> str:
    """`text` without control characters but with its line breaks, at most `limit` characters."""
    return _CONTROL.sub("", text)[:limit]


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """`text` with every secret replaced."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, REDACTED)
    return text


def secrets_in(named: Mapping[str, Any]) -> list[str]:
    """What must not be shown of headers or of a query, longest first: the values under names of secrets.

    Of `Bearer …` and of cookies the parts too, and all of them also as a URL and JSON spell them.
    """
    found: set[str] = set()
    for name, value in named.items():
        if isinstance(value, str) and _SECRET_NAMES.search(name):
            parts = [part for part in _BETWEEN_PARTS.split(value) if len(part) >= _SHORTEST_PART]
            found.update(spelling for text in (value, *parts) for spelling in _spellings(text))
    return sorted(filter(None, found), key=len, reverse=True)


def _spellings(text: str) -> tuple[str, ...]:
    return text, quote(text, safe=""), quote_plus(text), json.dumps(text)[1:-1]


def public_url(url: str) -> str:
    """`url` without user, password, query and fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
