"""Code that runs where nobody called it: destructors, which may print in the middle of any other print."""

from __future__ import annotations

from agentui.sandbox.session import LocalSandbox
from tests.sandbox.helpers import RecordingHost, run

PRINTING = """
import gc
class Prints:
    def __init__(self): self.me = self
    def __del__(self): print("gone")
before = gc.get_threshold()
gc.set_threshold(1)
try:
    for number in range(300):
        Prints()
        print("number", number)
finally:
    gc.set_threshold(*before)
"""


async def test_a_destructor_may_print_while_text_is_sent(sandbox: LocalSandbox, host: RecordingHost) -> None:
    await run(sandbox, host, PRINTING)
    assert host.text().count("number") == 300
    assert host.text().count("gone") > 200
    assert await run(sandbox, host, "6 * 7") == 42
