"""Run one piece of code in a thread of this process and tell a host about it. Used by `FakeSandbox` alone."""

from __future__ import annotations

import ast
import asyncio
import builtins
import ctypes
import linecache
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError, Future
from time import perf_counter
from types import CodeType
from typing import Any

from agentui.deltas import OutputStream
from agentui.errors import ToolError
from agentui.sandbox.base import ExecError, ExecHost, ExecResult

_MAX_REPR = 20_000


class Output:
    """What the code prints, up to a limit; later text is dropped and the cut is marked. Lives in the host's loop."""

    def __init__(self, host: ExecHost, max_bytes: int) -> None:
        self._host = host
        self._left = max_bytes
        self._max_bytes = max_bytes

    def emit(self, stream: OutputStream, text: str) -> None:
        """Hand `text` to the host."""
        if self._left < 0 or not text:
            return
        data = text.encode("utf-8", "replace")
        self._left -= len(data)
        if self._left >= 0:
            self._host.output(stream, text)
            return
        kept = data[: self._left].decode("utf-8", "ignore")
        self._host.output(stream, f"{kept}\n[output cut at {self._max_bytes} bytes]\n")


class CodeThread:
    """One run of one piece of code; `run` is called in a thread, everything else in the host's event loop."""

    def __init__(
        self,
        code: str,
        filename: str,
        namespace: dict[str, Any],
        tools: Sequence[str],
        host: ExecHost,
        output: Output,
    ) -> None:
        self._code = code
        self._filename = filename
        self._namespace = namespace
        self._host = host
        self._output = output
        self._loop = asyncio.get_running_loop()
        self._thread_id: int | None = None
        self._lock = threading.Lock()
        self._tool_call: Future[Any] | None = None
        offered = {name: self._tool(name) for name in tools}
        namespace.update(offered, final_answer=_final_answer, __builtins__={**vars(builtins), "print": self._print})

    def run(self) -> ExecResult:
        """Run the code to its end, however it ends."""
        started = perf_counter()
        linecache.cache[self._filename] = (len(self._code), None, self._code.splitlines(True), self._filename)
        with self._lock:
            self._thread_id = threading.get_ident()
        value = None
        with _Catch() as caught:
            value = self._evaluate()
        with self._lock:
            self._thread_id = None
        is_final = isinstance(caught.error, _FinalAnswer)
        if isinstance(caught.error, _FinalAnswer):
            value = caught.error.value
        error = None if is_final or caught.error is None else self._describe(caught.error)
        return ExecResult(
            value=value,
            value_repr=None if value is None else repr(value)[:_MAX_REPR],
            is_final=is_final,
            error=error,
            duration_s=perf_counter() - started,
        )

    def interrupt(self) -> None:
        """Raise `KeyboardInterrupt` in the code, at its next line of Python."""
        with self._lock:
            if self._tool_call is not None:
                self._tool_call.cancel()
            if self._thread_id is not None:
                target, error = ctypes.c_ulong(self._thread_id), ctypes.py_object(KeyboardInterrupt)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(target, error)

    def _evaluate(self) -> Any:
        body, last = _split(ast.parse(self._code, self._filename), self._filename)
        exec(body, self._namespace)
        return None if last is None else eval(last, self._namespace)

    def _print(
        self, *values: object, sep: str | None = " ", end: str | None = "\n", file: Any = None, **_: Any
    ) -> None:
        text = (" " if sep is None else sep).join(map(str, values)) + ("\n" if end is None else end)
        if file is None or file is sys.stdout or file is sys.stderr:
            stream: OutputStream = "stderr" if file is sys.stderr else "stdout"
            self._loop.call_soon_threadsafe(self._output.emit, stream, text)
        else:
            file.write(text)

    def _tool(self, name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            with self._lock:
                pending = asyncio.run_coroutine_threadsafe(self._call_tool(name, args, kwargs), self._loop)
                self._tool_call = pending
            try:
                return pending.result()
            except ToolError as error:
                raise RuntimeError(str(error)) from None
            except CancelledError:
                raise KeyboardInterrupt from None
            finally:
                self._tool_call = None

        call.__name__ = name
        return call

    async def _call_tool(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        return await self._host.call_tool(name, args, kwargs)

    def _describe(self, error: BaseException) -> ExecError:
        frames = error.__traceback__
        while frames is not None and frames.tb_frame.f_code.co_filename != self._filename:
            frames = frames.tb_next
        own = [frame for frame in traceback.extract_tb(frames) if frame.filename == self._filename]
        line = own[-1].lineno if own else getattr(error, "lineno", None)
        text = "".join(traceback.format_exception(type(error), error, frames))
        return ExecError(kind=type(error).__name__, message=str(error), traceback=text, line=line)


class _Catch:
    """Keeps what the code raised, whatever it is: `SystemExit` and `KeyboardInterrupt` end only the code."""

    error: BaseException | None = None

    def __enter__(self) -> _Catch:
        return self

    def __exit__(self, kind: object, error: BaseException | None, frames: object) -> bool:
        self.error = error
        return True


class _FinalAnswer(BaseException):
    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


def _final_answer(*values: Any, **named: Any) -> None:
    given = [*values, *named.values()]
    if len(given) != 1:
        raise TypeError("final_answer() takes one value: final_answer(answer)")
    raise _FinalAnswer(given[0])


def _split(tree: ast.Module, filename: str) -> tuple[CodeType, CodeType | None]:
    """The statements, and the last one apart where it is an expression whose value is the result."""
    if tree.body and isinstance(last := tree.body[-1], ast.Expr):
        body = ast.Module(tree.body[:-1], tree.type_ignores)
        return compile(body, filename, "exec"), compile(ast.Expression(last.value), filename, "eval")
    return compile(tree, filename, "exec"), None
