"""Code that attacks the making and loading of snapshots: the run goes on. `pytest -m hostile`."""

from __future__ import annotations

import os
import time
from contextlib import suppress

import pytest

from agentui.errors import SandboxError
from agentui.sandbox.base import Snapshot, SnapshotRefused
from agentui.sandbox.local import LocalSandboxPool
from agentui.sandbox.session import LocalSandbox
from tests.sandbox.helpers import TOOLS, RecordingHost, exists, run

pytestmark = [pytest.mark.hostile, pytest.mark.timeout(60)]

FORGE = (
    "import os, struct, json\ndef send(h, b=b''):\n    t = json.dumps(h).encode()\n"
    "    os.write(3, struct.pack('<II', len(t), len(b)) + t + b)\n"
)
ATTACKS = {
    "a pickle that runs a command": (
        "class A:\n    def __reduce__(self):\n        import os\n        return os.system, ('echo x > pwned',)\na = A()"
    ),
    "a pickle that takes the loader over": (
        "class A:\n    def __reduce__(self): return exec, ('import os\\nos._exit(7)',)\na = A()"
    ),
    "a state that ignores interrupts": (
        "import signal\nclass A:\n    def __getstate__(self):\n"
        "        signal.signal(signal.SIGINT, signal.SIG_IGN)\n        while True: pass\na = A()"
    ),
    "a state that swallows interrupts": (
        "class A:\n    def __getstate__(self):\n        while True:\n            try:\n"
        "                while True: pass\n            except BaseException: pass\na = A()"
    ),
    "a state that sleeps when loaded": (
        "class A:\n    def __setstate__(self, s):\n        import time\n        time.sleep(1000)\na = A()\na.x = 1"
    ),
    "a forged answer while it is pickled": FORGE
    + (
        "class A:\n    def __getstate__(self):\n"
        "        send({'t': 'saved', 'n': 1, 'bytes': 10**12, 'buffers': [], 'missing': {}})\n"
        "        return {}\na = A()"
    ),
    "a forged answer that looks right": FORGE
    + (
        "class A:\n    def __getstate__(self):\n"
        "        send({'t': 'saved', 'n': 1, 'bytes': 3, 'buffers': [], 'missing': {}})\n"
        "        send({'t': 'part', 'n': 1}, b'abc')\n        return {}\na = A()"
    ),
    "a forged word that it was restored": FORGE
    + (
        "class A:\n    def __setstate__(self, s):\n"
        "        send({'t': 'restored', 'n': 1, 'missing': {}})\na = A()\na.x = 1"
    ),
    "a flood from a thread": FORGE
    + (
        "import threading\ndef flood():\n    while True: send({'t': 'part', 'n': 1}, b'x' * 1000)\n"
        "class A:\n    def __getstate__(self):\n"
        "        threading.Thread(target=flood, daemon=True).start()\n        return {}\na = A()"
    ),
    "patched pickling": (
        "import pickle, cloudpickle, hashlib\n"
        "pickle.dump = pickle.Pickler = cloudpickle.Pickler = hashlib.sha256 = lambda *a, **k: 1 / 0"
    ),
    "patched builtins": (
        "import builtins, sys\nbuiltins.isinstance = builtins.len = builtins.type = lambda *a: sys.exit(0)"
    ),
    "a patched worker": (
        "import sys\nfor name, m in list(sys.modules.items()):\n"
        "    if name.startswith('agentui'):\n        for k in list(vars(m)):\n"
        "            if not k.startswith('__'): vars(m)[k] = None"
    ),
    "names that are no names": "globals()[1] = 2\nglobals()[(1,)] = 3\nglobals()['\\ud800'] = 4",
    "a million missing names": "for i in range(20_000): globals()[f'g{i}'] = (n for n in [])",
    "a name of a megabyte": "globals()['x' * 1_000_000] = (n for n in [])",
    "a reason of a megabyte": "class A:\n    def __reduce__(self): raise ValueError('x' * 10_000_000)\na = A()",
    "memory that is used up": "class A:\n    def __getstate__(self): return {'x': bytearray(10**10)}\na = A()",
    "a buffer that changes": (
        "import threading, numpy\na = numpy.zeros(1_000_000)\ndef churn():\n"
        "    while True: a[:] = a + 1\nthreading.Thread(target=churn, daemon=True).start()"
    ),
    "variables that come and go": (
        "import threading\ndef churn():\n    n = 0\n    while True:\n"
        "        globals()[f'v{n % 99}'] = n\n        globals().pop(f'v{(n + 50) % 99}', None)\n"
        "        n += 1\nthreading.Thread(target=churn, daemon=True).start()"
    ),
    "an end in the middle": (
        "class A:\n    def __getstate__(self):\n        import os\n        os.kill(os.getpid(), 9)\na = A()"
    ),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=list(ATTACKS))
async def test_an_attack_ends_in_a_snapshot_or_a_reason(
    pool: LocalSandboxPool, host: RecordingHost, monkeypatch: pytest.MonkeyPatch, attack: str
) -> None:
    monkeypatch.setattr("agentui.sandbox.session.LOAD_TIMEOUT_S", 1.0)
    sandbox, fork = await pool.open(tools=TOOLS), await pool.open(tools=TOOLS)
    try:
        await sandbox.execute(attack, host)
        began = time.monotonic()
        snapshot = await sandbox.snapshot()
        assert isinstance(snapshot, Snapshot | SnapshotRefused)
        assert time.monotonic() - began < 20
        if isinstance(snapshot, Snapshot):
            with suppress(SandboxError):
                await fork.restore(snapshot)
        assert not exists("pwned")
        await sandbox.execute("1", host)
        await fork.execute("1", host)
        assert isinstance(await sandbox.execute("2", host), object)
        fresh = await pool.open(tools=TOOLS)
        assert await run(fresh, host, "1 + 1") == 2
        await fresh.close()
    finally:
        await sandbox.close()
        await fork.close()


async def test_a_snapshot_is_not_for_other_workers_to_read(sandbox: LocalSandbox, host: RecordingHost) -> None:
    if not sandbox.info.isolated:
        pytest.skip("nothing is kept from code that is not isolated")
    await run(sandbox, host, "x = 'secret' * 200_000")
    snapshot = await sandbox.snapshot()
    assert isinstance(snapshot, Snapshot)
    path = snapshot.state.segment.path
    assert exists(path)
    result = await sandbox.execute(f"open({path!r}).read(6)", host)
    assert result.error is not None
    assert result.error.kind in {"PermissionError", "FileNotFoundError"}
    listing = await sandbox.execute(f"import os\nos.listdir({os.path.dirname(path)!r})", host)
    assert listing.error is not None
