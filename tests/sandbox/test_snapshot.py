"""Back to any step: a fresh sandbox takes on what another one was, and neither knows of the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from agentui.errors import SandboxError
from agentui.sandbox.base import Snapshot, SnapshotRefused
from agentui.sandbox.blobs import Segment
from agentui.sandbox.local import LocalSandboxPool
from agentui.sandbox.session import LocalSandbox
from tests.sandbox.helpers import TOOLS, RecordingHost, run


async def saved(sandbox: LocalSandbox) -> Snapshot:
    snapshot = await sandbox.snapshot()
    if isinstance(snapshot, SnapshotRefused) and "No module named 'cloudpickle'" in snapshot.reason:
        pytest.skip("where this code runs no snapshots can be made")
    assert isinstance(snapshot, Snapshot), snapshot
    return snapshot


async def refusal(sandbox: LocalSandbox) -> str:
    refused = await sandbox.snapshot()
    assert isinstance(refused, SnapshotRefused), refused
    return refused.reason


@pytest.fixture
async def other(pool: LocalSandboxPool) -> AsyncIterator[LocalSandbox]:
    opened = await pool.open(tools=TOOLS)
    opened.grace_s = 5.0
    yield opened
    await opened.close()


async def test_a_fork_has_the_variables_of_its_step_and_the_parent_keeps_its_own(
    sandbox: LocalSandbox, other: LocalSandbox, host: RecordingHost
) -> None:
    await run(sandbox, host, "x = 1")
    snapshot = await saved(sandbox)
    await run(sandbox, host, "x = 9")
    assert await other.restore(snapshot) == {}
    assert await run(other, host, "x += 1\nx") == 2
    assert await run(sandbox, host, "x") == 9


MAKERS = {
    "a function that reads a later value of a global": ("y = 1\ndef f(): return y", "y = 5\nf() == 5"),
    "a recursive function": ("def f(n): return n and n + f(n - 1)", "f(4) == 10"),
    "a function with defaults": ("def f(a, b=[], *, c=3):\n    'doc'\n    return b", "f(1) is f.__defaults__[0]"),
    "closures that share a cell": (
        "def make():\n    n = 0\n    def up():\n        nonlocal n\n        n += 1\n"
        "    return up, lambda: n\nup, get = make()",
        "up(); up()\nget() == 2",
    ),
    "a closure that calls itself": (
        "def make():\n    def f(n): return n and f(n - 1)\n    return f\nf = make()",
        "f(3) == 0",
    ),
    "a lambda in a container": ("fs = [lambda x: x + k]\nk = 2", "fs[0](1) == 3"),
    "a decorator": (
        "import functools\ndef twice(f):\n    @functools.wraps(f)\n    def g(*a): return 2 * f(*a)\n    return g\n"
        "@twice\ndef f(a): return a",
        "f(4) == 8 and f.__name__ == 'f' and f.__wrapped__(1) == 1",
    ),
    "an lru_cache": (
        "import functools\n@functools.lru_cache(maxsize=7)\ndef f(a): return a",
        "f(2) == 2 and f.cache_parameters()['maxsize'] == 7",
    ),
    "a partial": (
        "import functools\ndef f(a, b): return a - b\np = functools.partial(f, 5)",
        "p(2) == 3 and p.func is f",
    ),
    "an instance": ("class C:\n    def __init__(self): self.me = self\nc = C()", "type(c) is C and c.me is c"),
    "a bound method": ("class C:\n    def m(self): return self\nc = C()\nm = c.m", "m() is c"),
    "inheritance and super": (
        "class A:\n    def f(self): return 1\nclass B(A):\n    def f(self): return super().f() + 1\nb = B()",
        "b.f() == 2 and isinstance(b, A)",
    ),
    "properties, class and static methods": (
        "class C:\n    @property\n    def p(self): return 1\n    @classmethod\n    def c(cls): return cls\n"
        "    @staticmethod\n    def s(): return 3",
        "(C().p, C.c(), C.s()) == (1, C, 3)",
    ),
    "a cached property": (
        "import functools\nclass C:\n    @functools.cached_property\n    def p(self): return []\nc = C()",
        "c.p is c.p",
    ),
    "slots": ("class C:\n    __slots__ = ('a',)\nc = C()\nc.a = 1", "c.a == 1"),
    "a nested class": ("class A:\n    class B: pass\nb = A.B()", "type(b) is A.B"),
    "a metaclass": (
        "class M(type):\n    def f(cls): return 1\nclass C(metaclass=M): pass",
        "C.f() == 1 and type(C) is M",
    ),
    "an abstract class": (
        "import abc\nclass A(abc.ABC):\n    @abc.abstractmethod\n    def f(self): ...\n"
        "class B(A):\n    def f(self): return 1",
        "B().f() == 1 and A in B.__mro__",
    ),
    "a generic class": (
        "from typing import Generic, TypeVar\nT = TypeVar('T')\nclass Box(Generic[T]): pass\nb = Box[int]()",
        "type(b) is Box",
    ),
    "a dataclass": (
        "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass D:\n    a: int\n"
        "    b: list = dataclasses.field(default_factory=list)\nd = D(1)",
        "d == D(1) and dataclasses.replace(d, a=2).a == 2",
    ),
    "an enum": ("import enum\nclass E(enum.Enum):\n    A = 1\n    B = 2\ne = E.A", "e is E.A and E(2) is E.B"),
    "a namedtuple": (
        "import collections\nP = collections.namedtuple('P', 'x y')\np = P(1, 2)",
        "type(p) is P and p.y == 2",
    ),
    "a typed dict and a protocol": (
        "from typing import NamedTuple, Protocol\nclass N(NamedTuple):\n    a: int\n"
        "class Q(Protocol):\n    def f(self): ...\nn = N(3)",
        "n.a == 3 and Q.__name__ == 'Q'",
    ),
    "an exception of its own": (
        "class E(ValueError): pass\ntry:\n    raise E('no')\nexcept E as error:\n    kept = error",
        "isinstance(kept, E) and str(kept) == 'no'",
    ),
    "a compiled pattern": ("import re\nr = re.compile('a+')", "r.match('aa').end() == 2"),
    "dates and decimals": (
        "import datetime, decimal\n"
        "d = [datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc), decimal.Decimal('1.5')]",
        "d[0].year == 2020 and d[1] * 2 == 3",
    ),
    "modules": ("import json as j\nimport os.path", "j.dumps([]) == '[]' and os.path.join"),
    "shared references": ("a = []\nb = [a, a]\nc = {'a': a}", "b[0] is b[1] is a is c['a']"),
    "a cycle": ("a = []\na.append(a)", "a[0] is a"),
    "the namespace itself": (
        "g = globals()\nimport __main__ as m",
        "z = 1\ng is globals() and m.z == 1 and g['z'] == 1",
    ),
    "streams and tools": (
        "import sys\no = sys.stdout\ne = echo\nf = final_answer",
        "o is sys.stdout and e(3) == 3 and e is echo",
    ),
    "annotations": ("x: int = 3", "__annotations__ == {'x': int}"),
    "an ordered and a default dict": (
        "import collections\nd = collections.defaultdict(list, a=[1])\nc = collections.Counter('aab')",
        "d['b'] == [] and c['a'] == 2",
    ),
    "an iterator": ("i = iter([1, 2, 3])\nnext(i)", "next(i) == 2"),
    "text in memory": ("import io\ns = io.StringIO()\ns.write('ab')", "s.getvalue() == 'ab'"),
    "a path in the work folder": (
        "import pathlib\np = pathlib.Path.cwd() / 'a.txt'\nq = pathlib.Path('/x')",
        "p == pathlib.Path.cwd() / 'a.txt' and str(q) == '/x'",
    ),
    "random numbers": (
        "import random, numpy\nrandom.random(), numpy.random.random()\n"
        "s = random.getstate(), numpy.random.get_state()[2]",
        "(random.getstate(), numpy.random.get_state()[2]) == s",
    ),
    "the environment": (
        "import os\nos.environ['NEW'] = '1'\ndel os.environ['LANG']",
        "os.environ['NEW'] == '1' and 'LANG' not in os.environ and 'session' in os.environ['HOME']",
    ),
    "an array and a view of it": (
        "import numpy as np\na = np.zeros(50_000)\nv = a[10:20].reshape(2, 5)\nt = [a.T, a[::-2]]",
        "a[10] = 7; a[-1] = 3\nv[0, 0] == 7 and t[0][10] == 7 and t[1][0] == 3",
    ),
    "a view of another view's memory": (
        "import numpy as np\na = np.arange(12).reshape(3, 4)\nb = a.ravel()",
        "b[0] = 5\na[0, 0] == 5",
    ),
    "an array in Fortran's order": (
        "import numpy as np\na = np.asfortranarray(np.arange(12.).reshape(3, 4))\nv = a[1]",
        "a[1, 2] = 9\nv[2] == 9 and a.flags.f_contiguous",
    ),
    "a small view whose array nobody has": (
        "import numpy as np\nv = np.zeros(2_000_000)[5:8]",
        "v.shape == (3,) and v.nbytes == 24",
    ),
    "an array that cannot be written": (
        "import numpy as np\na = np.arange(3)\na.flags.writeable = False",
        "not a.flags.writeable and a.sum() == 3",
    ),
    "arrays of objects and records": (
        "import numpy as np\na = np.array([1, 'a', None], dtype=object)\nr = np.zeros(2, dtype=[('x', 'i4')])",
        "a[2] is None and r['x'].sum() == 0",
    ),
    "a table": (
        "import pandas as pd\n"
        "d = pd.DataFrame({'a': range(3), 'b': list('xyz')}, index=pd.date_range('2020', periods=3))",
        "d['a'].sum() == 3 and d.loc['2020-01-02', 'b'] == 'y'",
    ),
    "a picture": (
        "from PIL import Image\ni = Image.new('RGB', (3, 2), 'red')",
        "i.size == (3, 2) and i.getpixel((1, 1)) == (255, 0, 0)",
    ),
    "a figure": (
        "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nline, = ax.plot([1, 2])",
        "fig.axes[0] is ax and ax.lines[0] is line",
    ),
    "a generator of random numbers": (
        "import numpy as np\nr = np.random.default_rng(3)\nr.random()\ns = r.bit_generator.state",
        "r.bit_generator.state == s",
    ),
}


@pytest.mark.parametrize(("made", "expected"), MAKERS.values(), ids=list(MAKERS))
async def test_what_code_makes_is_there_again_and_again(
    pool: LocalSandboxPool, host: RecordingHost, made: str, expected: str
) -> None:
    """Twice: a fork of a fork has all that its parent had."""
    info = await pool.info()
    if info.tier == "R" and any(name in made for name in ("numpy", "pandas", "PIL", "matplotlib")):
        pytest.skip("the machine of the tests has no such libraries")
    if info.tier == "D" and "matplotlib" in made:
        pytest.skip("there may be fonts that cannot be read there")
    first, second, third = [await pool.open(tools=TOOLS) for _ in range(3)]
    try:
        await run(first, host, made)
        once = await saved(first)
        assert (once.missing, await second.restore(once)) == ({}, {})
        twice = await saved(second)
        assert (twice.missing, await third.restore(twice)) == ({}, {})
        assert await run(third, host, expected)
        assert await run(first, host, expected), "the parent has changed"
    finally:
        await asyncio.gather(first.close(), second.close(), third.close())


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ("bad = (n for n in [1])", "generator"),
        ("import threading\nbad = threading.Lock()", "lock"),
        ("import threading\nbad = [threading.Thread(target=print)]", "lock"),
        ("import sys\nbad = sys._getframe()", "frame"),
        ("import ctypes\nbad = ctypes.create_string_buffer(9)", "of ctypes"),
        ("import ctypes\nbad = ctypes.CDLL(None)", "of ctypes"),
        ("import weakref\nclass C: pass\nc = C()\nbad = weakref.ref(c)", "weakref"),
        ("class B:\n    def __reduce__(self): raise ValueError('I am not for keeping')\nbad = B()", "not for keeping"),
        ("class B:\n    def __reduce__(self): final_answer(3)\nbad = B()", "final_answer"),
        ("class B:\n    def __reduce__(self): raise SystemExit\nbad = B()", "SystemExit"),
        ("class B:\n    def __getstate__(self): echo(1)\nbad = B()", "after its step had ended"),
        (
            "class E(Exception):\n    def __str__(self): raise self\nclass B:\n"
            "    def __reduce__(self): raise E\nbad = B()",
            "E",
        ),
        ("bad = 0\nfor _ in range(200_000): bad = [bad]", "RecursionError"),
        (
            "import asyncio\nasync def f(): await asyncio.sleep(9)\n"
            "bad = asyncio.ensure_future(f(), loop=asyncio.new_event_loop())",
            "Task",
        ),
    ],
)
async def test_what_cannot_be_kept_is_named_and_the_rest_is_kept(
    sandbox: LocalSandbox, other: LocalSandbox, host: RecordingHost, made: str, reason: str
) -> None:
    await run(sandbox, host, f"good = [1]\ndef f(): return bad\n{made}\nNone")
    snapshot = await saved(sandbox)
    assert list(snapshot.missing) == ["bad"]
    assert reason in snapshot.missing["bad"]
    assert await other.restore(snapshot) == snapshot.missing
    assert await run(other, host, "(good, 'bad' in globals(), callable(f))") == ([1], False, True)
    assert await run(sandbox, host, "'bad' in globals()")


async def test_files_and_folders_come_back(sandbox: LocalSandbox, other: LocalSandbox, host: RecordingHost) -> None:
    if sandbox.info.tier == "D":
        pytest.skip("code opens no files there")
    await run(
        sandbox,
        host,
        "import os\nos.makedirs('a/b/empty')\nopen('a/b/f.txt', 'w').write('one')\nopen('.h', 'w').close()",
    )
    await run(sandbox, host, "os.chmod('a/b/f.txt', 0o400)\nos.chdir('a')\nos.utime('b/f.txt', (5, 5))")
    snapshot = await saved(sandbox)
    await run(sandbox, host, "os.remove('b/f.txt')\nopen('b/late', 'w').close()")
    assert await other.restore(snapshot) == {}
    assert await run(other, host, "open('b/f.txt').read(), sorted(os.listdir('b')), sorted(os.listdir('..'))") == (
        "one",
        ["empty", "f.txt"],
        [".h", "a"],
    )
    assert await run(other, host, "open('b/new', 'w').write('x')\nos.remove('b/f.txt')\nos.listdir('b/empty')") == []
    assert {artifact.name for artifact in host.artifacts} <= {"a/b/f.txt", "a/b/late", "a/b/new"}


async def test_a_module_of_the_work_folder_is_imported_from_it(
    sandbox: LocalSandbox, other: LocalSandbox, host: RecordingHost
) -> None:
    if sandbox.info.tier == "D":
        pytest.skip("code opens no files there")
    code = (
        "open('mine.py', 'w').write('class C:\\n    v = 4\\ndef f(): return C')\nimport mine\nc = mine.C()\ng = mine.f"
    )
    await run(sandbox, host, code)
    assert await other.restore(await saved(sandbox)) == {}
    assert await run(other, host, "c.v == 4 and g() is mine.C is type(c)")


async def test_links_and_pipes_are_named_and_never_followed(sandbox: LocalSandbox, host: RecordingHost) -> None:
    if sandbox.info.tier != "U":
        pytest.skip("the code cannot make them there")
    await run(sandbox, host, "import os\nos.symlink('/etc/passwd', 'l')\nos.symlink('/etc', 'd')\nos.mkfifo('p')")
    await run(sandbox, host, "open('a', 'w').close()\nos.link('a', 'b')")
    snapshot = await saved(sandbox)
    assert {name: "name" in reason for name, reason in snapshot.missing.items()} == {
        "file 'l'": False,
        "file 'd'": False,
        "file 'p'": False,
        "file 'a'": True,
        "file 'b'": True,
    }
    assert snapshot.files == ()


async def test_what_has_not_changed_is_kept_once(sandbox: LocalSandbox, host: RecordingHost) -> None:
    await run(sandbox, host, "import numpy as np\na = np.ones(200_000)\nb = np.zeros(200_000)")
    first = await saved(sandbox)
    await run(sandbox, host, "b[0] = 1")
    second = await saved(sandbox)
    assert len(first.buffers) == len(second.buffers) == 2
    assert first.buffers[0] is second.buffers[0]
    assert first.buffers[1] is not second.buffers[1]
    assert first.size_bytes > 3_200_000


async def test_a_file_that_has_not_changed_is_kept_once(sandbox: LocalSandbox, host: RecordingHost) -> None:
    if sandbox.info.tier == "D":
        pytest.skip("code opens no files there")
    await run(sandbox, host, "for n in 'ab': open(n, 'w').write('x' * 300_000)")
    first = await saved(sandbox)
    await run(sandbox, host, "open('b', 'w').write('y' * 300_000)")
    second = await saved(sandbox)
    assert [one.content is two.content for one, two in zip(first.files, second.files, strict=True)] == [True, False]


async def test_too_much_is_refused_and_nothing_is_lost(sandbox: LocalSandbox, host: RecordingHost) -> None:
    sandbox.max_state_bytes = 1_000_000
    for value in ("b'x' * 2_000_000", "numpy.zeros(2_000_000)", "list(map(str, range(1_000_000)))"):
        await run(sandbox, host, f"import numpy\nx = {value}")
        assert "more than 1,000,000 bytes" in await refusal(sandbox)
    await run(sandbox, host, "x = 1")
    await saved(sandbox)


async def test_what_prints_while_it_is_pickled_is_not_heard(sandbox: LocalSandbox, host: RecordingHost) -> None:
    await run(
        sandbox, host, "class P:\n    def __getstate__(self):\n        print('noise')\n        return {}\np = P()"
    )
    await saved(sandbox)
    await run(sandbox, host, "print('next')")
    assert host.text() == "next\n"


async def test_a_snapshot_that_never_ends_is_interrupted_and_the_session_goes_on(
    sandbox: LocalSandbox, host: RecordingHost
) -> None:
    sandbox.snapshot_timeout_s = 0.1
    await run(sandbox, host, "x = 3\nclass P:\n    def __getstate__(self):\n        while True: pass\np = P()")
    assert "took longer" in await refusal(sandbox)
    result = await sandbox.execute("x", host)
    assert (result.value, result.state_lost) == (3, False)


async def test_a_snapshot_that_takes_long_to_send_is_given_up_and_the_session_goes_on(
    sandbox: LocalSandbox, host: RecordingHost
) -> None:
    await run(sandbox, host, "import numpy\na = numpy.ones(60_000_000, 'u1')\nx = 3")
    full = await sandbox.snapshot()
    for timeout_s in (0.03, 0.06, 0.1):
        sandbox._kept = Snapshot(state=Segment().append(b""))
        sandbox.snapshot_timeout_s = timeout_s
        kept = await sandbox.snapshot()
        assert isinstance(kept, SnapshotRefused) or isinstance(full, Snapshot)
        result = await sandbox.execute("x", host)
        assert (result.value, result.state_lost) == (3, False)


async def test_a_cancelled_snapshot_keeps_the_session(sandbox: LocalSandbox, host: RecordingHost) -> None:
    await run(sandbox, host, "x = 3\nclass P:\n    def __getstate__(self):\n        while True: pass\np = P()")
    for turns in range(12):
        task = asyncio.create_task(sandbox.snapshot())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
    result = await sandbox.execute("del p\nx", host)
    assert (result.value, result.state_lost) == (3, False)
    await saved(sandbox)


async def test_a_worker_that_dies_while_it_pickles_is_told_of_in_the_next_step(
    sandbox: LocalSandbox, host: RecordingHost
) -> None:
    await run(sandbox, host, "import os\nclass P:\n    def __reduce__(self): os._exit(3)\np = P()")
    assert "exit status 3" in await refusal(sandbox)
    assert "has ended" in await refusal(sandbox)
    result = await sandbox.execute("'p' in globals()", host)
    assert (result.value, result.state_lost) == (False, True)


async def test_what_fails_while_it_is_loaded_is_an_error_and_the_parent_goes_on(
    sandbox: LocalSandbox, other: LocalSandbox, host: RecordingHost
) -> None:
    await run(
        sandbox, host, "class P:\n    def __setstate__(self, state): raise ValueError('not again')\np = P()\np.a = 1"
    )
    snapshot = await saved(sandbox)
    with pytest.raises(SandboxError, match="could not be restored: ValueError: not again"):
        await other.restore(snapshot)
    assert await run(sandbox, host, "p.a") == 1


async def test_a_snapshot_is_only_restored_into_a_fresh_sandbox(sandbox: LocalSandbox, host: RecordingHost) -> None:
    await run(sandbox, host, "x = 1")
    with pytest.raises(SandboxError, match="has run no code"):
        await sandbox.restore(await saved(sandbox))
    assert await run(sandbox, host, "x") == 1


async def test_a_snapshot_outlives_its_worker(sandbox: LocalSandbox, other: LocalSandbox, host: RecordingHost) -> None:
    await run(sandbox, host, "import numpy\na = numpy.ones(500_000)")
    snapshot = await saved(sandbox)
    await sandbox.execute("import os; os._exit(1)", host)
    await sandbox.close()
    await other.restore(snapshot)
    assert await run(other, host, "a.sum()") == 500_000


async def test_tracebacks_of_earlier_steps_show_their_lines(
    sandbox: LocalSandbox, other: LocalSandbox, host: RecordingHost
) -> None:
    await run(sandbox, host, "def f():\n    raise ValueError('old')")
    await other.restore(await saved(sandbox))
    result = await other.execute("\nf()", host)
    assert result.error is not None
    assert 'File "<step-2>", line 2' in result.error.traceback
    assert 'File "<step-1>", line 2, in f\n    raise ValueError' in result.error.traceback


async def test_tracebacks_name_the_step_that_the_caller_names(
    sandbox: LocalSandbox, other: LocalSandbox, host: RecordingHost
) -> None:
    await sandbox.execute("def f():\n    raise ValueError('old')", host, step=4)
    for _ in range(2):  # the same code has the same name
        failed = await sandbox.execute("\nf()", host, step=7)
        assert failed.error is not None
        assert ('File "<step-7>", line 2' in failed.error.traceback, failed.error.line) == (True, 2)
    await other.restore(await saved(sandbox))
    for session in (sandbox, other):
        again = await session.execute("\n\nf()", host, step=4)  # of a second run
        assert again.error is not None
        assert 'File "<step-4 (2)>", line 3' in again.error.traceback
        assert 'File "<step-4>", line 2, in f\n    raise ValueError' in again.error.traceback


async def test_many_can_be_restored_from_one_at_a_time(pool: LocalSandboxPool, host: RecordingHost) -> None:
    sandbox = await pool.open()
    await run(sandbox, host, "x = [1]")
    snapshot = await saved(sandbox)
    forks = await asyncio.gather(*(pool.open() for _ in range(4)))
    await asyncio.gather(*(fork.restore(snapshot) for fork in forks))
    for number, fork in enumerate(forks):
        assert await run(fork, RecordingHost(), f"x.append({number})\nx") == [1, number]
    await asyncio.gather(*(one.close() for one in (sandbox, *forks)))


async def test_a_deep_structure_does_not_end_the_worker(sandbox: LocalSandbox, host: RecordingHost) -> None:
    code = (
        "import sys\nsys.setrecursionlimit(10**8)\nclass N: pass\nlast = None\n"
        "for _ in range(100_000):\n    n = N()\n    n.next = last\n    last = n\nx = 1"
    )
    await run(sandbox, host, code)
    snapshot = await saved(sandbox)
    assert sorted(snapshot.missing) == ["last", "n"]
    assert await run(sandbox, host, "x == 1 and sys.getrecursionlimit() == 10**8")


async def test_closing_while_a_snapshot_is_made(sandbox: LocalSandbox, host: RecordingHost) -> None:
    await run(sandbox, host, "class P:\n    def __getstate__(self):\n        while True: pass\np = P()")
    task = asyncio.create_task(sandbox.snapshot())
    await asyncio.sleep(0)
    await sandbox.close()
    assert isinstance(await task, SnapshotRefused)
