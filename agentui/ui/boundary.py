"""Who may talk to the server: no page of another site, and nobody who calls it by a name that is not its own.

A server on loopback trusts whoever reaches it, and every page in the owner's browser does. A page that makes its own
name point here (DNS rebinding) is known by the Host it asks for; any other page is known by what the browser says of
its origin. Programs send neither and pass. Behind a proxy the names are not known and not checked: nobody is trusted
there for where the request comes from.
"""

from __future__ import annotations

import dataclasses
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from agentui.settings import Settings

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SHARED_UNDER = ".gradio.live"
"Public links are below this name; nobody else can make a name below it point elsewhere."
_API = "/gradio_api/"
_UPLOADS = frozenset({"/gradio_api/upload", "/upload"})
_PLAIN = {"x-content-type-options": "nosniff", "cache-control": "no-store"}


def own_names(settings: Settings) -> frozenset[str] | None:
    """The names that the server answers to; None where they cannot be known. A leading dot means all names below."""
    if dataclasses.replace(settings, share=False).shared:
        return None
    return frozenset({*_LOOPBACK, settings.host.strip("[]").lower(), *([_SHARED_UNDER] if settings.share else [])})


class Boundary:
    """ASGI middleware that refuses requests from beyond the boundary with one line.

    Args:
        app: What it protects.
        names: As `own_names` gives them.
    """

    def __init__(self, app: ASGIApp, names: frozenset[str] | None) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass through or refuse: 421 for a foreign name, 403 for a foreign page and for an upload."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._names is not None and not _is_one_of(_name(host), self._names):
            text = f"agentui does not answer to the name {host[:100]!r}: open it as 127.0.0.1 or localhost"
            await _refuse(scope, receive, send, PlainTextResponse(f"{text}\n", 421, _PLAIN))
        elif _matters(scope, headers) and _is_foreign(headers, host):
            text = "agentui only takes requests of its own page and of programs, not of other sites' pages"
            await _refuse(scope, receive, send, PlainTextResponse(f"{text}\n", 403, _PLAIN))
        elif scope["path"].rstrip("/") in _UPLOADS:
            # Gradio's route takes files of any size from anybody, and nothing of this page sends any.
            await _refuse(scope, receive, send, PlainTextResponse("agentui takes no uploads here\n", 403, _PLAIN))
        else:
            await self._app(scope, receive, send)


async def _refuse(scope: Scope, receive: Receive, send: Send, response: PlainTextResponse) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
    else:
        await response(scope, receive, send)


def _is_one_of(name: str, names: frozenset[str]) -> bool:
    return name in names or any(name.endswith(below) for below in names if below.startswith("."))


def _name(host: str) -> str:
    """The name in a Host header or in the network location of an origin; "" for what is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _matters(scope: Scope, headers: Headers) -> bool:
    """Whether the request could change or reveal something; following a link does neither."""
    if scope["type"] == "websocket" or scope["method"] not in {"GET", "HEAD"}:
        return True
    return scope["path"].startswith(_API) and headers.get("sec-fetch-mode") != "navigate"


def _is_foreign(headers: Headers, host: str) -> bool:
    """Whether a page of another origin asks. The browser's own verdict goes first: a proxy may change the Host."""
    if site := headers.get("sec-fetch-site"):
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is not None and _location(origin) != host.lower()


def _location(origin: str) -> str:
    """`host:port` of an origin, as browsers write it into the Host header."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
