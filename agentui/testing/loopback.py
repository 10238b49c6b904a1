"""A TCP server on this machine for as long as a block lasts.

It runs in a thread with an event loop of its own, so code that is async and code that is not can use it the same way.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TypeAlias

from agentui.models.gate import Signal

Handler: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextmanager
def serve_loopback(handle: Handler, name: str) -> Generator[int, None, None]:
    """Serve every connection with `handle`; the result is the port. The end of the block cancels what still runs.

    Args:
        handle: Serves one connection.
        name: Of the thread.
    """
    port: Future[int] = Future()
    ended = Signal()
    thread = threading.Thread(target=_run, args=(handle, port, ended), name=name, daemon=True)
    thread.start()
    try:
        yield port.result()
    finally:
        ended.set()
        thread.join()


def _run(handle: Handler, port: Future[int], ended: Signal) -> None:
    try:
        asyncio.run(_serve(handle, port, ended))
    except OSError as error:
        port.set_exception(error)


async def _serve(handle: Handler, port: Future[int], ended: Signal) -> None:
    connections: set[asyncio.Future[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(handle(reader, writer))
        connections.add(task)
        task.add_done_callback(connections.discard)

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    port.set_result(listening.sockets[0].getsockname()[1])
    await ended
    listening.close()
    for task in connections:
        task.cancel()
    await asyncio.gather(*connections, return_exceptions=True)
