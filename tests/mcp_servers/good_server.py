"""A small MCP server over its standard streams."""

import io
import os
import sys
from pathlib import Path
from typing import Literal

import anyio
from mcp.server.fastmcp import FastMCP, Image
from PIL import Image as Pictures
from pydantic import BaseModel

server = FastMCP(os.environ.get("SERVER_NAME", "good"), port=int(os.environ.get("PORT", "0")))


class Point(BaseModel):
    x: int
    y: int = 0


@server.tool()
def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def shape(points: list[Point], kind: Literal["line", "area"] = "line", label: str | None = None) -> dict[str, object]:
    """Describe a shape."""
    return {"count": len(points), "kind": kind, "label": label, "first": points[0].model_dump()}


@server.tool(name="read-file.v2")
def read_file() -> str:
    """Read."""
    return "read"


@server.tool(name="list")
def list_things(class_: str = "all") -> list[str]:
    """List things."""
    return ["a", class_]


@server.tool()
def picture(width: int) -> Image:
    """Draw."""
    buffer = io.BytesIO()
    Pictures.new("RGB", (width, 2), "red").save(buffer, "PNG")
    return Image(data=buffer.getvalue(), format="png")


@server.tool()
def fail(text: str) -> str:
    """Fail."""
    raise ValueError(text)


@server.tool()
def environment() -> dict[str, str]:
    """The environment."""
    return dict(os.environ)


@server.tool()
def die(text: str) -> str:
    """End the process."""
    print(text, file=sys.stderr, flush=True)
    os._exit(7)


@server.tool()
def process() -> int:
    """The process."""
    return os.getpid()


@server.tool()
def large(size: int) -> str:
    """A long text."""
    return "x" * size


def touch(path: str) -> None:
    Path(path).touch()


@server.tool()
async def hang(begun: str, ended: str) -> str:
    """Never answer; leave a file when it begins and one when it is cancelled."""
    try:
        touch(begun)
        await anyio.sleep_forever()
    finally:
        touch(ended)
    return ""


if __name__ == "__main__":
    server.run(sys.argv[1] if len(sys.argv) > 1 else "stdio")
