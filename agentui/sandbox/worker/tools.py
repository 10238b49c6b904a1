"""Functions of the host as functions of the code: `final_answer` and the tools.

A tool call is a frame to the host and a wait for its answer. Threads take turns. The host answers every call, at the
latest when the step ends, so whoever waits is released before the next request is read from the same socket.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

from agentui.sandbox import codec
from agentui.sandbox.frames import FrameError
from agentui.sandbox.worker.link import Link
from agentui.sandbox.worker.output import Output


class FinalAnswer(SystemExit):
    """Ends a step with its answer.

    Not an `Exception`, so `except Exception` lets it through; a `SystemExit`, so asyncio and threads do too.
    """

    def __init__(self, value: Any) -> None:
        super().__init__("final_answer was called")
        self.value = value


class HostTools:
    """The tools of the host, callable from any thread while a step runs."""

    def __init__(self, link: Link, output: Output) -> None:
        self._link = link
        self._output = output
        self._turn = threading.Lock()
        self._numbers = itertools.count(1)

    def next_request(self) -> tuple[dict[str, Any], bytes]:
        """Wait for a request of the host, past answers that nobody waits for any more."""
        with self._turn:
            while True:
                frame, blob = self._link.receive()
                if frame["t"] not in {"returned", "raised"}:
                    return frame, blob

    def function(self, name: str) -> Callable[..., Any]:
        """A function that calls the tool `name`."""

        def tool(*arguments: Any, **named: Any) -> Any:
            return self._call(name, arguments, named)

        tool.__name__ = tool.__qualname__ = name
        tool.__doc__ = f"Call the tool {name!r} on the host; raises RuntimeError with its message if it fails."
        return tool

    def _call(self, name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        try:
            data, blob = codec.encode([list(arguments), named], or_repr=False)
        except codec.CodecError as error:
            raise RuntimeError(f"the arguments of {name}() cannot be sent to the host: too large, {error}") from None
        large = _too_large(data)
        if large is not None:
            raise RuntimeError(f"{large} of {name}() cannot be sent to the host: too large or nested too deep")
        self._output.flush()
        with self._turn:
            number = next(self._numbers)
            try:
                sent = self._link.send_in_step({"t": "call", "id": number, "name": name, "arguments": data}, blob)
            except FrameError as error:
                raise RuntimeError(f"the arguments of {name}() cannot be sent to the host: {error}") from None
            if not sent:
                raise RuntimeError(f"{name}() was called after its step had ended")
            frame, blob = self._answer(number)
        if frame["t"] == "raised":
            raise RuntimeError(frame["message"])
        return codec.decode(frame["value"], blob)

    def _answer(self, number: int) -> tuple[dict[str, Any], bytes]:
        while True:
            frame, blob = self._link.receive()
            if frame.get("id") == number:
                return frame, blob


def _too_large(data: Any) -> str | None:
    """The argument that has no place in a message; None if all have."""
    if codec.too_large(data) or codec.too_large(data[0]) or codec.too_large(data[1]):
        return "all arguments together"
    named = [(f"the argument {name!r}", item) for name, item in data[1].items()]
    parts = [*((f"argument {place}", item) for place, item in enumerate(data[0], 1)), *named]
    return next((name for name, item in parts if codec.too_large(item)), None)
