"""FakeClock moves only by hand."""

from __future__ import annotations

import asyncio

import pytest

from agentui.testing import FakeClock


def test_time_stands_still_until_it_is_advanced():
    clock = FakeClock(5.0)
    assert (clock(), clock()) == (5.0, 5.0)
    clock.advance(2.5)
    assert clock() == 7.5
    with pytest.raises(ValueError, match="cannot go back"):
        clock.advance(-1)


async def test_sleepers_wake_when_their_time_has_come():
    clock = FakeClock()
    woken = []

    async def sleep(delay_s):
        await clock.sleep(delay_s)
        woken.append(delay_s)

    tasks = [asyncio.create_task(sleep(delay_s)) for delay_s in (3, 1, 2, 0)]
    await asyncio.sleep(0)
    assert clock.sleeping == (1, 2, 3)
    tasks[2].cancel()
    await asyncio.sleep(0)
    assert clock.sleeping == (1, 3)
    clock.advance(0.5)
    await asyncio.sleep(0)
    assert woken == [0]
    clock.advance(0.5)
    clock.advance(9)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert woken == [0, 1, 3]
