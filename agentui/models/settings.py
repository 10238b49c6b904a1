"""Where a model's settings come from: arguments, the arguments of the openai client, the environment."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import httpx2
from openai import AsyncOpenAI, NotGiven, Omit

from agentui.errors import ConfigError
from agentui.models.environment import (
    custom_headers,
    environment_base_url,
    environment_key,
    headers_kept_out,
    sends_authorization,
)
from agentui.models.hidden import Hidden
from agentui.models.redact import secrets_in
from agentui.models.retry import Retries
from agentui.models.timing import Timeouts

T = TypeVar("T")

_REQUEST_OPTIONS = ("extra_headers", "extra_query")
_CLIENT_ARGUMENTS = frozenset(inspect.signature(AsyncOpenAI).parameters)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ServerSettings:
    """Settings of one server, resolved.

    Attributes:
        own_key: The key was given for this server, and is not the environment's.
        secrets: What no message may contain.
    """

    base_url: str
    api_key: Hidden[str]
    own_key: bool
    client_options: Hidden[Mapping[str, Any]]
    timeouts: Timeouts
    retries: Retries
    secrets: Hidden[tuple[str, ...]]

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
            ConfigError: The address is no http(s) URL, or an argument is of a kind that cannot be used.
        """
        options = dict(_mapping("client_kwargs", client_kwargs))
        _check_client_options(options, {"base_url": api_base, "api_key": api_key})
        base_url = str(api_base or options.pop("base_url", None) or environment_base_url()).rstrip("/")
        password = _checked_address(base_url)
        given_key = options.pop("api_key", None) if api_key is None else api_key
        key = _checked_key(environment_key(base_url) if given_key is None else given_key)
        timeout = completion_kwargs.get("timeout", options.pop("timeout", None))
        max_retries = options.pop("max_retries", None)
        sent = [_mapping(name, given.get(name)) for given, name in _secret_places(options, completion_kwargs)]
        sent.append(custom_headers())
        secrets = (key, password, *(secret for named in sent for secret in secrets_in(named)))
        return cls(
            base_url=base_url,
            api_key=Hidden(key),
            own_key=given_key is not None,
            client_options=Hidden(options),
            timeouts=_of_kind("timeouts", timeouts, Timeouts) or _timeouts_like(timeout),
            retries=_of_kind("retries", retries, Retries) or _retries_like(max_retries),
            secrets=Hidden(tuple(secret for secret in secrets if secret)),
        )

    def client_arguments(self, organization: str | None, project: str | None) -> dict[str, Any]:
        """Arguments of the openai client, which would send what the environment holds to every server."""
        options: dict[str, Any] = {**self.client_options.reveal(), "base_url": self.base_url}
        options |= {
            name: value for name, value in (("organization", organization), ("project", project)) if value is not None
        }
        given = [name for name, value in options.items() if value is not None]
        headers: dict[str, Any] = dict(headers_kept_out(self.base_url, given))
        if self.own_key and (key := self.api_key.reveal()):  # said as a header, it is before the environment's
            headers["Authorization"] = f"Bearer {key}"
        return options | {"default_headers": headers | dict(options.get("default_headers") or {})}


def split_options(
    completion_kwargs: Mapping[str, Any], settings: ServerSettings
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters of the request's body, and those of the openai client's call.

    Raises:
        ConfigError: They cannot be sent.
    """
    body = {name: value for name, value in completion_kwargs.items() if name not in _REQUEST_OPTIONS}
    body.pop("timeout", None)
    body |= _mapping("extra_body", body.pop("extra_body", None))
    for name in ("model", "messages", "stream"):
        body.pop(name, None)
    _check_body(body)
    options = {name: completion_kwargs[name] for name in _REQUEST_OPTIONS if completion_kwargs.get(name)}
    headers: Mapping[str, Any] = {
        **(settings.client_options.reveal().get("default_headers") or {}),
        **options.get("extra_headers", {}),
    }
    authorized = settings.api_key.reveal() or any(name.lower() == "authorization" for name in headers)
    if not authorized and (settings.own_key or not sends_authorization(settings.base_url)):
        options["extra_headers"] = {**options.get("extra_headers", {}), "Authorization": Omit()}
    return body, options


def _checked_address(base_url: str) -> str | None:
    """The password in the address, if it is one."""
    try:
        parts = urlsplit(base_url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(f"api_base {base_url!r} is no http(s) address: give one such as http://localhost:8000/v1")
    return parts.password


def _checked_key(given: Any) -> str:
    if not isinstance(given, str):
        raise ConfigError(f"api_key is text, not {type(given).__name__}")
    key = given.strip()
    if not _fits_header(key):
        raise ConfigError("api_key holds characters that no HTTP header can carry: copy the key again")
    return key


def _check_client_options(options: Mapping[str, Any], explicit: Mapping[str, Any]) -> None:
    if unknown := sorted(set(options) - _CLIENT_ARGUMENTS):
        raise ConfigError(f"client_kwargs: openai.AsyncOpenAI knows no argument {unknown[0]!r}")
    for name, value in explicit.items():
        if value is not None and options.get(name) is not None:
            raise ConfigError(f"{name} is given twice, as an argument and in client_kwargs: leave one out")


def _secret_places(
    options: Mapping[str, Any], completion_kwargs: Mapping[str, Any]
) -> list[tuple[Mapping[str, Any], str]]:
    return [
        (options, "default_headers"),
        (options, "default_query"),
        (completion_kwargs, "extra_headers"),
        (completion_kwargs, "extra_query"),
    ]


def _mapping(name: str, given: Any) -> dict[str, Any]:
    """`given` as a dict, empty for None; headers only as they can be sent."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ConfigError(f"{name} is a dict of names and values, not {type(given).__name__}")
    entries = dict(cast(Mapping[str, Any], given))
    if not all(isinstance(key, str) for key in cast(Mapping[Any, Any], entries)):
        raise ConfigError(f"{name}: every name in it is text")
    for header, value in entries.items() if name.endswith("headers") else ():
        if not (isinstance(value, Omit) or (isinstance(value, str) and _fits_header(value))):
            raise ConfigError(f"{name}: the value of {header!r} is no text that an HTTP header can carry")
    return entries


def _check_body(body: Mapping[str, Any]) -> None:
    for name, value in body.items():
        try:
            json.dumps(value)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{name} cannot be sent as JSON: {error}") from None
    choices = body.get("n")
    if choices is not None and (not isinstance(choices, int) or choices < 1):
        raise ConfigError(f"n is the number of answers, 1 or more, not {choices!r}")


def _fits_header(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _of_kind(name: str, given: T | None, kind: type[T]) -> T | None:
    if given is not None and not isinstance(given, kind):
        raise ConfigError(f"{name} is a {kind.__name__}(…), not {given!r}")
    return given


def _timeouts_like(timeout: Any) -> Timeouts:
    seconds = timeout.read if isinstance(timeout, httpx2.Timeout) else timeout
    if seconds is None or isinstance(seconds, Omit | NotGiven):
        return Timeouts()
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
        raise ConfigError(f"timeout is a number of seconds above 0, not {seconds!r}")
    return Timeouts.all_at(float(seconds))


def _retries_like(max_retries: Any) -> Retries:
    if max_retries is None:
        return Retries()
    if isinstance(max_retries, bool) or not isinstance(max_retries, int) or max_retries < 0:
        raise ConfigError(f"max_retries is a number of retries, 0 or more, not {max_retries!r}")
    return Retries(attempts=max_retries + 1)
