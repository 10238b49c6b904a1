"""One step: compile the code, run it in the session's namespace, and say how it ended."""

from __future__ import annotations

import ast
import asyncio
import inspect
import itertools
import linecache
from collections.abc import Coroutine
from types import CodeType
from typing import TYPE_CHECKING, Any, Final

from agentui.sandbox import codec
from agentui.sandbox.worker import display
from agentui.sandbox.worker.caught import Caught
from agentui.sandbox.worker.errors import bare_description, describe
from agentui.sandbox.worker.tools import FinalAnswer

if TYPE_CHECKING:
    from agentui.sandbox.worker.session import Session

_FLAGS: Final = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_Report = tuple[dict[str, Any], bytes]


class _Loop:
    """The event loop of top-level `await`, kept between steps with the tasks that they left."""

    runner: asyncio.Runner | None = None


def _run_async(awaitable: Coroutine[Any, Any, Any]) -> Any:
    runner = _Loop.runner = _Loop.runner or asyncio.Runner()
    runner.get_loop().set_exception_handler(_report_lost_error)
    try:
        return runner.run(awaitable)
    except (KeyboardInterrupt, SystemExit):
        # These leave the loop in the middle of its tasks: none of them must go on in the next step.
        _Loop.runner = None
        runner.close()
        raise


def _report_lost_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if not isinstance(context.get("exception"), FinalAnswer):
        loop.default_exception_handler(context)


class Step:
    """A piece of code that is about to run."""

    def __init__(self, code: str, label: int, session: Session, *, whole: bool = False) -> None:
        self._whole = whole
        self._code = code
        self._lines = code.splitlines(keepends=True)
        self._filename = _free_name(f"step-{label}", self._lines)
        self._session = session
        self._report: _Report = ({}, b"")
        self._settled = False

    def run(self, interrupts: int) -> _Report:
        """Run to the end, whatever happens; returns the fields of the answer to the host.

        Args:
            interrupts: How many the host had sent before this step.
        """
        with Caught() as interrupted:
            self._session.interrupts.arm(interrupts)
            if self._whole:
                self._tell_variables(before=True)
            with Caught() as code:
                self._run_code()
            self._session.repair()
            self._settle(code.error)
            self._settled = True
            self._tell_variables(before=False)
            self._session.interrupts.armed = False
        self._session.interrupts.armed = False
        if interrupted.error is not None and not self._settled:
            # The interrupt came while the report was made: a short one, which runs no foreign code, must do.
            return {"error": bare_description(interrupted.error)}, b""
        return self._report

    def _tell_variables(self, *, before: bool) -> None:
        """Say what is there before the code, or what became of it; where that fails, the next step says it."""
        link = self._session.link
        with Caught() as failed:
            self._session.variables.tell(
                lambda fields: link.send_in_step({"t": "state", "before": before, **fields}), whole=before
            )
        if isinstance(failed.error, KeyboardInterrupt):
            raise failed.error

    def _run_code(self) -> None:
        linecache.cache[self._filename] = (len(self._code), None, self._lines, self._filename)
        tree = ast.parse(self._code, self._filename)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        parts = [compile(tree, self._filename, "exec", _FLAGS, dont_inherit=True)]
        if isinstance(last, ast.Expr):
            expression = ast.Expression(last.value)
            parts.append(compile(expression, self._filename, "eval", _FLAGS, dont_inherit=True))
        if any(part.co_flags & inspect.CO_COROUTINE for part in parts):
            value = _run_async(self._evaluate_async(parts))
        else:
            value = [eval(part, vars(self._session.main)) for part in parts][-1]
        self._show(value)

    async def _evaluate_async(self, parts: list[CodeType]) -> Any:
        value = None
        for part in parts:
            value = eval(part, vars(self._session.main))
            if part.co_flags & inspect.CO_COROUTINE:
                value = await value
        return value

    def _show(self, value: Any) -> None:
        display.show_figures()
        if value is not None:
            display.show_value(value)
            self._keep(value)

    def _keep(self, value: Any, **fields: Any) -> None:
        data, blob = codec.encode(value)
        self._report = {"value": data, "repr": codec.short_repr(value), **fields}, blob

    def _settle(self, error: BaseException | None) -> None:
        """Turn an exception into the report; an answer that was given stands, even if the code swallowed it."""
        final = self._session.final
        if final is None and isinstance(error, FinalAnswer):
            final = error
        if final is not None:
            with Caught() as failed:
                display.show_figures()
                display.show_value(final.value)
                self._keep(final.value, final=True)
            error = failed.error
        elif error is not None:
            with Caught():
                display.show_figures()
        if error is not None:
            self._report = {"error": self._describe(error)}, b""

    def _describe(self, error: BaseException) -> dict[str, Any]:
        with Caught() as failed:
            return describe(error, self._filename)
        if isinstance(failed.error, KeyboardInterrupt):
            raise failed.error
        return bare_description(error)


def _free_name(label: str, lines: list[str]) -> str:
    """What the source is called: functions of other code with this label still show the lines that are theirs."""
    name = f"<{label}>"
    for count in itertools.count(2):
        taken: Any = linecache.cache.get(name)
        if taken is None or taken[2] == lines:
            break
        name = f"<{label} ({count})>"
    return name
