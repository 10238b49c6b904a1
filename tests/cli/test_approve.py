"""Code that is shown in the terminal before it runs."""

import os
import sys

import pytest

from agentui.approval import Decision
from agentui.cli.approve import Approver, edited, forget_typed, terminal_approver
from agentui.errors import ConfigError
from agentui.steering_events import ApprovalRequested, Effect


def request(**fields):
    return ApprovalRequested(
        approval_id="a", step=1, code="import os\x1b[2J", effects=(Effect(kind="import", what="os", line=1),), **fields
    )


@pytest.mark.parametrize(
    ("typed", "editable", "expected"),
    [
        (["y\n"], True, Decision(verdict="approved")),
        (["what?\n", "YES\n"], True, Decision(verdict="approved")),
        (["n\n", "too bold\n"], True, Decision(verdict="rejected", reason="too bold")),
        (["n\n", "\n"], True, Decision(verdict="rejected")),
        ([None], True, Decision(verdict="rejected")),
        (["e\n"], True, Decision(verdict="edited", code="import os\x1b[2J  # looked at")),
        (["e\n", "y\n"], False, Decision(verdict="approved")),
    ],
)
def test_the_answer_decides(typed, editable, expected):
    lines, shown = iter(typed), []
    ask = Approver(lambda: next(lines), shown.append, lambda code: f"{code}  # looked at")
    assert ask(request(editable=editable)) == expected
    text = "".join(shown)
    assert "line 1: import os" in text
    assert "\x1b" not in text


def test_what_was_typed_before_the_code_was_seen_is_no_answer(monkeypatch):
    keyboard, terminal = os.openpty()
    with open(terminal, encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        os.write(keyboard, b"y\n")
        shown = []

        def write(text):
            shown.append(text)
            if text.startswith("Run it?"):
                os.write(keyboard, b"n\n")
            if text.startswith("Why?"):
                os.write(keyboard, b"too fast\n")

        ask = Approver(lambda: os.read(terminal, 1_000).decode(), write, edited, forget_typed)
        assert ask(request()) == Decision(verdict="rejected", reason="too fast")
    os.close(keyboard)


def test_the_editor_of_the_environment_changes_the_code(monkeypatch, tmp_path):
    script = tmp_path / "editor"
    script.write_text("#!/bin/sh\necho 'x = 2' > \"$1\"\n")
    script.chmod(0o700)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", str(script))
    assert edited("x = 1") == "x = 2\n"
    monkeypatch.setenv("EDITOR", str(tmp_path / "missing"))
    assert edited("x = 1") == ""


def test_without_a_terminal_there_is_nobody_to_ask(capfd):
    with pytest.raises(ConfigError, match="asks on a terminal"):
        terminal_approver()
