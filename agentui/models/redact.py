"""Server text made fit for messages and records: no secrets, no control characters, bounded.

Covered: a secret as it was sent. Not covered: a server that changes the secret before it sends it back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

REDACTED = "[redacted]"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_SHORTEST_SECRET = 4
"Shorter keys are placeholders such as `x`, and would take every such letter with them."


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


def public_url(url: str) -> str:
    """`url` without user, password, query and fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
