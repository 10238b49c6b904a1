"""A served page's life: started where a loop runs, ended by Ctrl-C or SIGTERM, at once by a second one."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any, Protocol, TypeVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agentui.ui.service import Service

T = TypeVar("T")

LAST_REQUESTS_S = 1
"Seconds that requests may go on while the server ends; whole ones only."
EXIT_STOPPED = 130


class Closable(Protocol):
    """A running server."""

    def close(self, verbose: bool = True) -> None:
        """End it and wait."""


def with_loop(function: Callable[[], T]) -> T:
    """Call `function` while an event loop runs in this thread: Gradio makes one where none does, and leaves it open."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        loop = asyncio.new_event_loop()
        try:
            return loop.run_until_complete(_call(function))
        finally:
            loop.close()
    return function()


async def _call(function: Callable[[], T]) -> T:
    return function()


def ending(service: Service) -> Callable[[object], AbstractAsyncContextManager[None]]:
    """The lifespan of an app over `service`: its runs and sandboxes end with the server."""

    @asynccontextmanager
    async def lifespan(app: object) -> AsyncGenerator[None, None]:
        yield
        await service.close()

    return lifespan


class EndWithServer:
    """ASGI middleware: responses that stream end when the server does, which otherwise waits for their clients.

    Gradio's event queue looks for a client that has gone, but not for its server's end: it is told of the one instead.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything through until Gradio's app stops."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stopping: asyncio.Event = scope["app"].stop_event
        open_response = False

        async def receive_until_the_end() -> Message:
            message = await _first(receive(), stopping.wait())
            return {"type": "http.disconnect"} if message is True else message

        async def noticing(message: Message) -> None:
            nonlocal open_response
            await send(message)
            open_response = message["type"] == "http.response.start" or bool(message.get("more_body"))

        await self._app(scope, receive_until_the_end, noticing)
        if open_response and stopping.is_set():
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _first(*waits: Awaitable[Any]) -> Any:
    """The result of whichever ends first; the others are cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(task for task in tasks if task in done).result()
    finally:
        for task in tasks:
            task.cancel()


def serve_until_interrupted(server: Closable) -> None:
    """Wait for Ctrl-C or SIGTERM, then end the server; a second one of either ends the process at once."""
    try:
        with _handled(signal.SIGTERM, signal.default_int_handler):
            threading.Event().wait()
    except KeyboardInterrupt:
        with _handled(signal.SIGTERM, _leave), _handled(signal.SIGINT, _leave):
            server.close(verbose=False)


@contextmanager
def _handled(number: signal.Signals, handler: Callable[..., None]) -> Generator[None, None, None]:
    """Have `handler` called for a signal, unless it is ignored or belongs to another thread."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(number) == signal.SIG_IGN:
        yield
        return
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


def _leave(number: int, frame: object) -> None:
    os._exit(EXIT_STOPPED)
