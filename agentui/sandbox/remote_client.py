"""Requests to the bridge in a virtual machine. Whatever it answers is hostile: sizes and times are bounded here.

A request that fails on its way is repeated for a while; the bridge takes each of them only once. Used on the
background loop only, because connections belong to the loop that made them.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import httpx2

from agentui.sandbox.artifacts import FileMark
from agentui.sandbox.frames import MAX_BLOB_BYTES, FrameError, parse
from agentui.sandbox.remote_machine import SERVICE_ERRORS, Started, reason
from agentui.sandbox.worker.bridge import POLL_S
from agentui.sandbox.worker.bridge_files import MAX_LIST_BYTES, PART_BYTES

PATIENCE_S: Final = 20.0
"How long a request is repeated, unless the pool says otherwise."
_REQUEST_S: Final = 10.0
_START_S: Final = 20.0
_FILE_S: Final = 30.0
_PAUSE_S: Final = 0.1
_PASSING: Final = frozenset({429, 500, 502, 503, 504})
"What a proxy says when it did not reach the bridge."
_MAX_SMALL_BYTES: Final = 1 << 20
_MAX_FILES: Final = 2_000


class MachineLost(Exception):
    """The bridge cannot be reached any more, or answers what it must not answer."""


class Answer(NamedTuple):
    """What the bridge said."""

    status: int
    body: bytes


class BridgeClient:
    """Speaks to one bridge."""

    def __init__(self, started: Started, token: str, *, patience_s: float) -> None:
        self._started = started
        self._token = token
        self._patience_s = patience_s
        self._http = httpx2.AsyncClient(follow_redirects=False)

    async def close(self) -> None:
        """End all connections, and the requests on them."""
        await self._http.aclose()

    async def start_worker(self, tools: tuple[str, ...]) -> str:
        """Start a worker; returns its number.

        Raises:
            MachineLost: No worker was started.
        """
        answer = await self._ask("POST", "/workers", json.dumps({"tools": tools}).encode(), within_s=_START_S)
        if answer.status == 422:
            raise MachineLost(_text(answer.body))
        number = _object(answer).get("worker")
        if not isinstance(number, str) or not number.isdigit() or len(number) > 9:
            raise MachineLost("it named no worker")
        return number

    async def send(self, worker: str, count: int, controls: list[str], data: bytes) -> None:
        """Hand over message `count` for a worker.

        Raises:
            MachineLost: It did not arrive.
        """
        head = json.dumps(controls).encode()
        body = len(head).to_bytes(4) + head + data
        answer = await self._ask("POST", f"/workers/{worker}/up/{count}", body)
        if answer.status != 200:
            raise MachineLost(f"it refused a message ({answer.status})")

    async def fetch(self, worker: str, offset: int) -> Answer:
        """What a worker sent from `offset` on: status 200 with bytes, none after a while without news; 410 at its end.

        Raises:
            MachineLost: There is no telling.
        """
        answer = await self._ask("GET", f"/workers/{worker}/down/{offset}", limit=PART_BYTES, within_s=POLL_S + 10)
        if answer.status not in {200, 410}:
            raise MachineLost(f"it does not know the worker any more ({answer.status})")
        return answer

    async def list_files(self, worker: str) -> dict[str, FileMark]:
        """Files of a worker, by name.

        Raises:
            MachineLost: There is no list.
        """
        listed = _object(await self._ask("GET", f"/workers/{worker}/files"))
        if len(listed) > _MAX_FILES:
            raise MachineLost("it lists too many files")
        return {name: _mark(mark) for name, mark in listed.items()}

    async def read_file(self, worker: str, name: str) -> Answer:
        """A file, or with status 422 the reason why it cannot be had.

        Raises:
            MachineLost: Neither came.
        """
        path = f"/workers/{worker}/files/{name.encode('utf-8', 'surrogatepass').hex()}"
        answer = await self._ask("GET", path, limit=MAX_BLOB_BYTES + 1, within_s=_FILE_S)
        if answer.status not in {200, 422}:
            raise MachineLost(f"it did not give a file ({answer.status})")
        return answer

    async def list_saved(self, worker: str) -> Mapping[str, Any]:
        """The list of a copy of a worker's folder that was just made.

        Raises:
            MachineLost: There is none.
        """
        path = f"/workers/{worker}/saved"
        return _object(await self._ask("GET", path, limit=MAX_LIST_BYTES, within_s=_FILE_S))

    async def read_saved(self, worker: str, index: int, size: int) -> bytes:
        """A file of that copy.

        Raises:
            MachineLost: It did not come.
        """
        data = bytearray()
        while len(data) < size:
            path = f"/workers/{worker}/saved/{index}/{len(data)}"
            answer = await self._ask("GET", path, limit=min(PART_BYTES, size - len(data)), within_s=_FILE_S)
            if answer.status != 200 or not answer.body:
                raise MachineLost(f"it did not give a file ({answer.status})")
            data += answer.body
        return bytes(data)

    async def send_part(self, worker: str, number: int, data: bytes) -> None:
        """Send part `number` of the files for a worker's folder.

        Raises:
            MachineLost: It did not arrive.
        """
        _done(await self._ask("POST", f"/workers/{worker}/restore/{number}", data, within_s=_FILE_S))

    async def restore(self, worker: str) -> None:
        """Have the folder filled with what was sent.

        Raises:
            MachineLost: It was not.
        """
        _done(await self._ask("POST", f"/workers/{worker}/restore", within_s=_FILE_S))

    async def end_worker(self, worker: str) -> None:
        """End a worker; what it left is deleted.

        Raises:
            MachineLost: It may still be there.
        """
        await self._ask("DELETE", f"/workers/{worker}")

    async def _ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        limit: int = _MAX_SMALL_BYTES,
        within_s: float = _REQUEST_S,
    ) -> Answer:
        patient_until = time.monotonic() + self._patience_s
        while True:
            try:
                async with asyncio.timeout(within_s):
                    answer = await self._request(method, path, body, limit)
                if answer.status not in _PASSING:
                    return answer
                trouble = f"status {answer.status}"
            except TimeoutError:
                trouble = f"no answer within {within_s:g} s"
            except SERVICE_ERRORS as error:
                trouble = reason(error, self._token)
            except RuntimeError:
                raise MachineLost("the connection was closed here") from None
            if time.monotonic() > patient_until:
                raise MachineLost(trouble)
            await asyncio.sleep(_PAUSE_S)

    async def _request(self, method: str, path: str, body: bytes, limit: int) -> Answer:
        machine = self._started.machine
        url = machine.proxy_url_for(self._started.port, path)
        # The headers are asked for each time: the token may be renewed while the machine runs.
        headers = machine.proxy_headers
        async with self._http.stream(method, url, headers=headers, content=body, timeout=None) as response:
            received = bytearray()
            async for chunk in response.aiter_raw():
                received += chunk
                if len(received) > limit:
                    raise MachineLost("it sent more than was asked for")
        return Answer(response.status_code, bytes(received))


def end_of_worker(body: bytes) -> tuple[int, str | None]:
    """Read what the bridge says about a worker's end: its status, and why it was ended."""
    try:
        match parse(body):
            case {"status": int(status), "breach": str(breach)} if -65 < status < 256:
                return status, _text(breach.encode("utf-8", "replace"))
            case {"status": int(status), "breach": None} if -65 < status < 256:
                return status, None
            case _:
                return 0, "its virtual machine did not say why"
    except FrameError:
        return 0, "its virtual machine did not say why"


def _object(answer: Answer) -> Mapping[str, Any]:
    if answer.status != 200:
        raise MachineLost(f"it answered with status {answer.status}")
    try:
        return parse(answer.body)
    except FrameError as error:
        raise MachineLost(f"it answered with {error}") from None


def _done(answer: Answer) -> None:
    if answer.status != 200:
        raise MachineLost(_text(answer.body) or f"it answered with status {answer.status}")


def _mark(data: Any) -> FileMark:
    match data:
        case [int(inode), int(modified_ns), int(size)]:
            return FileMark(inode, modified_ns, size)
        case _:
            raise MachineLost("it lists something else than files")


def _text(data: bytes) -> str:
    text = data[:500].decode("utf-8", "replace")
    return "".join(character for character in text if character.isprintable())
