"""Exceptions of the HTTP client as errors that a person can act on: what, where, what to do next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2
import openai

from agentui.errors import ModelConnectionError, ModelError, ModelHTTPError
from agentui.models.failures import failure_from
from agentui.models.hidden import Hidden
from agentui.models.redact import one_line, plain_text, public_url, without_secrets
from agentui.models.retry import retry_after_s
from agentui.models.sse import Malformed, parse_json
from agentui.models.unreachable import why_unreachable

BODY_CHARS = 4_000
_MESSAGE_CHARS = 500
_SERVER_FAILED = "the server failed; try again, or look into its log"
_DOES_NOT_FIT = (
    "the request does not fit into the model's context; shorten the task, or give the agent the size of that context "
    "as context_tokens"
)
_CONTEXT = re.compile(r"\bcontext[ _-](?:length|window|size)|\b(?:prompt|input|request) is too long", re.IGNORECASE)
_ADVICE = {
    401: "the API key was refused; check api_key",
    402: "the account has no credit left",
    403: "this API key may not use {model}; check the key's rights",
    404: "no model {model}, or no such address; check model_id and api_base (does it end in /v1?)",
    408: "the server gave up waiting; try again",
    413: "the request is too large; shorten the task or its images",
    429: "too many requests, or the quota is used up; wait, or check the account",
    504: "the server gave up waiting; try again",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call goes, for messages.

    Attributes:
        url: The base address.
        model_id: The model asked for.
        secrets: What no message may contain.
    """

    url: str
    model_id: str
    secrets: Hidden[tuple[str, ...]] = Hidden(())

    def __str__(self) -> str:
        return f"{self.model_id!r} at {public_url(self.url)}"

    def safe(self, text: str, limit: int = _MESSAGE_CHARS) -> str:
        """Server text as one line, without secrets."""
        return one_line(without_secrets(text, self.secrets.reveal()), limit)


def http_error(response: httpx2.Response, place: Place) -> ModelHTTPError:
    """The error of a response with a status of 400 or above, whose body has been read."""
    status, text = response.status_code, response.text
    said = place.safe(_what_it_says(text))
    html = "html" in response.headers.get("content-type", "") or text.lstrip()[:1] == "<"
    message = f"{status} from {public_url(place.url)}: {_advice(status, place, said, html=html)}"
    error = ModelHTTPError(
        f"{message}; the server says: {said}" if said and not html else message,
        status=status,
        body=plain_text(without_secrets(text, place.secrets.reveal()), BODY_CHARS),
        request_id=place.safe(response.headers.get("x-request-id", "")) or None,
        retry_after_s=retry_after_s(response.headers),
    )
    if response.headers.get("x-should-retry") == "false":
        error.retryable = False
    return error


def connection_error(error: openai.APIConnectionError, place: Place, connect_s: float) -> ModelError:
    """The error of a request that never got an answer."""
    parts = urlsplit(place.url)
    host = f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    cause = _root_cause(error)
    if isinstance(error, openai.APITimeoutError):
        return ModelConnectionError(f"no connection to {host} within {connect_s:g} s; check api_base and the network")
    if isinstance(cause, httpx2.UnsupportedProtocol | httpx2.InvalidURL):
        failed = ModelConnectionError(f"api_base {public_url(place.url)!r} is no http(s) address: {cause}")
        failed.retryable = False
        return failed
    why, advice = why_unreachable(cause, parts.hostname or "", tls=parts.scheme == "https")
    return ModelConnectionError(f"cannot reach {host}: {place.safe(why)}; {advice}")


def transport_reason(error: BaseException, place: Place) -> str:
    """Why a connection broke in the middle."""
    cause = _root_cause(error)
    return place.safe(f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__)


def _advice(status: int, place: Place, said: str, *, html: bool) -> str:
    if status < 400:
        return "the server redirects to another address, which is not followed; give that one as api_base"
    if html:
        return "the answer is a web page and not JSON; check api_base, it often has to end in /v1"
    if status in {400, 413, 422} and _CONTEXT.search(said):
        return _DOES_NOT_FIT
    if status in {401, 403} and not place.secrets.reveal():
        return "an API key is needed, and none was sent; set api_key"
    default = _SERVER_FAILED if status >= 500 else "the server refuses the request; check the model's parameters"
    return _ADVICE.get(status, default).format(model=repr(place.model_id))


def _what_it_says(text: str) -> str:
    payload = parse_json(text.encode(errors="replace"))
    failure = None if isinstance(payload, Malformed) else failure_from(payload)
    return failure.message if failure else text


def _root_cause(error: BaseException) -> BaseException:
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error
