from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from agentui.errors import SandboxUnavailable
from agentui.sandbox.base import Sandbox
from agentui.sandbox.session import LocalSandbox
from tests.sandbox.conforming import ClosablePool, make_conforming
from tests.sandbox.helpers import TOOLS, RecordingHost
from tests.sandbox.kinds import KINDS
from tests.sandbox.stand_in import StandInSandbox

OTHER_TIERS = {"A", "C", "R", "R+packages", "U-spawn"}
"Kinds that only `pytest -m tiers` runs everything on: what they share with the others is tested there."


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Hostile code and further tiers run only when they are asked for: `pytest -m hostile`, `pytest -m tiers`."""
    for item in items:
        if any(isinstance(value, str) and value in OTHER_TIERS for value in _parameters(item).values()):
            item.add_marker("tiers")
    left_out = {name for name in ("hostile", "tiers") if name not in config.option.markexpr}
    deselected = [item for item in items if _asks_for(item, left_out)]
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        items[:] = [item for item in items if not _asks_for(item, left_out)]


def _parameters(item: pytest.Item) -> dict[str, object]:
    return getattr(getattr(item, "callspec", None), "params", {})


def _asks_for(item: pytest.Item, left_out: set[str]) -> bool:
    marked = {name for name in ("hostile", "tiers") if item.get_closest_marker(name)}
    return "hostile" in marked & left_out or ("hostile" not in marked and bool(marked & left_out))


@pytest.fixture(scope="session")
def pools() -> Iterator[dict[str, ClosablePool]]:
    made: dict[str, ClosablePool] = {}
    yield made
    for pool in made.values():
        pool.shutdown()


@pytest.fixture
def machines() -> type[StandInSandbox]:
    """Remote machines of this test alone."""
    return type("Machines", (StandInSandbox,), {"made": []})


@pytest.fixture(params=KINDS)
async def pool(request: pytest.FixtureRequest, pools: dict[str, ClosablePool]) -> ClosablePool:
    return await ready_pool(request.param, pools)


async def ready_pool(kind: str, pools: dict[str, ClosablePool]) -> ClosablePool:
    """The pool of a kind, made when it is first used; skips the test where the machine does not offer it."""
    if kind not in pools:
        pools[kind] = make_conforming(kind)
    try:
        await pools[kind].info()
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    return pools[kind]


@pytest.fixture
async def sandbox(pool: ClosablePool) -> AsyncIterator[Sandbox]:
    opened = await pool.open(tools=TOOLS)
    if isinstance(opened, LocalSandbox):
        # The machine that runs the tests may be busy: what must end by SIGINT alone gets time for it.
        opened.grace_s = 5.0
    yield opened
    await opened.close()


@pytest.fixture
async def host() -> RecordingHost:
    return RecordingHost()
