"""What tests of several files begin with."""

import asyncio

import pytest
from sandbox.kinds import make_pool


@pytest.fixture(scope="module")
def real_pool():
    """Interpreters of their own, with nothing between them and this machine."""
    pool = make_pool("U")
    asyncio.run(pool.info())
    yield pool
    pool.shutdown()
