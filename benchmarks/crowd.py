"""Visitors without a screen: each starts a run and reads what its page would be sent, frame by frame.

python -m benchmarks.crowd PAGE_URL MODEL_URL NUMBER    # prints milliseconds as JSON; ends when all runs have ended
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import sys
import time
from typing import Any

import httpx

STAMP = re.compile(r"t(\d{13})(?=\D)")
"A token of the model server: when it was sent, in milliseconds since 1970."


class Crowd:
    """Visitors of one server."""

    def __init__(self, client: httpx.AsyncClient, config: dict[str, Any], model_url: str) -> None:
        self._client = client
        self._model_url = model_url
        self._functions = {each["api_name"]: each for each in config["dependencies"]}
        self._fields = {each["id"]: each["props"] for each in config["components"]}
        self.delays: list[float] = []

    async def visit(self) -> None:
        """Be one visitor, from the first frame to the end of the run."""
        session, visitor = secrets.token_hex(6), secrets.token_urlsafe(32)
        for name in ("watch_settled", "watch_live"):
            others = self._functions[name]["inputs"][1:]
            await self._join(name, [visitor, *(self._fields[number].get("value") for number in others)], session)
        async with self._client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
            sending = asyncio.create_task(self._send(visitor, session))
            await self._read(stream)
        await sending

    async def _send(self, visitor: str, session: str) -> None:
        chosen = {
            "task-input": "Count.",
            "model-preset": "custom",
            "base-url": self._model_url,
            "model-id": "bench",
            "max-steps": "1",
        }
        fields = [self._fields[number] for number in self._functions["send"]["inputs"][1:]]
        values = [chosen.get(field.get("elem_id", ""), field.get("value")) for field in fields]
        await self._join("send", [visitor, *values], session)

    async def _join(self, name: str, data: list[Any], session: str) -> None:
        body = {"data": data, "fn_index": self._functions[name]["id"], "session_hash": session}
        path = "/gradio_api/queue/join" if self._functions[name]["queue"] else f"/gradio_api/run/{name}"
        (await self._client.post(path, json=body)).raise_for_status()

    async def _read(self, stream: httpx.Response) -> None:
        seen = 0
        async for line in stream.aiter_lines():
            now = time.time() * 1000
            for sent in map(int, STAMP.findall(line)):
                if sent > seen:
                    seen = sent
                    self.delays.append(now - sent)
            if '\\"run_finished\\"' in line:
                return


async def main(page_url: str, model_url: str, number: int) -> None:
    """Let so many visitors come at once."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=page_url, timeout=120, limits=limits) as client:
        crowd = Crowd(client, (await client.get("/config")).json(), model_url)
        await asyncio.gather(*(crowd.visit() for _ in range(number)))
    print(json.dumps(crowd.delays))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
