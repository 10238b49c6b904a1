"""Values, variables and tool calls between the host and the code, in every kind of sandbox."""

from __future__ import annotations

import asyncio
import math

import pytest

from agentui.sandbox.base import Sandbox
from tests.sandbox.conforming import CONFORMING, WITH_PACKAGES, ClosablePool
from tests.sandbox.conftest import ready_pool
from tests.sandbox.helpers import RecordingHost, run


@pytest.fixture(params=CONFORMING)
async def pool(request: pytest.FixtureRequest, pools: dict[str, ClosablePool]) -> ClosablePool:
    return await ready_pool(request.param, pools)


async def test_values_cross_with_their_types(sandbox: Sandbox, host: RecordingHost) -> None:
    await run(sandbox, host, "import datetime, decimal")
    code = "echo((1, {2.5}, b'x', {3: None}, datetime.date(2024, 1, 2), decimal.Decimal('1.10')))"
    value = await run(sandbox, host, code)
    assert repr(value) == "(1, {2.5}, b'x', {3: None}, datetime.date(2024, 1, 2), Decimal('1.10'))"
    assert repr(host.calls[0][1][0]) == repr(value)


async def test_what_cannot_cross_arrives_as_its_repr(sandbox: Sandbox, host: RecordingHost) -> None:
    value = await run(sandbox, host, "class C:\n    def __repr__(self): return 'C!'\nC()")
    assert (value, value.type_name) == ("C!", "C")


@pytest.mark.parametrize(
    "code", ["float('nan')", "2**100_000", "list(range(300_000))", "'x' * 20_000_000", "b'x' * (17 << 20)"]
)
async def test_an_awkward_value_does_not_end_the_worker(sandbox: Sandbox, host: RecordingHost, code: str) -> None:
    result = await sandbox.execute(f"y = 1\n{code}", host)
    assert result.error is None
    assert result.value_repr is not None
    assert len(result.value_repr) < 21_000
    assert await run(sandbox, host, "y") == 1


@WITH_PACKAGES
async def test_arrays_and_tables_cross(sandbox: Sandbox, host: RecordingHost) -> None:
    code = "import numpy as np, pandas as pd\na = np.arange(6.).reshape(2, 3)\necho([a, pd.DataFrame({'x': [1, 2]})])"
    array, table = await run(sandbox, host, code)
    assert array.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert table.to_dict("list") == {"x": [1, 2]}


async def test_variables_can_be_put(sandbox: Sandbox, host: RecordingHost) -> None:
    await sandbox.put({"limit": math.inf, "rows": [(1, b"x")]})
    assert await run(sandbox, host, "[limit, rows]") == [math.inf, [(1, b"x")]]


async def test_a_long_text_crosses_and_a_longer_one_is_refused(sandbox: Sandbox, host: RecordingHost) -> None:
    await sandbox.put({"text": "ä" * 5_000_000})
    assert await run(sandbox, host, "text") == "ä" * 5_000_000
    with pytest.raises(ValueError, match="more than"):
        await sandbox.put({"text": "x" * 20_000_000})
    with pytest.raises(ValueError, match="too large"):
        await sandbox.put({str(n): "x" * 9_000 for n in range(600)})


async def test_a_variable_that_cannot_be_sent_is_refused_by_name_of_its_type(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="type object cannot be sent"):
        await sandbox.put({"x": object()})


async def test_a_failing_tool_raises_its_message(sandbox: Sandbox, host: RecordingHost) -> None:
    code = "try:\n    fail(1)\nexcept RuntimeError as error:\n    print(error)"
    await run(sandbox, host, code)
    assert host.text() == "fail failed on purpose\n"


async def test_threads_take_turns_with_tools(sandbox: Sandbox, host: RecordingHost) -> None:
    code = (
        "from concurrent.futures import ThreadPoolExecutor as T\nwith T(8) as t: r = list(t.map(echo, range(200)))\nr"
    )
    assert await run(sandbox, host, code) == list(range(200))


async def test_output_of_other_threads_is_seen_while_a_tool_runs(sandbox: Sandbox, host: RecordingHost) -> None:
    code = "import threading\nthreading.Timer(0.05, print, ['from a thread']).start()\nwait()"
    task = asyncio.create_task(sandbox.execute(code, host))
    await host.printed.wait()
    assert not task.done()
    host.opened.set()
    await task
    assert host.text() == "from a thread\n"


async def test_a_thread_that_waits_for_a_tool_does_not_hold_up_the_next_step(
    sandbox: Sandbox, host: RecordingHost
) -> None:
    await sandbox.execute("import threading, time\nthreading.Thread(target=wait).start()\ntime.sleep(0.1)", host)
    assert host.cancelled_calls == 1
    assert await run(sandbox, host, "echo(5)") == 5
