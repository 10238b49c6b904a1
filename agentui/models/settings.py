"""Where a model's settings come from: arguments, the arguments of the openai client, the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
from openai import Omit

from agentui.errors import ConfigError
from agentui.models.retry import Retries
from agentui.models.timing import Timeouts

DEFAULT_BASE_URL = "https://api.openai.com/v1"
_REQUEST_OPTIONS = ("extra_headers", "extra_query")
_SECRET_NAMES = ("auth", "key", "token", "secret", "cookie")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ServerSettings:
    """Settings of one server, resolved."""

    base_url: str
    api_key: str
    client_options: Mapping[str, Any]
    timeouts: Timeouts
    retries: Retries
    secrets: tuple[str, ...]

    @classmethod
    def resolve(
        cls,
        api_base: str | None,
        api_key: str | None,
        client_kwargs: Mapping[str, Any],
        timeouts: Timeouts | None,
        retries: Retries | None,
        completion_kwargs: Mapping[str, Any],
    ) -> ServerSettings:
        """Explicit arguments win, then the client's own, then the environment.

        Raises:
            ConfigError: The address is no http(s) URL.
        """
        options = dict(client_kwargs)
        base_url = api_base or str(options.pop("base_url", None) or "") or _environment_base_url()
        base_url = base_url.rstrip("/")
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError(f"api_base {base_url!r} is no http(s) address: give one such as http://localhost:8000/v1")
        key = api_key if api_key is not None else options.pop("api_key", None)
        key = (_environment_key(base_url) if key is None else str(key)).strip()
        if not (key.isascii() and key.isprintable()):
            raise ConfigError("api_key holds characters that no HTTP header can carry: copy the key again")
        timeout = completion_kwargs.get("timeout", options.pop("timeout", None))
        max_retries = options.pop("max_retries", None)
        return cls(
            base_url=base_url,
            api_key=key,
            client_options=options,
            timeouts=timeouts or _timeouts_like(timeout),
            retries=retries or (Retries() if max_retries is None else Retries(attempts=int(max_retries) + 1)),
            secrets=tuple(secret for secret in (key, parts.password, *_header_secrets(options)) if secret),
        )


def split_options(
    completion_kwargs: Mapping[str, Any], settings: ServerSettings
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters of the request's body, and those of the openai client's call."""
    body = {name: value for name, value in completion_kwargs.items() if name not in _REQUEST_OPTIONS}
    body.pop("timeout", None)
    body |= dict(body.pop("extra_body", None) or {})
    for name in ("model", "messages", "stream"):
        body.pop(name, None)
    options = {name: completion_kwargs[name] for name in _REQUEST_OPTIONS if completion_kwargs.get(name)}
    headers: Mapping[str, Any] = {
        **(settings.client_options.get("default_headers") or {}),
        **options.get("extra_headers", {}),
    }
    if not settings.api_key and not any(name.lower() == "authorization" for name in headers):
        options["extra_headers"] = {**options.get("extra_headers", {}), "Authorization": Omit()}
    return body, options


def _environment_base_url() -> str:
    return os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL


def _environment_key(base_url: str) -> str:
    """The environment's key, for the server that it belongs to only."""
    belongs = base_url == _environment_base_url().rstrip("/") or urlsplit(base_url).hostname == "api.openai.com"
    return os.environ.get("OPENAI_API_KEY", "") if belongs else ""


def _timeouts_like(timeout: Any) -> Timeouts:
    if isinstance(timeout, httpx2.Timeout):
        return Timeouts.all_at(timeout.read) if timeout.read else Timeouts()
    return Timeouts.all_at(float(timeout)) if isinstance(timeout, int | float) else Timeouts()


def _header_secrets(options: Mapping[str, Any]) -> list[str]:
    headers: Mapping[str, Any] = options.get("default_headers") or {}
    return [str(value) for name, value in headers.items() if any(word in name.lower() for word in _SECRET_NAMES)]
