"""What code makes in gigabytes costs the host no more memory than its limits, and no other session notices."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, resource, sys
from agentui.sandbox.local import LocalSandboxPool
from tests.sandbox.helpers import TOOLS, RecordingHost

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10

async def main(tier, code):
    pool = LocalSandboxPool(tier=tier)
    bad, good = await pool.open(tools=TOOLS), await pool.open(tools=TOOLS)
    host, neighbour = RecordingHost(), RecordingHost()
    for sandbox in (bad, good):
        await sandbox.execute("x = 7", RecordingHost())
    before = peak()
    neighbour_task = asyncio.create_task(good.execute("echo('early')\\nwait()\\necho(x)", neighbour))
    await neighbour.called.wait()
    result = await bad.execute(code, host, timeout_s=60)
    neighbour.opened.set()
    after = await neighbour_task
    grown = peak() - before
    again = await bad.execute("x", RecordingHost())
    printed = sum(len(text) for _, text in host.output_parts)
    print([after.value, after.error, grown < 120, grown])
    print([again.value, again.state_lost])
    print([result.error and result.error.kind, result.error and result.error.message])
    print([printed < 1_100_000, "output cut" in host.text(), len(host.calls), host.text("stdout")[:200]])
    await pool.close()

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


def outcome(tier: str, code: str) -> list[str]:
    """Run `code` beside a neighbour, in a host of its own whose peak of memory is measured."""
    command = [sys.executable, "-c", PROGRAM, tier, code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=90)
    if "SandboxUnavailable" in done.stderr:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


CALL = (
    "try:\n    echo({argument})\nexcept (RuntimeError, MemoryError) as error:\n    print(type(error).__name__, error)"
)


@pytest.mark.timeout(100)
def test_a_gigabyte_of_output_is_cut_and_costs_the_host_little() -> None:
    neighbour, again, error, printed = outcome("B", "for _ in range(1_000): print('x' * 1_000_000)")
    assert neighbour.startswith("[7, None, True"), neighbour
    assert (again, error) == ("[7, False]", "[None, None]")
    assert printed.startswith("[True, True, 0"), printed


@pytest.mark.timeout(100)
@pytest.mark.parametrize(
    "argument",
    ["'x' * (900 << 20)", "['x' * (12 << 20)] * 90", "[[0] * 100_000] * 10_000"],
    ids=["text", "texts", "numbers"],
)
def test_an_argument_of_a_gigabyte_is_a_clear_error_and_keeps_the_state(argument: str) -> None:
    neighbour, again, error, printed = outcome("B", CALL.format(argument=argument))
    assert neighbour.startswith("[7, None, True"), neighbour
    assert (again, error) == ("[7, False]", "[None, None]")
    assert printed.startswith("[True, False, 0, 'RuntimeError "), printed
    assert "of echo() cannot be sent to the host: too large" in printed
