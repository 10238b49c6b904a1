"""The routes of attached files: one file a request, its bytes as the body, its name and its chat as headers.

Knowing the chat's id is the permission to attach to it, knowing a file's id the one to see its small picture.
"""

from __future__ import annotations

import asyncio
from urllib.parse import unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from agentui.errors import ConfigError
from agentui.ui.chat import UPLOADS_PATH
from agentui.ui.uploads import Uploads
from agentui.ui.visitors import Visitors
from agentui.ui.words import sentence

_HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "private, max-age=3600",
}
_MAX_NAME = 2_000


def upload_routes(visitors: Visitors) -> list[BaseRoute]:
    """The routes, under the prefix that proxies in front of Gradio let through."""
    looking = asyncio.Semaphore(2)  # a picture that is decoded takes a lot of memory for a moment

    async def attach(request: Request) -> Response:
        visitor = visitors.by_chat(request.headers.get("x-agentui-chat"))
        if visitor is None:
            return _refused("this chat is not there any more: reload the page", 404)
        name = unquote(request.headers.get("x-agentui-name", "")[:_MAX_NAME], errors="replace")
        try:
            return JSONResponse(await _take(request, visitor.uploads, name, looking), 201, _HEADERS)
        except ConfigError as error:
            return _refused(str(error), 413)
        except ClientDisconnect:
            return _refused("the upload broke off", 400)

    async def picture(request: Request) -> Response:
        upload_id = request.path_params["upload_id"]
        found = (visitor.uploads.get(upload_id) for visitor in visitors)
        upload = next((upload for upload in found if upload is not None), None)
        if upload is None or upload.thumbnail is None:
            return PlainTextResponse("this picture is not there any more", 404, _HEADERS)
        return Response(upload.thumbnail, media_type="image/png", headers=_HEADERS)

    return [
        Route(f"/{UPLOADS_PATH}", attach, methods=["POST"]),
        Route(f"/{UPLOADS_PATH}/{{upload_id}}", picture, methods=["GET"]),
    ]


async def _take(request: Request, uploads: Uploads, name: str, looking: asyncio.Semaphore) -> dict[str, object]:
    length = request.headers.get("content-length", "")
    uploads.check(int(length) if length.isdecimal() and len(length) < 20 else 0)
    with uploads.receive(name) as receiving:
        async for chunk in request.stream():
            receiving.write(chunk)
        async with looking:
            await asyncio.to_thread(receiving.look)
    return receiving.upload.described()


def _refused(text: str, status: int) -> Response:
    return JSONResponse({"error": sentence(text)}, status, _HEADERS)
