"""Opens files for a worker where the kernel has no Landlock: a thread of the host that answers the worker's opens.

The worker's filter stops every call that opens, makes, renames or removes a file or reads a link, and the kernel asks
here. The worker has several threads, so what a pointer points to may change at any time: a path is read once, the call
is then checked to be still waiting, and this process makes the call itself and hands over what came of it; the
worker's own call is never let through. Whatever fails, fails for the worker: when this thread ends, the kernel
refuses its calls.
"""

from __future__ import annotations

import errno
import mmap
import os
import select
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from typing import Final, NamedTuple, Self

from agentui.sandbox.broker_files import SessionFiles
from agentui.sandbox.worker.syscalls import this_machine

if sys.platform != "win32":
    import fcntl

_LINK_TIMEOUT_S: Final = 15.0
_RECEIVE: Final = 0xC0502100
_SEND: Final = 0xC0182101
_IS_VALID: Final = 0x40082102
_ADD_DESCRIPTOR: Final = 0x40182103
_NOTIFICATION: Final = struct.Struct("=QIIiIQ6Q")
_NOTIFICATION_ROOM: Final = 512
"More than any kernel writes; it must be zero beforehand."
_RESPONSE: Final = struct.Struct("=QqiI")
_ADDED: Final = struct.Struct("=QIIII")
_AT_FDCWD: Final = -100
_AT_REMOVEDIR: Final = 0x200
_MAX_PATH_BYTES: Final = 4096
_BURST: Final = 20_000
_PER_SECOND: Final = 5_000


class _Call(NamedTuple):
    """A system call that waits for its answer."""

    cookie: int
    task: int
    "Id of the thread that made it."
    name: str
    arguments: tuple[int, ...]


class Broker:
    """Serves one worker, in a thread of its own, until all of its threads have ended."""

    def __init__(self, link: socket.socket, files: SessionFiles) -> None:
        """Start to serve.

        Args:
            link: On it the worker hands over the descriptor on which the kernel asks; closed here.
            files: What the worker may reach; closed here.
        """
        self._link = link
        self._files = files
        self._credit = float(_BURST)
        self._last = time.monotonic()
        machine = this_machine()
        self._names = {number: name for name, number in machine.numbers.items()} if machine is not None else {}
        threading.Thread(target=self._serve, name="agentui-sandbox-files", daemon=True).start()

    def _serve(self) -> None:
        listener = self._receive_listener()
        try:
            if listener is not None:
                self._answer_all(listener)
        finally:
            if listener is not None:
                os.close(listener)
            self._files.close()

    def _receive_listener(self) -> int | None:
        descriptors: list[int] = []
        with self._link as link, suppress(OSError):
            link.settimeout(_LINK_TIMEOUT_S)
            descriptors = list(socket.recv_fds(link, 16, 1)[1])
        return descriptors[0] if descriptors else None

    def _answer_all(self, listener: int) -> None:
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        while poll.poll()[0][1] & select.POLLIN:
            self._slow_down_floods()
            try:
                call = self._next_call(listener)
            except OSError as error:
                # The thread that asked was killed, or a signal came.
                if error.errno in {errno.ENOENT, errno.EINTR}:
                    continue
                return
            with suppress(OSError):
                self._answer(listener, call)

    def _slow_down_floods(self) -> None:
        """Let a burst through, then so many calls a second that the host does not feel them."""
        now = time.monotonic()
        self._credit = min(_BURST, self._credit + (now - self._last) * _PER_SECOND) - 1
        self._last = now
        if self._credit < 0:
            time.sleep(-self._credit / _PER_SECOND)

    def _next_call(self, listener: int) -> _Call:
        data = bytearray(_NOTIFICATION_ROOM)
        fcntl.ioctl(listener, _RECEIVE, data, True)
        cookie, task, _, number, _, _, *arguments = _NOTIFICATION.unpack_from(data)
        return _Call(cookie, task, self._names.get(number, ""), tuple(arguments))

    def _answer(self, listener: int, call: _Call) -> None:
        """Make the call and let the worker go on.

        Raises:
            OSError: The thread that asked is gone.
        """
        value = failure = 0
        try:
            with _Caller(listener, call) as caller:
                value = self._make(caller)
        except OSError as error:
            failure = -(error.errno or errno.EACCES)
        fcntl.ioctl(listener, _SEND, bytearray(_RESPONSE.pack(call.cookie, value, failure, 0)), True)

    def _make(self, caller: _Caller) -> int:
        """Make the call in the worker's place; returns what it returns there.

        Raises:
            OSError: It is refused, or failed.
        """
        match caller.call.name, caller.call.arguments:
            case ("open", (path, flags, mode, *_)) | ("openat", (_, path, flags, mode, *_)):
                flags &= 0xFFFFFFFF
                return caller.hand_over(self._files.open(caller.path(path), flags, mode), flags)
            case ("readlink", (path, room, size, *_)) | ("readlinkat", (_, path, room, size, *_)):
                return caller.write(room, self._files.read_link(caller.path(path))[: size & 0x7FFFFFFF])
            case ("mkdir", (path, *_)) | ("mkdirat", (_, path, *_)):
                self._files.make_directory(caller.path(path))
            case "rmdir", (path, *_):
                self._files.remove_directory(caller.path(path))
            case "unlink", (path, *_):
                self._files.remove_file(caller.path(path))
            case "unlinkat", (_, path, flags, *_):
                remove = self._files.remove_directory if flags & _AT_REMOVEDIR else self._files.remove_file
                remove(caller.path(path))
            case "rename", (old, new, *_):
                self._files.rename(caller.path(old), caller.path(new))
            case (("renameat" | "renameat2"), (_, old, second, new, flags, *_)):
                if caller.call.name == "renameat2" and flags & 0xFFFFFFFF:
                    raise OSError(errno.EINVAL, "only a plain rename is known")
                self._files.rename(caller.path(old), caller.path(new, second))
            case _:
                raise OSError(errno.ENOSYS, "a call that is not known here")
        return 0


class _Caller:
    """The thread that waits for the answer to a call, and its memory.

    Raises:
        OSError: It is gone, or closed to this process.
    """

    def __init__(self, listener: int, call: _Call) -> None:
        self.call = call
        self._listener = listener
        self._memory = os.open(f"/proc/{call.task}/mem", os.O_RDWR | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._memory)

    def path(self, address: int, directory: int | None = None) -> bytes:
        """The absolute path that an argument of the call names, without `.` and `..`.

        Args:
            address: Where it stands.
            directory: Descriptor that a relative one starts from; None takes the call's first argument.

        Raises:
            OSError: It cannot be read, or the call does not wait any more.
        """
        if directory is None:
            directory = self.call.arguments[0] if self.call.name.endswith(("at", "at2")) else _AT_FDCWD
        path = self._text(address)
        if not path:
            raise OSError(errno.ENOENT, "an empty path")
        if not path.startswith(b"/"):
            path = _directory_of(self.call.task, directory) + b"/" + path
        self._still_waits()
        return b"/" + os.path.normpath(path).lstrip(b"/")

    def write(self, address: int, data: bytes) -> int:
        """Write `data` to the caller's memory; returns its length. To be called after `path`.

        Raises:
            OSError: It is not mapped, or may not be written.
        """
        try:
            return os.pwrite(self._memory, data, address)
        except (OSError, OverflowError):
            raise OSError(errno.EFAULT, "a place that cannot be written") from None

    def hand_over(self, descriptor: int, flags: int) -> int:
        """Give the caller a descriptor, within its own limit, and close it here; returns its number there.

        Raises:
            OSError: It has too many.
        """
        try:
            request = _ADDED.pack(self.call.cookie, 0, descriptor, 0, flags & os.O_CLOEXEC)
            return fcntl.ioctl(self._listener, _ADD_DESCRIPTOR, bytearray(request), True)
        finally:
            os.close(descriptor)

    def _still_waits(self) -> None:
        """Only now is it certain that what was opened and read is the caller's, and not of a later one of its id."""
        fcntl.ioctl(self._listener, _IS_VALID, struct.pack("=Q", self.call.cookie))

    def _text(self, address: int) -> bytes:
        """The text at `address`, page by page: what follows its end may not be mapped."""
        text = b""
        try:
            while len(text) < _MAX_PATH_BYTES:
                at = address + len(text)
                size = min(mmap.PAGESIZE - at % mmap.PAGESIZE, _MAX_PATH_BYTES - len(text))
                part, end, _ = os.pread(self._memory, size, at).partition(b"\0")
                text += part
                if end:
                    return text
                if len(part) < size:
                    break
        except (OSError, OverflowError):
            raise OSError(errno.EFAULT, "a path that cannot be read") from None
        raise OSError(errno.ENAMETOOLONG, "a path without an end")


def _directory_of(task: int, descriptor: int) -> bytes:
    number = struct.unpack("=i", struct.pack("=I", descriptor & 0xFFFFFFFF))[0]
    link = f"/proc/{task}/cwd" if number == _AT_FDCWD else f"/proc/{task}/fd/{number}"
    try:
        return os.readlink(os.fsencode(link))
    except FileNotFoundError:
        raise OSError(errno.EBADF, "a directory that is not open") from None
