"""What the code prints, sent to the host as it is printed.

A line goes out at once unless one went out in the last 5 ms; everything else follows within 10 ms, sent by a
thread, so a progress dot without a newline is seen too and a flood of lines costs few frames. Between steps nothing
is sent: what threads print then comes with the next step.
"""

from __future__ import annotations

import _thread
import io
import sys
import threading
import time
from collections.abc import Iterable
from queue import SimpleQueue
from typing import Any, Final

from agentui.sandbox.worker.link import Interrupts, Link

_FRAME_CHARS: Final = 65_536
_MAX_WAITING_CHARS: Final = 262_144
_LINE_INTERVAL_S: Final = 0.005
_IDLE_S: Final = 0.01


class Output:
    """stdout and stderr of the steps, in the order in which they were written."""

    def __init__(self, link: Link, interrupts: Interrupts) -> None:
        self._link = link
        self._interrupts = interrupts
        # A destructor that prints may run at any allocation, in the middle of a send too.
        self._lock = threading.RLock()
        self._sending = False
        self._waiting: list[tuple[str, str]] = []
        self._chars = 0
        self._open = False
        self._bytes_left = 0
        self._last_sent = 0.0
        self._something_waits: SimpleQueue[None] = SimpleQueue()
        self._thread_runs = False
        self._stdout, self._stderr = _Stream("stdout", self), _Stream("stderr", self)

    def install(self) -> None:
        """Become `sys.stdout` and `sys.stderr`, whatever the code has made of them."""
        # The same objects as ever: variables of earlier steps, and snapshots, refer to them.
        self._stdout.reset("stdout", self)
        self._stderr.reset("stderr", self)
        sys.stdout = sys.__stdout__ = self._stdout
        sys.stderr = sys.__stderr__ = self._stderr

    def begin(self, max_bytes: int) -> None:
        """Send from now on, at most `max_bytes` of UTF-8."""
        with self._lock:
            self._open, self._bytes_left = True, max_bytes
            if self._waiting:
                self._something_waits.put(None)
        if not self._thread_runs:
            self._thread_runs = True
            _thread.start_new_thread(self._send_late, ())

    def end(self) -> None:
        """Send the rest, then nothing until the next `begin`."""
        with self._interrupts, self._lock:
            self._send_waiting()
            self._open = False

    def flush(self) -> None:
        """Send what waits."""
        with self._interrupts, self._lock:
            self._send_waiting()

    def write(self, stream: str, text: str) -> None:
        """Take over printed text."""
        with self._interrupts, self._lock:
            was_empty = not self._waiting
            if self._chars < _MAX_WAITING_CHARS:
                self._waiting.append((stream, text))
                self._chars += len(text)
            if "\n" in text and time.monotonic() - self._last_sent > _LINE_INTERVAL_S or self._chars > _FRAME_CHARS:
                self._send_waiting()
            elif was_empty:
                self._something_waits.put(None)

    def _send_late(self) -> None:
        while True:
            self._something_waits.get()
            time.sleep(_IDLE_S)
            with self._lock:
                self._send_waiting()

    def _send_waiting(self) -> None:
        if self._sending or not self._open:
            return
        self._sending = True
        try:
            while self._waiting:
                waiting, self._waiting, self._chars = self._waiting, [], 0
                self._last_sent = time.monotonic()
                self._send_parts(waiting)
        finally:
            self._sending = False

    def _send_parts(self, parts: Iterable[tuple[str, str]]) -> None:
        for stream, text in _joined(parts):
            for start in range(0, len(text), _FRAME_CHARS):
                self._send(stream, text[start : start + _FRAME_CHARS])
                if not self._bytes_left:
                    return

    def _send(self, stream: str, text: str) -> None:
        if not self._bytes_left:
            return
        data = text.encode("utf-8", "replace")
        if len(data) > self._bytes_left:
            text = data[: self._bytes_left].decode("utf-8", "ignore")
        self._bytes_left -= min(len(data), self._bytes_left)
        if text:
            self._link.send_in_step({"t": "output", "stream": stream, "text": text})
        if not self._bytes_left:
            self._link.send_in_step({"t": "cut"})


def _joined(parts: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    runs: list[tuple[str, list[str]]] = []
    for stream, text in parts:
        if not runs or runs[-1][0] != stream:
            runs.append((stream, []))
        runs[-1][1].append(text)
    return [(stream, "".join(texts)) for stream, texts in runs]


class _Stream(io.TextIOBase):
    """A text stream that forwards to `Output`."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, name: str, output: Output) -> None:
        self.reset(name, output)

    def reset(self, name: str, output: Output) -> None:
        """Forget what code has set here.

        No new stream takes its place: one that is dropped is closed by a finalizer, which would swallow an interrupt
        that comes just then.
        """
        vars(self).clear()
        self.name = f"<{name}>"
        self.buffer = _Bytes(self)
        self._stream = name
        self._output = output

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Stay open: other steps print too."""
        self._output.flush()

    def write(self, text: object, /) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text:
            self._output.write(self._stream, str(text))
        return len(text)

    def flush(self) -> None:
        self._output.flush()


class _Bytes(io.RawIOBase):
    """`sys.stdout.buffer`: bytes are shown as UTF-8."""

    def __init__(self, stream: _Stream) -> None:
        self._text = stream

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        raw = bytes(data)
        self._text.write(raw.decode("utf-8", "replace"))
        return len(raw)
