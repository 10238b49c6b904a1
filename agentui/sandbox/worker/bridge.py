"""The program in a virtual machine that starts workers there and carries their frames to the host and back.

The host calls it through the machine's HTTP proxy. Both directions are short requests that can be repeated without
harm: what goes to a worker has a number, what comes from it is asked for from an offset on and kept until the host
asks for more. So a lost connection costs nothing but time. Frames are read here only to be passed on; the host
trusts none of it. A worker is confined as far as this machine's kernel allows, and is watched like a local one.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
from collections import deque
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from agentui.errors import SandboxUnavailable
from agentui.sandbox.artifacts import ArtifactRefused
from agentui.sandbox.channel import WorkerGone
from agentui.sandbox.confinement import ResourceLimits
from agentui.sandbox.frames import HEADER, FrameError, pack, parse, sizes
from agentui.sandbox.supervisor import Supervisor, import_directories
from agentui.sandbox.tiers import LADDER, TierSpec, obstacle
from agentui.sandbox.worker.bridge_files import PART_BYTES, FileTransfer
from agentui.sandbox.worker.bridge_http import Answer, Request, serve_connection
from agentui.sandbox.worker_handle import Watch, Worker

POLL_S: Final = 15.0
"How long an answer without news is kept back."
_MAX_KEPT_BYTES: Final = 32 << 20
"What a worker may have sent before the host has fetched it; then it has to wait."
_NEVER: Final = 1_000_000
_GONE: Final = Answer(404)


def main(descriptor: int) -> None:
    """Serve until the host has been silent for too long; settings come as JSON from `descriptor`."""
    with open(descriptor, encoding="utf-8") as file:
        settings: dict[str, Any] = json.load(file)
    packages: str = settings["packages"]
    supervisor = Supervisor(
        python=sys.executable,
        python_paths=(*import_directories(), *([packages] if os.path.isdir(packages) else [])),
        recycle_after=_NEVER,
        spawn=sys.platform != "linux",
    )
    try:
        asyncio.run(_serve(supervisor, ResourceLimits(**settings["limits"]), settings["idle_s"], settings["port_file"]))
    finally:
        supervisor.close()


async def _serve(supervisor: Supervisor, limits: ResourceLimits, idle_s: float, port_file: str) -> None:
    bridge = Bridge(supervisor, limits)
    await bridge.try_out()
    server = await asyncio.start_server(partial(serve_connection, bridge.answer), "127.0.0.1", 0)
    _publish(port_file, str(server.sockets[0].getsockname()[1]))
    await bridge.until_silent(idle_s)
    server.close()


def _publish(path: str, text: str) -> None:
    """Write a file that is never seen half written."""
    Path(f"{path}.new").write_text(text, encoding="ascii")
    os.replace(f"{path}.new", path)


class Bridge:
    """The workers of this machine, and what the host may ask of them."""

    def __init__(self, supervisor: Supervisor, limits: ResourceLimits) -> None:
        self._supervisor = supervisor
        self._limits = limits
        self._ladder = [spec for spec in LADDER if spec.tier != "D" and not _obstacle(spec)]
        self._links: dict[str, Link] = {}
        self._numbers = itertools.count(1)
        self._heard = asyncio.Event()
        self._asking = 0

    async def until_silent(self, idle_s: float) -> None:
        """Wait until the host has asked for nothing in `idle_s` seconds."""
        while True:
            self._heard.clear()
            try:
                await asyncio.wait_for(self._heard.wait(), idle_s)
            except TimeoutError:
                if not self._asking:
                    return

    async def try_out(self) -> None:
        """Find the strongest confinement that a worker can start with.

        Raises:
            SandboxUnavailable: Not even an unconfined one starts.
        """
        worker = await self._start(())
        await worker.dispose()

    async def answer(self, request: Request) -> Answer:
        """Do what the host asks for."""
        self._asking += 1
        try:
            return await self._answer(request)
        finally:
            self._asking -= 1
            self._heard.set()

    async def _answer(self, request: Request) -> Answer:
        match request:
            case Request("POST", ("workers",), body):
                return await self._open(json.loads(body)["tools"])
            case Request(method, ("workers", number, *rest), body) if number in self._links:
                return await self._ask(self._links[number], number, method, rest, body)
            case _:
                return _GONE

    async def _ask(self, link: Link, number: str, method: str, rest: list[str], body: bytes) -> Answer:
        match method, *rest:
            case "GET", "down", offset:
                return await link.fetch(int(offset))
            case "POST", "up", count:
                return link.accept(int(count), body)
            case "GET", "files":
                return Answer(200, json.dumps(await link.worker.list_files()).encode())
            case "GET", "files", name:
                return await link.read_file(bytes.fromhex(name).decode("utf-8", "surrogatepass"))
            case "GET" | "POST", ("saved" | "restore"), *_:
                return await link.files.answer(method, rest, body)
            case ("DELETE",):
                del self._links[number]
                await link.close()
                return Answer(200)
            case _:
                return _GONE

    async def _open(self, tools: list[str]) -> Answer:
        try:
            worker = await self._start(tuple(tools))
        except SandboxUnavailable as error:
            return Answer(422, str(error).encode())
        number = str(next(self._numbers))
        self._links[number] = Link(worker)
        return Answer(200, json.dumps({"worker": number, "tier": self._ladder[0].tier}).encode())

    async def _start(self, tools: tuple[str, ...]) -> Worker:
        """Start a worker; a means of confinement that fails is not tried again."""
        while True:
            spec = self._ladder[0]
            worker = await self._supervisor.start(spec.confinement, self._limits, tools)
            try:
                await worker.become_ready(f"a worker of tier {spec.tier}")
            except SandboxUnavailable:
                if len(self._ladder) == 1:
                    raise
                del self._ladder[0]
            else:
                return worker


def _obstacle(spec: TierSpec) -> str | None:
    if spec.confinement.own_uid and not all(
        parent.stat().st_mode & 0o001 for parent in Path(os.__file__).resolve().parents
    ):
        return "other users cannot read this Python"
    return obstacle(spec)


class Link:
    """A worker with what is on its way to it and from it."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.files = FileTransfer(worker)
        self._accepted = 0
        self._rest = b""
        "The beginning of a frame for the worker whose end has not come."
        self._frames: deque[tuple[dict[str, Any], bytes]] = deque()
        self._to_send = asyncio.Event()
        self._kept = bytearray()
        self._kept_from = 0
        "Offset of the first kept byte among all that the worker sent."
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._end: bytes | None = None
        "How the worker ended, as JSON."
        self._watch: Watch | None = None
        self._tasks = [asyncio.create_task(self._send()), asyncio.create_task(self._receive())]

    def accept(self, number: int, body: bytes) -> Answer:
        """Take the host's message `number`: controls, then bytes for the worker. A repeated one changes nothing."""
        if number == self._accepted:
            return Answer(200)
        if number != self._accepted + 1:
            return Answer(409)
        self._accepted = number
        length = int.from_bytes(body[:4])
        for control in json.loads(body[4 : 4 + length]):
            self._control(control)
        self._rest += body[4 + length :]
        while frame := self._take_frame():
            self._frames.append(frame)
            self._to_send.set()
        return Answer(200)

    async def fetch(self, offset: int) -> Answer:
        """What the worker sent from `offset` on, which also says that all before it has arrived."""
        seen = offset - self._kept_from
        if not 0 <= seen <= len(self._kept):
            return Answer(409)
        del self._kept[:seen]
        self._kept_from = offset
        self._room.set()
        if not self._kept and self._end is None:
            self._news.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), POLL_S)
        if not self._kept and self._end is not None:
            return Answer(410, self._end)
        return Answer(200, bytes(self._kept[:PART_BYTES]))

    async def read_file(self, name: str) -> Answer:
        """A file of the work directory."""
        try:
            return Answer(200, await self.worker.read_file(name))
        except ArtifactRefused as error:
            return Answer(422, str(error).encode())

    async def close(self) -> None:
        """End the worker and delete its files."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        self._stop_watching()
        await self.worker.dispose()

    def _control(self, control: str) -> None:
        match control:
            case "thaw":
                self._stop_watching()
                self._watch = self.worker.watch()
                self.worker.thaw()
            case "freeze":
                self._stop_watching()
                self.worker.freeze()
            case "interrupt":
                self.worker.interrupt()
            case _:
                self.worker.kill()

    def _stop_watching(self) -> None:
        if self._watch is not None:
            self._watch.stop()

    def _take_frame(self) -> tuple[dict[str, Any], bytes] | None:
        if len(self._rest) < HEADER.size:
            return None
        json_bytes, blob_bytes = sizes(self._rest[: HEADER.size])
        middle, end = HEADER.size + json_bytes, HEADER.size + json_bytes + blob_bytes
        if len(self._rest) < end:
            return None
        frame = parse(self._rest[HEADER.size : middle]), self._rest[middle:end]
        self._rest = self._rest[end:]
        return frame

    async def _send(self) -> None:
        with suppress(WorkerGone):
            while True:
                while self._frames:
                    header, blob = self._frames.popleft()
                    await self.worker.channel.send(header, blob)
                self._to_send.clear()
                await self._to_send.wait()

    async def _receive(self) -> None:
        broken = None
        try:
            while True:
                frame = await self.worker.channel.receive()
                while len(self._kept) > _MAX_KEPT_BYTES:
                    self._room.clear()
                    await self._room.wait()
                self._kept += pack(frame.header, frame.blob)
                self._news.set()
        except WorkerGone:
            pass
        except FrameError as error:
            broken = f"it broke the protocol: {error}"
        self._stop_watching()
        breach = self._watch.breach if self._watch is not None else None
        status = await self.worker.exit_status()
        self._end = json.dumps({"status": status, "breach": broken or breach}).encode()
        self._news.set()
