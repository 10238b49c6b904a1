"""What a step says of variables and files, in every kind of sandbox."""

from __future__ import annotations

import asyncio

import pytest

from agentui.sandbox.base import Sandbox
from agentui.state_events import StateChanged
from tests.sandbox.conforming import CONFORMING, WITH_PACKAGES, ClosablePool
from tests.sandbox.conftest import ready_pool
from tests.sandbox.helpers import RecordingHost, run, stop_when_printing

HOSTILE = """
seen = []
class Evil:
    def __repr__(self):
        seen.append(1)
        print('seen')
        while True:
            try:
                while True: pass
            except BaseException: pass
    __str__ = __len__ = __hash__ = __eq__ = __iter__ = __getattr__ = __format__ = __repr__
    __class__ = shape = dtype = __dict__ = __name__ = property(__repr__)
class Meta(type):
    __repr__ = __hash__ = __eq__ = Evil.__repr__
    __name__ = __mro__ = __module__ = property(Evil.__repr__)
class Worse(list, metaclass=Meta):
    __repr__ = __len__ = __iter__ = __getitem__ = Evil.__repr__
class Text(str):
    __repr__ = __str__ = __len__ = __getitem__ = Evil.__repr__
    __hash__ = str.__hash__
named = type(Text('Named'), (), {})()
evil, worse, text = Evil(), Worse([1]), Text('t')
held = [evil, {'k': worse}, (text,)]
"""


@pytest.fixture(params=CONFORMING)
async def pool(request: pytest.FixtureRequest, pools: dict[str, ClosablePool]) -> ClosablePool:
    return await ready_pool(request.param, pools)


def shown(change: StateChanged) -> dict[str, tuple[str, str | None, str]]:
    return {variable.name: (variable.type, variable.size, variable.repr) for variable in change.variables}


async def changes(sandbox: Sandbox, host: RecordingHost, code: str, *, whole: bool = False) -> list[StateChanged]:
    host.changes.clear()
    result = await sandbox.execute(code, host, whole_state=whole)
    assert result.error is None, result.error
    return host.changes


async def test_a_step_says_what_is_new_what_is_changed_and_what_is_gone(sandbox: Sandbox, host: RecordingHost) -> None:
    (first,) = await changes(sandbox, host, "x = 1\nwords = ['a', 'b']\nimport os\nunchanged = None")
    assert shown(first) == {
        "x": ("int", None, "1"),
        "words": ("list", "2", "['a', 'b']"),
        "unchanged": ("NoneType", None, "None"),
    }
    (second,) = await changes(sandbox, host, "words.append('c')\ndel x")
    assert shown(second) == {"words": ("list", "3", "['a', 'b', 'c']")}
    assert second.removed == ("x",)
    assert await changes(sandbox, host, "len(words)") == []


async def test_the_whole_state_is_what_was_there_before_the_code(sandbox: Sandbox, host: RecordingHost) -> None:
    await run(sandbox, host, "x = 1\ny = 2")
    before, after = await changes(sandbox, host, "x = 3", whole=True)
    assert (before.step, after.step) == (0, 2)
    assert shown(before) == {"x": ("int", None, "1"), "y": ("int", None, "2")}
    assert shown(after) == {"x": ("int", None, "3")}


async def test_nothing_is_said_of_a_fresh_session_that_stays_as_it_is(sandbox: Sandbox, host: RecordingHost) -> None:
    assert await changes(sandbox, host, "1 + 1", whole=True) == []


async def test_no_code_of_a_value_runs_and_the_step_ends_at_once(sandbox: Sandbox, host: RecordingHost) -> None:
    async with asyncio.timeout(10):
        (change,) = await changes(sandbox, host, HOSTILE)
    assert host.text() == ""
    assert {"evil", "worse", "text", "held", "named"} <= shown(change).keys()
    assert shown(change)["worse"] == ("Worse", "1", "Worse([1])")
    assert await run(sandbox, host, "seen") == []


async def test_a_value_whose_repr_never_ends_does_not_delay_a_stop(sandbox: Sandbox, host: RecordingHost) -> None:
    async with asyncio.timeout(10):
        await stop_when_printing(sandbox, host, f"{HOSTILE}\nx = 5\nprint('on')\nwhile True: pass")
    assert shown(host.changes[0])["x"] == ("int", None, "5")
    assert (await sandbox.execute("x", host)).value == 5


async def test_a_large_namespace_is_told_in_parts(sandbox: Sandbox, host: RecordingHost) -> None:
    (first,) = await changes(sandbox, host, "globals().update({f'n{number}': number for number in range(300)})")
    assert (len(first.variables), first.left_out) == (200, 100)
    (second,) = await changes(sandbox, host, "1")
    assert (len(second.variables), second.left_out) == (100, 0)
    assert shown(first).keys().isdisjoint(shown(second))
    assert await changes(sandbox, host, "1") == []


async def test_names_and_texts_are_short_and_can_be_printed(sandbox: Sandbox, host: RecordingHost) -> None:
    names = r"{'a' * 101: 1, 'b' * 100: 'x' * 10**6, 'new\nline\udc80': '\x1b[31m' * 100, '__dunder__': 1}"
    (change,) = await changes(sandbox, host, f"globals().update({names})")
    assert [variable.name for variable in change.variables] == ["b" * 100, "new\ufffdline\ufffd"]
    assert all(len(variable.repr) == 80 and variable.repr.isprintable() for variable in change.variables)


async def test_a_worker_that_died_leaves_nothing(sandbox: Sandbox, host: RecordingHost) -> None:
    if sandbox.info.opens_files:
        await run(sandbox, host, "open('kept.txt', 'w').close()")
    await run(sandbox, host, "x = 1\ny = 2")
    host.changes.clear()
    assert (await sandbox.execute("import os\nos._exit(1)", host)).state_lost
    (change,) = host.changes
    assert (change.removed, change.variables) == (("x", "y"), ())
    assert change.removed_files == (("kept.txt",) if sandbox.info.opens_files else ())
    assert shown((await changes(sandbox, host, "x = 1"))[0]) == {"x": ("int", None, "1")}


async def test_files_are_told_with_their_sizes(sandbox: Sandbox, host: RecordingHost) -> None:
    if not sandbox.info.opens_files:
        pytest.skip("the code opens no files here")
    (first,) = await changes(
        sandbox, host, "import os\nos.mkdir('out')\nfor name in ('a', 'out/b'): open(name, 'w').write('hi')"
    )
    assert {file.name: file.size_bytes for file in first.files} == {"a": 2, "out/b": 2}
    (second,) = await changes(sandbox, host, "os.remove('a')\nopen('out/b', 'a').write('!')")
    assert {file.name: file.size_bytes for file in second.files} == {"out/b": 3}
    assert second.removed_files == ("a",)
    before, *after = await changes(sandbox, host, "1", whole=True)
    assert {file.name: file.size_bytes for file in before.files} == {"out/b": 3}
    assert after == []


@WITH_PACKAGES
async def test_arrays_and_tables_are_told_from_their_beginning(sandbox: Sandbox, host: RecordingHost) -> None:
    code = (
        "import numpy as np, pandas as pd\na = np.zeros((300, 400))\n"
        "t = pd.DataFrame({'n': range(1000), 's': ['x'] * 1000})\nc = t['n']\nv = np.float32(2.5)"
    )
    (first,) = await changes(sandbox, host, code)
    assert shown(first)["a"][:2] == ("ndarray", "(300, 400)")
    assert shown(first)["a"][2].startswith("float64 [0.0, 0.0")
    assert shown(first)["t"] == ("DataFrame", "(1000, 2)", "'n': [0, 1, 2, …], 's': ['x', 'x', 'x', …]")
    assert shown(first)["c"] == ("Series", "(1000,)", "int64 [0, 1, 2, …]")
    assert shown(first)["v"] == ("float32", None, "2.5")
    (second,) = await changes(sandbox, host, "t.loc[999, 'n'] = -1\na *= 1\na[0, 0] = 7")
    assert {"t", "a"} <= shown(second).keys()
