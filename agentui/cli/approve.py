"""`--approve`: the code of a step is shown in the terminal, with what it would do, before it runs."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from agentui.approval import Decision
from agentui.cli.terminal import clean, one_line
from agentui.errors import ConfigError
from agentui.steering_events import ApprovalRequested

if sys.platform != "win32":
    import termios

_QUESTION = "Run it? y = yes, n = no, e = edit it first: "


def terminal_approver() -> Callable[[ApprovalRequested], Decision]:
    """Whom to ask when the run happens in a terminal.

    Raises:
        ConfigError: Nobody sits there.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfigError("--approve asks on a terminal, and this is none: leave it out, or run it in a terminal")
    return Approver(_read_line, _write, edited, forget_typed)


class Approver:
    """Asks for every piece of code.

    Args:
        read: Gives the next line that is typed; None at the end of the input.
        write: Shows text.
        edit: Gives the code as somebody has changed it.
        forget: Called before the question: what was typed before the code was seen is no answer to it.
    """

    def __init__(
        self,
        read: Callable[[], str | None],
        write: Callable[[str], object],
        edit: Callable[[str], str],
        forget: Callable[[], object] = lambda: None,
    ) -> None:
        self._read, self._write, self._edit, self._forget = read, write, edit, forget

    def __call__(self, request: ApprovalRequested) -> Decision:
        """Ask until there is an answer; the end of the input is a no."""
        self._write(f"\n{clean(request.code).rstrip()}\n\n")
        for effect in request.effects:
            self._write(f"  line {effect.line}: {effect.kind} {one_line(effect.what)}\n")
        self._forget()
        while True:
            self._write(_QUESTION if request.editable else _QUESTION.replace(", e = edit it first", ""))
            answer = self._read()
            match (answer or "n").strip().lower():
                case "y" | "yes":
                    return Decision(verdict="approved")
                case "e" | "edit" if request.editable:
                    code = self._edit(request.code)
                    if code.strip():
                        return Decision(verdict="edited", code=code)
                case "n" | "no":
                    self._write("" if answer is None else "Why? The model reads it: ")
                    reason = None if answer is None else (self._read() or "").strip()
                    return Decision(verdict="rejected", reason=reason or None)
                case _:
                    pass


def edited(code: str) -> str:
    """`code` as it is after it was opened in the editor; unchanged code is what it was."""
    editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    with tempfile.TemporaryDirectory(prefix="agentui-") as folder:
        path = Path(folder) / "code.py"
        path.write_text(code, encoding="utf-8")
        try:
            subprocess.run([*editor, str(path)], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            _write(f"the editor {editor[0]!r} failed ({error}): set EDITOR to one that is there\n")
            return ""
        return path.read_text(encoding="utf-8", errors="replace")


def forget_typed() -> None:
    """Drop what was typed on the terminal and not read yet."""
    if sys.platform != "win32":
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)


def _read_line() -> str | None:
    # Not through `sys.stdin`, whose lock a thread that waits here would hold when the program ends.
    line = os.read(sys.stdin.fileno(), 65_536)
    return line.decode("utf-8", "replace") if line else None


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
