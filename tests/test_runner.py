import asyncio

import pytest
from builders import kinds, started

from agentui.errors import ConfigError
from agentui.events import TextDelta
from agentui.runner import LimitReached, Run


def run_of(*items, **options):
    async def body(run):
        for item in items:
            if isinstance(item, BaseException):
                raise item
            if isinstance(item, asyncio.Event):
                await item.wait()
            else:
                run.emit(item)
        return "answer"

    return Run(body, started(), **options)


async def test_a_body_that_returns_completes_the_run():
    result = await run_of(TextDelta(text="a")).wait()
    assert (result.status, result.output, kinds(result.records)) == (
        "completed",
        "answer",
        ["run_started", "text_delta", "run_finished"],
    )


async def test_stop_ends_with_exactly_one_stopped_record():
    run = run_of(asyncio.Event())
    async for _ in run.subscribe():
        run.stop()
    run.stop()
    assert kinds(run.records) == ["run_started", "stop_requested", "run_finished"]
    assert run.result.status == "stopped"


async def test_a_run_stopped_before_its_first_step_still_begins_and_ends():
    run = run_of(TextDelta(text="never"))
    run.stop()
    assert kinds((await run.wait()).records) == ["run_started", "stop_requested", "run_finished"]


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (ValueError("boom"), "failed", "ValueError: boom"),
        (ConfigError("no key"), "failed", "no key"),
        (LimitReached("max_steps"), "limit", "max_steps"),
    ],
)
async def test_whatever_the_body_raises_becomes_the_last_record(error, status, message):
    result = await run_of(error).wait()
    assert (result.status, result.error, result.output) == (status, message, None)


async def test_late_and_resuming_readers_see_the_same_records():
    run = run_of(TextDelta(text="a"), TextDelta(text="b"))
    await run.wait()
    assert [r async for batch in run.subscribe() for r in batch] == run.records
    assert [r async for batch in run.subscribe(after=1) for r in batch] == run.records[2:]


async def test_a_reader_that_goes_away_does_not_stop_the_run():
    gate = asyncio.Event()
    run = run_of(gate)
    reader = run.subscribe()
    await anext(reader)
    await reader.aclose()
    gate.set()
    assert (await run.wait()).status == "completed"


async def test_cancelling_a_wait_does_not_stop_the_run():
    gate = asyncio.Event()
    run = run_of(gate)
    waiting = asyncio.ensure_future(run.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    gate.set()
    assert (await run.wait()).status == "completed"


async def test_records_after_the_end_are_not_written():
    run = run_of()
    await run.wait()
    run.emit(TextDelta(text="late"))
    assert kinds(run.records) == ["run_started", "run_finished"]


async def test_sequence_numbers_have_no_gaps_and_time_does_not_run_back():
    run = run_of(*(TextDelta(text=str(i)) for i in range(50)))
    result = await run.wait()
    assert [record.seq for record in result.records] == list(range(52))
    assert [record.t for record in result.records] == sorted(record.t for record in result.records)


async def test_every_record_is_told_to_the_listener():
    heard = []
    run = run_of(TextDelta(text="a"), on_record=heard.append)
    await run.wait()
    assert heard == run.records
