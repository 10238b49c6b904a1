"""Code that misbehaves ends with a clear result, its session goes on, and no other session notices."""

from __future__ import annotations

import pytest

from agentui.sandbox.base import SandboxPool
from tests.sandbox.helpers import TOOLS, RecordingHost

MISDEEDS = {
    "allocates 100 GB": ("b'x' * (100 << 30)", "MemoryError"),
    "returns a huge picture": ("from PIL import Image\nImage.new('1', (50_000, 50_000))", "MemoryError"),
    "exits": ("import sys\nsys.exit()", "SystemExit"),
    "has a huge repr": ("class R:\n    def __repr__(self): return 'x' * 50_000_000\nR()", None),
    "has an endless repr": ("class R:\n    def __repr__(self):\n        while True: pass\nR()", "Timeout"),
    "has a sleeping repr": ("import time\nclass R:\n    def __repr__(self): time.sleep(60)\nR()", "Timeout"),
    "answers with a generator": ("final_answer(x for x in range(3))", None),
    "hides builtins": ("class list: pass\nclass str: pass\nfinal_answer(5)", None),
    "deletes a builtin": ("import builtins\ndel builtins.len, builtins.print, builtins.isinstance", "NameError"),
    "deletes all builtins": (
        "import builtins\nfor n in list(vars(builtins)): n in ('delattr', '__import__') or delattr(builtins, n)",
        "NameError",
    ),
    "closes stdout": ("import os\nos.close(1)\nos.close(2)\nprint('x')", None),
    "closes the socket": ("import os\nos.close(3)", "WorkerDied"),
    "never ends a finalizer": ("class D:\n    def __del__(self):\n        while True: pass\nd = D()\ndel d", None),
    "has no stdout": ("import sys\nsys.stdout = sys.stderr = None\nprint('x')", None),
    "has a broken stdout": (
        "import sys\nclass W:\n    def write(self, x): raise ValueError\nsys.stdout = sys.stderr = W()\nprint('x')",
        "ValueError",
    ),
    "prints from a thread for ever": (
        "import threading\ndef f():\n    while True: print('late')\nthreading.Thread(target=f, daemon=True).start()",
        None,
    ),
    "calls tools a million times": (
        "for i in range(10 ** 6):\n    try: echo(i)\n    except RuntimeError: pass",
        "Timeout",
    ),
    "raises what cannot be printed": ("class E(Exception):\n    def __str__(self): raise ValueError\nraise E", "E"),
    "raises with a broken cause": (
        "class E(Exception):\n    @property\n    def __cause__(self): raise ValueError\nraise E",
        "E",
    ),
    "has a name that is no text": ("class C: pass\nC.__qualname__ = '\\ud800'\nC()", None),
    "lies about its class": (
        "class X:\n    @property\n    def __class__(self): raise ValueError('c')\nX()",
        "ValueError",
    ),
    "compares with an error": (
        "class H:\n    def __eq__(s, o): raise ValueError\n    def __bool__(s): raise ValueError\nfinal_answer([H()])",
        None,
    ),
    "answers with itself": ("d = {}\nd['d'] = d\nfinal_answer(d)", None),
    "answers too deep": ("x = []\nfor _ in range(100_000): x = [x]\nfinal_answer(x)", None),
    "breaks the worker's modules": ("import sys\nsys.modules.clear()", None),
    "traces with an error": ("import sys\nsys.setprofile(lambda *a: 1 / 0)\n1", "ZeroDivisionError"),
    "makes no lines": ("print('x' * 900_000, end='')", None),
    "makes empty lines": ("print('\\n' * 900_000, end='')", None),
}


@pytest.mark.parametrize("pool", ["B"], indirect=True)
@pytest.mark.parametrize("misdeed", MISDEEDS)
async def test_what_misbehaves_ends_clearly_and_the_session_goes_on(
    pool: SandboxPool, host: RecordingHost, misdeed: str
) -> None:
    code, kind = MISDEEDS[misdeed]
    bad, good = await pool.open(tools=TOOLS), await pool.open()
    await good.execute("x = 7", RecordingHost())
    result = await bad.execute(code, host, timeout_s=1)
    assert (result.error.kind if result.error else None) == kind
    after = RecordingHost()
    again = await bad.execute("print('hi')\n6 * 7", after, timeout_s=10)
    assert (again.value, again.error) == (42, None)
    assert "hi\n" in after.text("stdout")
    neighbour = await good.execute("x", RecordingHost())
    assert (neighbour.value, neighbour.state_lost) == (7, False)
    await bad.close()
    await good.close()
