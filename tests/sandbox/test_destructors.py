"""Code that runs where nobody called it: destructors, which may print in the middle of any other print."""

from __future__ import annotations

from agentui.sandbox.session import LocalSandbox
from tests.sandbox.helpers import RecordingHost, run

PRINTING = """
import gc, sys
class Prints:
    def __init__(self): self.me = self
    def __del__(self): print("gone")
before = gc.get_threshold()
try:
    for number in range(300):
        # The collector runs a little later each time: at every place of a print, and of sending it.
        gc.collect()
        gc.set_threshold(1 + number % 100)
        Prints()
        print("number", number)
        sys.stdout.flush()
finally:
    gc.set_threshold(*before)
"""


async def test_a_destructor_may_print_while_text_is_sent(sandbox: LocalSandbox, host: RecordingHost) -> None:
    await run(sandbox, host, PRINTING)
    assert host.text().count("number") == 300
    assert host.text().count("gone") > 200
    assert await run(sandbox, host, "6 * 7") == 42
