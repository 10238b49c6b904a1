"""What the server offers to a browser besides Gradio's own: artifacts, and headers that keep the page on this host.

The page may be shown inside another one only where Spaces are shown. No response is sniffed for what else it could be.

An artifact's id is unguessable, and knowing it is the permission to read it. Pictures of known formats are shown,
everything else is a download, and nothing of it can run: no sniffing, and a sandboxed origin of its own.
"""

from __future__ import annotations

from urllib.parse import quote

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agentui.settings import Settings
from agentui.ui.boundary import Boundary, own_names
from agentui.ui.chat import ARTIFACTS_PATH
from agentui.ui.serving import EndWithServer
from agentui.ui.upload_routes import upload_routes
from agentui.ui.visitors import Visitors

INLINE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
PAGE_POLICY = "; ".join(
    (
        "default-src 'self'",
        # Gradio's page has inline scripts and compiles its HTML templates.
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    )
)
OWN_ANCESTORS = "'self'"
SPACE_ANCESTORS = "'self' https://huggingface.co https://*.hf.space"
_ARTIFACT_HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "private, max-age=3600",
}


def routes(visitors: Visitors) -> list[BaseRoute]:
    """The routes, under the prefix that proxies in front of Gradio let through."""

    async def artifact(request: Request) -> Response:
        artifact_id = request.path_params["artifact_id"]
        found = visitors.artifact(artifact_id)
        if found is None:
            return PlainTextResponse("this artifact is not there any more", 404, _ARTIFACT_HEADERS)
        made = found[1].artifacts[artifact_id]
        inline = made.media_type in INLINE_TYPES
        disposition = "inline" if inline else f"attachment; filename*=UTF-8''{quote(made.name, safe='')}"
        media_type = made.media_type if inline else "application/octet-stream"
        return Response(
            made.data, media_type=media_type, headers={**_ARTIFACT_HEADERS, "content-disposition": disposition}
        )

    async def no_statistics(request: Request) -> Response:
        """What Gradio's description of the API asks for; its own answer, that this is off, is an error in the page."""
        return JSONResponse({"functions": {}})

    return [
        *upload_routes(visitors),
        Route(f"/{ARTIFACTS_PATH}/{{artifact_id}}", artifact, methods=["GET"]),
        Route("/monitoring/summary", no_statistics, methods=["GET"]),
    ]


def middleware(settings: Settings) -> list[Middleware]:
    """Adds the page's policy to every response, refuses whoever is beyond the boundary, and ends with the server."""
    policy = f"{PAGE_POLICY}; frame-ancestors {SPACE_ANCESTORS if settings.space else OWN_ANCESTORS}"
    return [
        Middleware(PagePolicy, policy=policy),
        Middleware(Boundary, names=own_names(settings)),
        Middleware(EndWithServer),
    ]


class PagePolicy:
    """ASGI middleware: HTML of this server loads nothing from, and sends nothing to, any other host.

    Args:
        app: What it wraps.
        policy: The content security policy of HTML.
    """

    def __init__(self, app: ASGIApp, policy: str) -> None:
        self._app = app
        self._policy = policy.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything through; touch headers only, and none that is there."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = {b"referrer-policy": b"no-referrer", b"x-content-type-options": b"nosniff"}
                if _is_html(message):
                    extra[b"content-security-policy"] = self._policy
                there = {name.lower() for name, _ in message["headers"]}
                added = [(name, value) for name, value in extra.items() if name not in there]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self._app(scope, receive, send_with_policy)


def _is_html(message: Message) -> bool:
    return any(name == b"content-type" and value.startswith(b"text/html") for name, value in message["headers"])
