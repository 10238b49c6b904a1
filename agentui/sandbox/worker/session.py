"""The loop of a worker: one request of the host at a time, in one namespace that lives as long as the process."""

from __future__ import annotations

import builtins
import os
import socket
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

from agentui.sandbox import codec
from agentui.sandbox.confinement import WorkerOptions
from agentui.sandbox.frames import FrameError
from agentui.sandbox.worker import display, snapshot
from agentui.sandbox.worker.inputs import InputStore
from agentui.sandbox.worker.link import Interrupts, Link
from agentui.sandbox.worker.output import Output
from agentui.sandbox.worker.reducers import WorkFolder
from agentui.sandbox.worker.step import Step
from agentui.sandbox.worker.tools import FinalAnswer, HostTools
from agentui.sandbox.worker.variables import Variables


def serve(connection: socket.socket, options: WorkerOptions) -> NoReturn:
    """Serve the host on `connection` until it hangs up."""
    session = Session(connection, options)
    session.link.send({"t": "ready"})
    while True:
        session.serve_one()


class Session:
    """The namespace and the connections of a worker."""

    def __init__(self, connection: socket.socket, options: WorkerOptions) -> None:
        self.final: FinalAnswer | None = None
        self.interrupts = Interrupts(lambda: self.final or KeyboardInterrupt("the step was interrupted"))
        self.link = Link(connection, self.interrupts)
        self.output = Output(self.link, self.interrupts)
        self.tools = HostTools(self.link, self.output)
        self.main = ModuleType("__main__")
        self.functions: dict[str, Callable[..., Any]] = {}
        "What the host gives the code to call, by name."
        self.environment = dict(os.environ)
        "As it was before the first step."
        self._inputs = InputStore(vars(self.main), opens_files=options.confinement.syscalls != "no_files")
        self._pictures = 0
        self._install(options)
        self.variables = Variables(vars(self.main), self.functions.values())

    def serve_one(self) -> None:
        """Wait for a request and answer it."""
        frame, blob = self.tools.next_request()
        match frame:
            case {
                "t": "run",
                "n": int(number),
                "code": str(code),
                "max_output_bytes": int(max_bytes),
                "interrupts": int(interrupts),
                "label": int(label),
                "whole": bool(whole),
            }:
                self.final = None
                self.output.begin(max_bytes)
                self._run(number, Step(code, label, self, whole=whole), interrupts)
            case {"t": "put", "variables": variables}:
                values: dict[str, Any] = codec.decode(variables, blob)
                vars(self.main).update(values)
                self.link.send({"t": "stored"})
            case {"t": "snapshot", "n": int(), "interrupts": int(), "max_bytes": int(), "known": list()}:
                snapshot.save(self, frame)
            case {"t": "restore", "n": int(), "interrupts": int(), "bytes": int(), "buffers": list()}:
                snapshot.load(self, frame)
            case {"t": "file", "name": str(name), "begins": bool(begins), "ends": bool(ends)}:
                self._store(name, blob, begins=begins, ends=ends)
            case _:
                os._exit(1)

    def answer(self, *arguments: Any, **named: Any) -> NoReturn:
        """End the step at once with a value as the final answer."""
        if len(arguments) == 1 and not named:
            value = arguments[0]
        elif len(named) == 1 and not arguments:
            value = next(iter(named.values()))
        else:
            raise TypeError("final_answer() takes one value: final_answer(answer)")
        if self.final is None:
            self.final = FinalAnswer(value)
        if self.interrupts.interrupt_main_from_thread():
            # Only this very class ends a thread without a word on stderr.
            raise SystemExit
        raise self.final

    def emit(self, stem: str, media_type: str, data: bytes) -> None:
        """Hand a file that the step made to the host."""
        self.output.flush()
        self._pictures += 1
        suffix = media_type.rpartition("/")[2]
        header = {"t": "artifact", "name": f"{stem}-{self._pictures}.{suffix}", "type": media_type}
        try:
            self.link.send_in_step(header, data)
        except FrameError as error:
            sys.stderr.write(f"[{header['name']} is not kept: {error}]\n")

    def _store(self, name: str, piece: bytes, *, begins: bool, ends: bool) -> None:
        try:
            self._inputs.take(name, piece, begins=begins, ends=ends)
        except OSError as error:
            self.link.send({"t": "refused", "message": error.strerror or str(error)})
        else:
            self.link.send({"t": "stored"})

    def _install(self, options: WorkerOptions) -> None:
        """Put the namespace, the streams and the functions of the host in place."""
        self.output.install()
        display.connect(self.emit)
        sys.modules["__main__"] = self.main
        sys.path.insert(0, "")
        sys.argv[:] = [""]
        WorkFolder.path = os.getcwd()
        tools = {name: self.tools.function(name) for name in options.tools}
        self.functions = (
            {"display": display.show}
            | tools
            | {"input": _no_input, "final_answer": _named("final_answer", self.answer)}
        )
        # Beneath the namespace, not in it: a name that a step assigns hides a function until it is deleted.
        builtins.__dict__.update(self.functions)
        self._builtins = dict(builtins.__dict__)

    def repair(self) -> None:
        """Undo what a step's code did to the builtins and the streams, which this process itself lives on."""
        builtins.__dict__.update(self._builtins)
        self.output.install()

    def _run(self, number: int, step: Step, interrupts: int) -> None:
        # A name assigned in an earlier step would hide the function, and no step could ever end the run.
        vars(self.main).pop("final_answer", None)
        self.link.begin_step(number)
        header, blob = step.run(interrupts)
        self.output.end()
        try:
            self.link.end_step({"t": "done", **header}, blob)
        except FrameError:
            text = codec.Repr(header["repr"], "value", "size")
            self.link.end_step({"t": "done", **header, "value": codec.encode(text)[0]}, b"")


def _no_input(prompt: object = "", /) -> NoReturn:
    raise RuntimeError("input() does not work here, nobody is there to answer: write the value into the code")


def _named(name: str, function: Any) -> Any:
    def call(*arguments: Any, **named: Any) -> Any:
        return function(*arguments, **named)

    call.__name__ = call.__qualname__ = name
    return call
