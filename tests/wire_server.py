"""A loopback HTTP server that sends exactly the bytes it is told to, and sees when its client goes away."""

import asyncio
import json
import socket
import struct
from contextlib import asynccontextmanager

SSE = "text/event-stream"


class Exchange:
    """One request, and the pen to answer it with."""

    def __init__(self, reader, writer, method, path, headers, body):
        self._reader, self._writer = reader, writer
        self.method, self.path, self.headers, self.raw_body = method, path, headers, body
        self.gone = asyncio.Event()
        self.kept = b""
        self._chunked = True
        self.ended = False

    @property
    def body(self):
        return json.loads(self.raw_body)

    async def start(self, status=200, headers=(), *, content_type=SSE, chunked=True):
        self._chunked = chunked
        framing = ("transfer-encoding", "chunked") if chunked else ("connection", "close")
        fields = [("content-type", content_type), framing, *headers]
        lines = [f"HTTP/1.1 {status} x", *(f"{name}: {value}" for name, value in fields if value is not None)]
        await self._write("\r\n".join(lines).encode() + b"\r\n\r\n")

    async def send(self, data):
        if data:
            await self._write(b"%x\r\n%s\r\n" % (len(data), data) if self._chunked else data)

    async def end(self):
        self.ended = self._chunked
        if self._chunked:
            await self._write(b"0\r\n\r\n")
        else:
            self._writer.close()

    async def reply(self, status, body, headers=(), content_type="application/json"):
        await self.start(status, headers, content_type=content_type)
        await self.send(body if isinstance(body, bytes) else json.dumps(body).encode())
        await self.end()

    def drop(self):
        """Close in the middle, without the end that the framing asks for."""
        self._writer.close()

    def reset(self):
        """Close with a TCP reset."""
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.close()

    async def _write(self, data):
        self._writer.write(data)
        await self._writer.drain()

    async def watch(self):
        try:
            self.kept = await self._reader.read(65536)
        except ConnectionError:
            self.kept = b""
        if not self.kept:
            self.gone.set()


class WireServer:
    """Answers every request with `handler(exchange)`."""

    def __init__(self, handler):
        self.handler = handler
        self.exchanges = []
        self.connections = 0
        self.failures = []
        self.url = ""

    @property
    def bodies(self):
        return [exchange.body for exchange in self.exchanges]

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            kept = b""
            while (exchange := await self._next(reader, writer, kept)) is not None:
                self.exchanges.append(exchange)
                watcher = asyncio.create_task(exchange.watch())
                try:
                    await self.handler(exchange)
                    if exchange.ended:
                        await watcher
                finally:
                    watcher.cancel()
                if not (exchange.ended and exchange.kept):
                    break
                kept = exchange.kept
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client, or the test, is done
        except AssertionError as failure:
            self.failures.append(failure)
        finally:
            writer.close()

    async def _next(self, reader, writer, kept):
        head = kept
        while b"\r\n\r\n" not in head:
            more = await reader.read(65536)
            if not more:
                return None
            head += more
        head, _, body = head.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body += await reader.readexactly(int(headers.get("content-length", 0)) - len(body))
        method, path, _ = first.split(" ")
        return Exchange(reader, writer, method, path, headers, body)


@asynccontextmanager
async def wire_server(handler):
    server = WireServer(handler)
    tasks = set()

    async def serve(reader, writer):
        tasks.add(asyncio.current_task())
        await server.serve(reader, writer)

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
    try:
        yield server
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)
    assert not server.failures, server.failures


def sse(*chunks, done=True):
    """Chunks as a stream of events."""
    data = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
    return data + (b"data: [DONE]\n\n" if done else b"")


def delta(content=None, finish=None, *, usage=None, choice=None, **fields):
    """A chunk in OpenAI's form."""
    inner = {} if content is None else {"content": content}
    chunk = {"choices": [{"index": 0, "delta": {**inner, **fields}, "finish_reason": finish, **(choice or {})}]}
    return chunk if usage is None else {**chunk, "usage": usage}


def usage_chunk(prompt, completion, **more):
    """A usage-only chunk."""
    return {
        "choices": [],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            **more,
        },
    }


def play(*pieces, **start):
    """A handler that sends each of `pieces` as one HTTP chunk."""

    async def handler(exchange):
        await exchange.start(**start)
        for piece in pieces:
            await exchange.send(piece)
        await exchange.end()

    return handler
