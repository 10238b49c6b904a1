"""The session's state as bytes, made and read in workers only: to read them is to run code that the session chose.

One pickle holds all variables, so what they share stays shared. Where it cannot be made, the variables are tried one
by one, and those that cannot be kept are named. Besides: the random generators, changes of the environment, the
current directory, and the source of the steps. Large buffers travel apart, those that the host has not at all.
"""

from __future__ import annotations

import hashlib
import io
import linecache
import os
import pickle
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, cast

from agentui.sandbox.worker import reducers
from agentui.sandbox.worker.caught import Caught
from agentui.sandbox.worker.reducers import Absent, StatePickler, WorkFolder

if TYPE_CHECKING:
    from agentui.sandbox.worker.session import Session

CHUNK_BYTES: Final = 4 << 20
_MIN_BUFFER_BYTES: Final = 64 << 10
"Smaller buffers are part of the pickle."
_MAX_DEPTH: Final = 5_000
"Of recursion while pickling: a limit that the code set would be too low for a chain, or let it overflow the stack."
_MAX_MISSING: Final = 500
_MODULE_NAMES: Final = frozenset({*vars(ModuleType("__main__")), "__builtins__", "final_answer"})


class TooLarge(Exception):
    """The state takes more bytes than a snapshot may have."""


class State:
    """A pickled state."""

    def __init__(self, max_bytes: int) -> None:
        self.parts: list[bytes] = []
        self.buffers: list[memoryview] = []
        self.missing: dict[str, str] = {}
        self.max_bytes = max_bytes
        self._bytes_left = max_bytes

    def begin_again(self, beginning: bytes) -> None:
        """Forget all that was taken but `beginning`."""
        self.parts, self.buffers = [beginning], []
        self._bytes_left = self.max_bytes - len(beginning)

    def write(self, data: Any) -> int:
        """Take bytes of the pickle."""
        part = bytes(data)
        self._spend(len(part))
        self.parts.append(part)
        return len(part)

    def keep_buffer(self, buffer: pickle.PickleBuffer) -> bool:
        """Take a buffer; True leaves it to the pickle."""
        raw = buffer.raw()
        if raw.nbytes < _MIN_BUFFER_BYTES:
            return True
        self._spend(raw.nbytes)
        self.buffers.append(raw)
        return False

    def _spend(self, size: int) -> None:
        self._bytes_left -= size
        if self._bytes_left < 0:
            raise TooLarge(f"the variables take more than {self.max_bytes:,} bytes")


class Quiet(io.TextIOBase):
    """Drops what the main thread prints: objects that print while they are pickled; other threads print as ever."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._main = threading.get_ident()

    def write(self, text: str, /) -> int:
        """Print, unless the main thread does."""
        return len(text) if threading.get_ident() == self._main else self._stream.write(text)

    def flush(self) -> None:
        """As `write`."""
        if threading.get_ident() != self._main:
            self._stream.flush()


def apart(session: Session, interrupts: int, action: Callable[[], object]) -> BaseException | None:
    """Run foreign code between two steps: interruptible, its output dropped. Returns whatever it raised."""
    streams, depth = (sys.stdout, sys.stderr), sys.getrecursionlimit()
    failed, late = Caught(), Caught()
    with late:
        with failed:
            sys.stdout, sys.stderr = (cast(Any, Quiet(stream)) for stream in streams)
            sys.setrecursionlimit(_MAX_DEPTH)
            session.interrupts.arm(interrupts)
            action()
        session.interrupts.armed = False
    session.interrupts.armed = False
    session.final = None
    sys.stdout, sys.stderr = streams
    sys.setrecursionlimit(depth)
    return failed.error or late.error


def save(session: Session, request: Mapping[str, Any]) -> None:
    """Answer the host's wish for a snapshot with `saved` and its parts, or with `refused` and a reason."""
    state = State(request["max_bytes"])
    digests: list[str] = []

    def pickle_all() -> None:
        _pickle(session, state)
        digests.extend(hashlib.sha256(buffer).hexdigest() for buffer in state.buffers)

    number = request["n"]
    if _refused(session, number, apart(session, request["interrupts"], pickle_all)):
        return
    known = frozenset(request["known"])
    stream = b"".join(state.parts)
    header = {
        "t": "saved",
        "n": number,
        "bytes": len(stream),
        "buffers": [[digest, buffer.nbytes] for digest, buffer in zip(digests, state.buffers, strict=True)],
        "missing": _few(state.missing),
    }
    session.link.send(header)
    new = [buffer for digest, buffer in zip(digests, state.buffers, strict=True) if digest not in known]
    for part in (memoryview(stream), *new):
        for start in range(0, part.nbytes, CHUNK_BYTES):
            if session.interrupts.received > request["interrupts"]:
                session.link.send({"t": "refused", "n": number, "reason": "it was interrupted"})
                return
            session.link.send({"t": "part", "n": number}, bytes(part[start : start + CHUNK_BYTES]))


def load(session: Session, request: Mapping[str, Any]) -> None:
    """Make a state that `save` sent this session's own; its parts follow the request."""
    number = request["n"]
    stream = _receive(session, request["bytes"])
    buffers = [_receive(session, size) for size in request["buffers"]]
    missing: dict[str, str] = {}
    error = apart(session, request["interrupts"], lambda: missing.update(_unpickle(session, stream, buffers)))
    if not _refused(session, number, error):
        session.link.send({"t": "restored", "n": number, "missing": _few(missing)})


def _refused(session: Session, number: int, error: BaseException | None) -> bool:
    if error is None:
        return False
    reasons: list[str] = []
    apart(session, session.interrupts.received, lambda: reasons.append(reason_of(error)))
    session.link.send({"t": "refused", "n": number, "reason": reasons[0] if reasons else type(error).__name__})
    return True


def reason_of(error: BaseException) -> str:
    """`error` in a line."""
    with Caught() as failed:
        text = str(error) if isinstance(error, TooLarge | pickle.PicklingError) else f"{type(error).__name__}: {error}"
        return " ".join(text.split())[:300]
    if isinstance(failed.error, KeyboardInterrupt):
        raise failed.error
    return type(error).__name__


def _pickle(session: Session, state: State) -> None:
    import_module("cloudpickle")
    names = {name: value for name, value in vars(session.main).items() if name not in _MODULE_NAMES}
    anchors = _anchors(session)
    pickle.dump([list(anchors), _surroundings(session)], cast(Any, state), protocol=5)
    beginning = b"".join(state.parts)
    with Caught() as failed:
        _dump(session, anchors, names, state)
        return
    _raise_if_ending(failed.error)
    kept: dict[str, Any] = {}
    for name, value in names.items():
        alone = State(state.max_bytes)
        with Caught() as failed:
            _dump(session, anchors, {name: value}, alone)
            kept[name] = value
        _raise_if_ending(failed.error)
        if failed.error is not None:
            state.missing[name] = reason_of(failed.error)
    state.begin_again(beginning)
    _dump(session, anchors, kept, state)


def _raise_if_ending(error: BaseException | None) -> None:
    if isinstance(error, KeyboardInterrupt | TooLarge):
        raise error


def _dump(session: Session, anchors: Mapping[str, Any], names: dict[str, Any], state: State) -> None:
    StatePickler(
        state,
        anchors=list(anchors.values()),
        namespace=vars(session.main),
        work_dir=WorkFolder.path,
        buffer_callback=state.keep_buffer,
    ).dump(names)


def _anchors(session: Session) -> dict[str, Any]:
    """What every session has of its own, by name."""
    own = {"main": session.main, "names": vars(session.main)}
    streams = {"stdout": sys.__stdout__, "stderr": sys.__stderr__}
    return own | streams | {f"function {name}": function for name, function in session.functions.items()}


def _surroundings(session: Session) -> dict[str, Any]:
    """What is not a variable and yet what the next step may depend on."""
    numpy: Any = sys.modules.get("numpy")
    chance: Any = sys.modules.get("random")
    environment = dict(os.environ)
    cache: dict[str, Any] = dict(linecache.cache)
    sources = {name: entry[2] for name, entry in cache.items() if name.startswith("<step-")}
    return {
        "directory": reducers.work_folder(),
        "set": {name: text for name, text in environment.items() if session.environment.get(name) != text},
        "unset": [name for name in session.environment if name not in environment],
        "random": chance and chance.getstate(),
        "numpy": numpy and numpy.random.get_state(),
        "sources": sources,
    }


def _unpickle(session: Session, stream: bytearray, buffers: Sequence[bytearray]) -> dict[str, str]:
    file = io.BytesIO(stream)
    anchor_names, surroundings = pickle.load(file)
    missing = _enter(surroundings)
    anchors = _anchors(session)
    own = [anchors[name] if name in anchors else Absent(f"there is no {name} here") for name in anchor_names]
    names = reducers.load(own, file.read(), buffers)
    gone = {name: value for name, value in names.items() if isinstance(value, Absent)}
    vars(session.main).update({name: value for name, value in names.items() if name not in gone})
    return missing | {name: vars(value)["reason"] for name, value in gone.items()}


def _enter(surroundings: Mapping[str, Any]) -> dict[str, str]:
    """Take on the surroundings, the directory first: modules in it are imported while variables are loaded."""
    missing: dict[str, str] = {}
    with Caught() as failed:
        if surroundings["directory"] != ".":
            os.chdir(os.path.join(WorkFolder.path, surroundings["directory"]))
    if failed.error is not None:
        missing["current directory"] = reason_of(failed.error)
    os.environ.update(surroundings["set"])
    for name in surroundings["unset"]:
        os.environ.pop(name, None)
    if surroundings["random"] is not None:
        sys.modules["random"].setstate(surroundings["random"])
    if surroundings["numpy"] is not None:
        numpy: Any = reducers.make_module("numpy")
        numpy.random.set_state(surroundings["numpy"])
    for name, lines in surroundings["sources"].items():
        linecache.cache[name] = (sum(map(len, lines)), None, lines, name)
    return missing


def _receive(session: Session, size: int) -> bytearray:
    data = bytearray()
    while len(data) < size:
        _, blob = session.link.receive()
        data += blob
    return data


def _few(missing: Mapping[str, str]) -> dict[str, str]:
    named = {name[:200]: reason for name, reason in list(missing.items())[:_MAX_MISSING]}
    left = len(missing) - len(named)
    return named | ({"other names": f"{left:,} more cannot be kept"} if left > 0 else {})
