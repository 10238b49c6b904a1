import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from agentui.errors import AgentUIError
from agentui.loop_thread import background_loop, iterate, run_sync


class Source:
    """Gives some items, then stays silent until it is closed."""

    def __init__(self, items=(), *, endless=True, error=None):
        self.items, self.endless, self.error = items, endless, error
        self.silent, self.closed = threading.Event(), threading.Event()

    async def stream(self):
        try:
            for item in self.items:
                yield item
            if self.error:
                raise self.error
            self.silent.set()
            if self.endless:
                await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.closed.set()


def test_items_come_in_order_and_the_end_ends():
    source = Source(range(1000), endless=False)
    assert list(iterate(source.stream())) == list(range(1000))
    assert source.closed.is_set()


def test_closing_while_the_source_is_silent_closes_it_first():
    source = Source("ab")
    items = iterate(source.stream())
    assert next(items) == "a"
    assert source.silent.wait(5)
    items.close()
    assert source.closed.is_set()


def test_an_error_of_the_source_comes_after_its_items():
    items = iterate(Source("a", error=KeyError("x")).stream())
    assert next(items) == "a"
    with pytest.raises(KeyError):
        next(items)


def test_an_iterator_that_was_never_started_starts_nothing():
    source = Source("a")
    iterate(source.stream()).close()
    assert not source.silent.is_set()


def test_run_sync_gives_the_result_or_raises():
    async def double(number):
        await asyncio.sleep(0)
        return number * 2

    async def fail():
        raise KeyError("x")

    assert run_sync(double(4)) == 8
    with pytest.raises(KeyError):
        run_sync(fail())
    with pytest.raises(asyncio.CancelledError):
        run_sync(cancel_itself())


async def cancel_itself():
    raise asyncio.CancelledError


async def test_it_works_while_another_loop_runs_in_this_thread():
    assert run_sync(asyncio.sleep(0, "ok")) == "ok"


@pytest.mark.parametrize("call", [lambda: run_sync(asyncio.sleep(0)), lambda: next(iterate(Source("a").stream()))])
def test_a_sync_call_from_inside_is_refused_and_does_not_hang(call):
    async def inside():
        with pytest.raises(AgentUIError, match="async"):
            call()

    asyncio.run_coroutine_threadsafe(inside(), background_loop()).result(5)


SCRIPT = """
import asyncio, signal, sys
from contextlib import aclosing
from agentui.loop_thread import iterate, run_sync

signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent that ignores it hands that down

async def endless():
    try:
        yield "ready"
        print("ready", flush=True)
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0.05)
        print("cleaned up", flush=True)

async def consume():
    async with aclosing(endless()) as items:
        async for _ in items:
            pass

try:
    if sys.argv[1] == "iterate":
        for _ in iterate(endless()):
            pass
    else:
        run_sync(consume())
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("way", ["iterate", "run_sync"])
def test_ctrl_c_waits_for_the_clean_up(way):
    command = [sys.executable, "-c", SCRIPT, way]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path.cwd()
    ) as process:
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=10)
    lines = out.split("\n")
    assert "interrupted" in lines, err
    assert lines.index("cleaned up") < lines.index("interrupted")


def test_a_half_read_iterator_does_not_keep_the_process_alive():
    script = SCRIPT.partition("try:\n    if")[0] + "\nitems = iterate(endless())\nprint(next(items))\n"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=10, cwd=Path.cwd(), check=True
    )
    assert "cleaned up" in done.stdout
    assert done.stderr == ""


COLLECTED_ON_THE_LOOP = """
import asyncio, gc, threading
from agentui.loop_thread import background_loop, iterate, run_sync

closed = threading.Event()

async def endless():
    try:
        yield "ready"
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        closed.set()

class Holder:
    pass

def half_read():
    holder = Holder()
    holder.itself, holder.items = holder, iterate(endless())
    next(holder.items)

async def collect():
    gc.collect()

gc.disable()
half_read()
run_sync(collect())
print("closed", closed.wait(5), run_sync(asyncio.sleep(0, "goes on")))
"""


@pytest.mark.parametrize("start", [lambda: run_sync(for_ever()), lambda: list(iterate(Source().stream()))])
@pytest.mark.parametrize("interrupted_after", [False, True])
def test_an_interrupt_while_it_starts_ends_what_was_started(monkeypatch, start, interrupted_after):
    loop, moments = background_loop(), iter([True])

    def schedule(callback, *args, scheduled=loop.call_soon_threadsafe):
        interrupted = next(moments, False)
        if interrupted_after or not interrupted:
            scheduled(callback, *args)
        if interrupted:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "call_soon_threadsafe", schedule)
    before = running_tasks(loop)
    with pytest.raises(KeyboardInterrupt):
        start()
    assert running_tasks(loop) <= before


def running_tasks(loop):
    return {task for task in asyncio.all_tasks(loop) if not task.done()}


async def for_ever():
    await asyncio.Event().wait()


def test_a_half_read_iterator_collected_on_the_loop_is_closed_without_waiting():
    assert output_of(COLLECTED_ON_THE_LOOP) == ["closed True goes on"]


FORKED = """
import asyncio, gc, os, signal, sys
from agentui.loop_thread import iterate, run_sync

async def endless():
    try:
        yield "ready"
        await asyncio.Event().wait()
    finally:
        print("closed by", "child" if os.getpid() == child else "parent", flush=True)

child = 0
items = iterate(endless())
next(items)
run_sync(asyncio.sleep(0))
if not os.fork():
    signal.alarm(8)
    child = os.getpid()
    print(run_sync(asyncio.sleep(0, "from the child")), flush=True)
    items.close()
    del items
    gc.collect()
    sys.exit(7)
print("status", os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
print(run_sync(asyncio.sleep(0, "from the parent")), flush=True)
items.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_has_a_loop_of_its_own_and_leaves_its_parents_alone():
    assert output_of(FORKED) == ["from the child", "status 7", "from the parent", "closed by parent"]


def output_of(script):
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script],
        capture_output=True, text=True, timeout=15, cwd=Path.cwd(), check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.splitlines()
