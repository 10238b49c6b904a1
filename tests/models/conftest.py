import asyncio
import threading

import pytest
from wire_server import wire_server


@pytest.fixture
def in_thread():
    """Serve a handler from a thread of its own, for tests of code that is not async; the result is its address."""
    stops = []

    def serve(handler):
        ready, address = threading.Event(), []

        async def main():
            stop = asyncio.Event()
            async with wire_server(handler) as server:
                address.append(server.url)
                stops.append((asyncio.get_running_loop(), stop, thread))
                ready.set()
                await stop.wait()

        thread = threading.Thread(target=asyncio.run, args=(main(),))
        thread.start()
        ready.wait(5)
        return address[0]

    yield serve
    for loop, stop, thread in stops:
        loop.call_soon_threadsafe(stop.set)
        thread.join(5)
