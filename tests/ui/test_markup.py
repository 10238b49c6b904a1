"""Words of the page that do not change while it is open."""

import pytest

from agentui.cli.doctor import _sandbox_finding
from agentui.sandbox.base import SandboxInfo
from agentui.ui.markup import top_bar


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("", "It is held back."),
        ("not tier A: the host is not root", "It is held back. It is not tier A: the host is not root."),
        ("This is a test double.", "It is held back. This is a test double."),
    ],
)
def test_what_the_sandbox_promises_is_said_in_whole_sentences(reason, said):
    info = SandboxInfo(tier="B", promise="It is held back.", reason=reason)
    assert f">{said}</p>" in top_bar(info)
    assert _sandbox_finding(info).detail == f"tier B: {said}"
