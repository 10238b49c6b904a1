import asyncio

from agentui.testing import FakeClock
from agentui.ui.pace import FASTEST_S, SLOWEST_S, pace
from agentui.ui.signals import Changes, Watch, frames


class Page:
    """Collects frames with a clock that the test moves."""

    def __init__(self, pace_s=0.05, beat_s=10.0):
        self.clock, self.changes, self.watch = FakeClock(), Changes(), Watch()
        self.seen: list[bool] = []
        self.frames = frames(
            self.changes, self.watch, pace_s=lambda: pace_s, beat_s=beat_s, clock=self.clock, sleep=self.clock.sleep
        )
        self.task = asyncio.ensure_future(self._collect())

    async def _collect(self):
        async for changed in self.frames:
            self.seen.append(changed)

    async def settle(self):
        for _ in range(20):
            await asyncio.sleep(0)

    async def close(self):
        self.watch.close()
        await self.task


async def test_the_first_frame_comes_at_once():
    page = Page()
    await page.settle()
    assert page.seen == [True]
    await page.close()


async def test_changes_between_two_frames_become_one_frame():
    page = Page(pace_s=0.05)
    await page.settle()
    for _ in range(100):
        page.changes.touch()
    await page.settle()
    assert page.seen == [True]
    page.clock.advance(0.05)
    await page.settle()
    assert page.seen == [True, True]
    await page.close()


async def test_a_change_after_a_pause_is_shown_at_once():
    page = Page(pace_s=0.05)
    await page.settle()
    page.clock.advance(1.0)
    page.changes.touch()
    await page.settle()
    assert page.seen == [True, True]
    await page.close()


async def test_never_more_frames_than_the_pace_allows():
    page = Page(pace_s=0.05)
    await page.settle()
    for _ in range(100):
        page.changes.touch()
        page.clock.advance(0.01)
        await page.settle()
    assert len(page.seen) <= 1 + 1.0 / 0.05
    await page.close()


async def test_silence_brings_a_heartbeat_and_nothing_else():
    page = Page(beat_s=10.0)
    await page.settle()
    for _ in range(3):
        page.clock.advance(10.0)
        await page.settle()
    assert page.seen == [True, False, False, False]
    await page.close()


async def test_closing_ends_it_at_once_even_in_silence():
    page = Page(beat_s=1e9)
    await page.settle()
    await page.close()
    assert page.task.done()
    assert page.clock.sleeping == () or all(future for future in page.clock.sleeping)


async def test_a_change_that_came_between_two_looks_is_not_missed():
    changes = Changes()
    seen = changes.count
    changes.touch()
    await asyncio.wait_for(changes.since(seen), 1)


def test_long_code_slows_the_pace_within_bounds():
    paces = [pace(size) for size in (0, 1_000, 5_000, 10_000, 10**7)]
    assert paces == sorted(paces)
    assert paces[0] == FASTEST_S >= 1 / 30
    assert paces[-1] == SLOWEST_S
