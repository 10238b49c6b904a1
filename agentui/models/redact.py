"""Server text made fit for messages and records: no secrets, no control characters, bounded.

Covered: a secret as it was sent. Not covered: a server that changes the secret before it sends it back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote, quote_plus, urlsplit, urlunsplit

from agentui.jsonable import clean_text

REDACTED = "[redacted]"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_SHORTEST_SECRET = 4
"Shorter keys are placeholders such as `x`, and would take every such letter with them."


_SECRET_NAMES = re.compile("auth|key|token|secret|cookie|pass|cred|session|sig", re.IGNORECASE)
_BETWEEN_PARTS = re.compile(r"[\s;,]+|(?<=\w)=(?=\w)")
_SHORTEST_PART = 8
"Shorter parts are words such as `Bearer`."
_SECRET_PARAMETERS = re.compile(
    r"key|token|(?:.*[_-])?(?:api[_-]?key|(?:access|secret|private)[_-]?key|(?:access|auth|api|bearer)[_-]token"
    r"|authorization|secret|password|credentials?|cookie)",
    re.IGNORECASE,
)
"Names in a request's body; `max_tokens`, `stop_token` and `prompt_cache_key` are none."


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


def spelled(secrets: Iterable[str]) -> list[str]:
    """Every secret that is long enough to be one, also as a URL and JSON spell it."""
    long = [text for secret in secrets if len(secret) >= _SHORTEST_SECRET for text in _spellings(secret)]
    return [*long, *(text.replace("/", "\\/") for text in long if "/" in text)]


def secrets_of_body(body: Mapping[str, Any]) -> list[str]:
    """Texts under names of secrets in a request's body, such as `api_key` for a proxy; its messages aside."""
    return [secret for name, value in body.items() if name != "messages" for secret in _secrets_under(name, value)]


def public_settings(body: Mapping[str, Any], secrets: Iterable[str]) -> dict[str, Any]:
    """What a request's body says besides its messages, with every one of `secrets` replaced."""
    hidden = list(secrets)
    return {name: _public(value, hidden) for name, value in body.items() if name != "messages"}


def _secrets_under(name: str, value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if _SECRET_PARAMETERS.fullmatch(name) else []
    if isinstance(value, Mapping):
        pairs = cast(Mapping[str, Any], value).items()
        return [secret for inner, item in pairs for secret in _secrets_under(inner, item)]
    items = cast(list[Any], value) if isinstance(value, list) else []
    return [secret for item in items for secret in _secrets_under(name, item)]


def _public(value: Any, secrets: Sequence[str]) -> Any:
    if isinstance(value, str):
        return without_secrets(clean_text(value), secrets)
    if isinstance(value, Mapping):
        pairs = cast(Mapping[str, Any], value).items()
        return {without_secrets(name, secrets): _public(item, secrets) for name, item in pairs}
    if isinstance(value, list | tuple):
        return [_public(item, secrets) for item in cast(Sequence[Any], value)]
    return value


def _spellings(text: str) -> tuple[str, ...]:
    return text, quote(text, safe=""), quote_plus(text), json.dumps(text)[1:-1]


def public_url(url: str) -> str:
    """`url` without user, password, query and fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
