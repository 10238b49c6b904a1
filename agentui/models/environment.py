"""What the environment holds for the server that it names. No other server gets to see any of it.

The openai client reads its variables for whatever address it is made for. Headers that are given to it come last, so
for other addresses they take out what it found. Not covered, because it is nobody's secret: proxies, certificates and
`OPENAI_LOG`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from urllib.parse import urlsplit

from openai import Omit

DEFAULT_BASE_URL = "https://api.openai.com/v1"
_ACCOUNT_HEADERS = {"organization": "OpenAI-Organization", "project": "OpenAI-Project"}


def environment_base_url() -> str:
    """The address that the environment's key is for."""
    return os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL


def is_environments(base_url: str) -> bool:
    """The environment's key, account and headers belong to this server."""
    return base_url == environment_base_url().rstrip("/") or urlsplit(base_url).hostname == "api.openai.com"


def environment_key(base_url: str) -> str:
    """The environment's key for this server; "" for none."""
    return os.environ.get("OPENAI_API_KEY", "") if is_environments(base_url) else ""


def custom_headers() -> dict[str, str]:
    """`OPENAI_CUSTOM_HEADERS`, a header a line, as the openai client reads them."""
    lines = (line.partition(":") for line in os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n"))
    return {name.strip(): value.strip() for name, colon, value in lines if colon}


def sends_authorization(base_url: str) -> bool:
    """The environment's own headers authorize calls to this server."""
    return is_environments(base_url) and any(name.lower() == "authorization" for name in custom_headers())


def headers_kept_out(base_url: str, given: Iterable[str]) -> dict[str, Omit]:
    """Headers to take out for this server: all that the client would send of the environment's account.

    Args:
        base_url: Its address.
        given: Arguments of the client that were given, such as `organization`.
    """
    if is_environments(base_url):
        return {}
    account = [header for name, header in _ACCOUNT_HEADERS.items() if name not in given]
    return {header: Omit() for header in (*account, *custom_headers())}
