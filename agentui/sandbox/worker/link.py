"""The worker's end of the socket, and SIGINT: delivered in the step's code, never in the middle of a frame."""

from __future__ import annotations

import _thread
import os
import select
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from agentui.sandbox.frames import HEADER, pack, parse


class Interrupts:
    """Turns SIGINT into an exception while a step's code runs.

    `with interrupts:` postpones it to the end of the block. Other threads are never interrupted, as in Python.
    """

    def __init__(self, error: Callable[[], BaseException]) -> None:
        self.armed = False
        self._error = error
        self._main = threading.get_ident()
        self._depth = 0
        self._pending = False
        self.received = 0
        "How many came, in the life of this process."
        signal.signal(signal.SIGINT, self._on_signal)

    def arm(self, sent: int) -> None:
        """Let SIGINT through from now on; undoes what the last step's code may have installed.

        Args:
            sent: How many the host had sent before this step: one more that has come already was meant for it, and
                is raised here.
        """
        signal.signal(signal.SIGINT, self._on_signal)
        self._pending = False
        # In this order: one that comes between the two lines is not lost.
        self.armed = True
        early, self.received = self.received > sent, max(self.received, sent)
        if early:
            raise self._error()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.received += 1
        if not self.armed:
            return
        if self._depth:
            self._pending = True
        else:
            raise self._error()

    def interrupt_main_from_thread(self) -> bool:
        """Interrupt the main thread, if the caller is another; returns whether it is."""
        if threading.get_ident() == self._main:
            return False
        if self.armed:
            _thread.interrupt_main()
        return True

    def __enter__(self) -> None:
        if threading.get_ident() == self._main:
            self._depth += 1

    def __exit__(self, *_: object) -> None:
        if threading.get_ident() != self._main:
            return
        self._depth -= 1
        if self._pending and not self._depth:
            self._pending = False
            if self.armed:
                raise self._error()


class Link:
    """Whole frames to and from the host. The host is trusted; when it is gone, so is this process."""

    def __init__(self, connection: socket.socket, interrupts: Interrupts) -> None:
        self._connection = connection
        self._interrupts = interrupts
        self._sending = threading.Lock()
        self._step = 0
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)

    def send(self, header: Mapping[str, Any], blob: bytes = b"") -> None:
        """Send one frame; threads take turns.

        Raises:
            FrameError: It is too large.
        """
        frame = pack(header, blob)
        with self._interrupts, self._sending:
            self._write(frame)

    def begin_step(self, number: int) -> None:
        """Let `send_in_step` through, as part of step `number`."""
        self._step = number

    def send_in_step(self, header: Mapping[str, Any], blob: bytes = b"") -> bool:
        """Send one frame of the running step; where none runs, nothing is sent and the result is False.

        Raises:
            FrameError: It is too large.
        """
        frame = pack({"n": self._step, **header}, blob)
        with self._interrupts, self._sending:
            if self._step:
                self._write(frame)
            return bool(self._step)

    def end_step(self, header: Mapping[str, Any], blob: bytes) -> None:
        """Send the last frame of the step: what threads send after it is kept back.

        Raises:
            FrameError: It is too large; the step still runs.
        """
        frame = pack({"n": self._step, **header}, blob)
        with self._interrupts, self._sending:
            self._write(frame)
            self._step = 0

    def _write(self, frame: bytes) -> None:
        try:
            self._connection.sendall(frame)
        except OSError:
            os._exit(0)

    def receive(self) -> tuple[dict[str, Any], bytes]:
        """Wait for a frame; SIGINT ends the wait but never a frame that has begun."""
        self._poll.poll()
        with self._interrupts:
            json_bytes, blob_bytes = HEADER.unpack(self._read(HEADER.size))
            text = self._read(json_bytes)
            return parse(text), self._read(blob_bytes)

    def _read(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            try:
                chunk = self._connection.recv(size - len(data))
            except OSError:
                chunk = b""
            if not chunk:
                os._exit(0)
            data += chunk
        return bytes(data)
