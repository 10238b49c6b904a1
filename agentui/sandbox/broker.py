"""Opens files for a worker where the kernel has no Landlock: a thread of the host that answers the worker's opens.

The worker's filter stops every call that opens, makes, renames or removes a file, and the kernel asks here. The worker
has several threads, so what a pointer points to may change at any time: a path is read once, the call is then checked
to be still waiting, and this process makes the call itself and hands over the descriptor; the worker's own call is
never let through. Whatever fails, fails for the worker: when this thread ends, the kernel refuses its calls.
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
from typing import Final, NamedTuple

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


class _Opened(NamedTuple):
    """An open that succeeded: the descriptor is to be handed over, and closed here."""

    descriptor: int
    flags: int


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
            opened = self._make(listener, call)
            if opened is not None:
                value = _hand_over(listener, call, opened)
        except OSError as error:
            failure = -(error.errno or errno.EACCES)
        fcntl.ioctl(listener, _SEND, bytearray(_RESPONSE.pack(call.cookie, value, failure, 0)), True)

    def _make(self, listener: int, call: _Call) -> _Opened | None:
        """Make the call in the worker's place.

        Raises:
            OSError: It is refused, or failed.
        """
        match call.name, call.arguments:
            case ("open", (path, flags, mode, *_)) | ("openat", (_, path, flags, mode, *_)):
                at = self._path(listener, call, path)
                flags &= 0xFFFFFFFF
                return _Opened(self._files.open(at, flags, mode), flags)
            case ("mkdir", (path, *_)) | ("mkdirat", (_, path, *_)):
                self._files.make_directory(self._path(listener, call, path))
            case "rmdir", (path, *_):
                self._files.remove_directory(self._path(listener, call, path))
            case "unlink", (path, *_):
                self._files.remove_file(self._path(listener, call, path))
            case "unlinkat", (_, path, flags, *_):
                at = self._path(listener, call, path)
                remove = self._files.remove_directory if flags & _AT_REMOVEDIR else self._files.remove_file
                remove(at)
            case "rename", (old, new, *_):
                self._files.rename(self._path(listener, call, old), self._path(listener, call, new))
            case (("renameat" | "renameat2"), (_, old, second, new, flags, *_)):
                if call.name == "renameat2" and flags & 0xFFFFFFFF:
                    raise OSError(errno.EINVAL, "only a plain rename is known")
                target = self._path(listener, call, new, second)
                self._files.rename(self._path(listener, call, old), target)
            case _:
                raise OSError(errno.ENOSYS, "a call that is not known here")
        return None

    def _path(self, listener: int, call: _Call, address: int, directory: int | None = None) -> bytes:
        """The absolute path that an argument of the call names, without `.` and `..`.

        `directory` is the descriptor that a relative one starts from; None takes the call's first argument.

        Raises:
            OSError: It cannot be read, or the call does not wait any more.
        """
        if directory is None:
            directory = call.arguments[0] if call.name.endswith(("at", "at2")) else _AT_FDCWD
        path = _read_text(call.task, address)
        if not path:
            raise OSError(errno.ENOENT, "an empty path")
        if not path.startswith(b"/"):
            path = _directory_of(call.task, directory) + b"/" + path
        # Only now is it certain that what was read belongs to this caller, and not to a later process of its id.
        fcntl.ioctl(listener, _IS_VALID, struct.pack("=Q", call.cookie))
        return b"/" + os.path.normpath(path).lstrip(b"/")


def _hand_over(listener: int, call: _Call, opened: _Opened) -> int:
    """Give the worker a descriptor, within its own limit; returns its number there."""
    try:
        close_on_exec = opened.flags & os.O_CLOEXEC
        request = _ADDED.pack(call.cookie, 0, opened.descriptor, 0, close_on_exec)
        return fcntl.ioctl(listener, _ADD_DESCRIPTOR, bytearray(request), True)
    finally:
        os.close(opened.descriptor)


def _read_text(task: int, address: int) -> bytes:
    """The text at `address`, page by page: what follows its end may not be mapped.

    Raises:
        OSError: It is not mapped, or longer than a path can be.
    """
    memory = os.open(f"/proc/{task}/mem", os.O_RDONLY | os.O_CLOEXEC)
    text = b""
    try:
        while len(text) < _MAX_PATH_BYTES:
            at = address + len(text)
            part = os.pread(memory, min(mmap.PAGESIZE - at % mmap.PAGESIZE, _MAX_PATH_BYTES - len(text)), at)
            before, end, _ = part.partition(b"\0")
            text += before
            if end:
                return text
            if not part:
                break
    except (OSError, OverflowError):
        raise OSError(errno.EFAULT, "a path that cannot be read") from None
    finally:
        os.close(memory)
    raise OSError(errno.ENAMETOOLONG, "a path without an end")


def _directory_of(task: int, descriptor: int) -> bytes:
    number = struct.unpack("=i", struct.pack("=I", descriptor & 0xFFFFFFFF))[0]
    link = f"/proc/{task}/cwd" if number == _AT_FDCWD else f"/proc/{task}/fd/{number}"
    try:
        return os.readlink(os.fsencode(link))
    except FileNotFoundError:
        raise OSError(errno.EBADF, "a directory that is not open") from None
