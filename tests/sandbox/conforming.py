"""The kinds of sandbox that the conformance suite is run against, local ones and remote ones.

A new sandbox is a class, a line in `CONFORMING` and one in `make_conforming`.
"""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
import venv
from functools import cache
from typing import Protocol

import pytest

from agentui.sandbox.base import SandboxPool
from agentui.sandbox.remote import HuggingFaceSandboxPool
from tests.sandbox.kinds import KINDS, make_pool
from tests.sandbox.stand_in import TOKEN, StandInSandbox

CONFORMING = (*KINDS, "R")
PACKAGED = (*KINDS, "R+packages")
"The same for code that needs numpy, pandas and matplotlib."
WITH_PACKAGES = pytest.mark.parametrize("pool", PACKAGED, indirect=True)


class ClosablePool(SandboxPool, Protocol):
    """A pool that can be closed where no event loop runs."""

    def shutdown(self) -> None: ...


def make_conforming(kind: str) -> ClosablePool:
    """A pool of any kind, remote ones on a stand-in for the service."""
    match kind:
        case "R":
            return remote_pool(StandInSandbox)
        case "R+packages":
            return remote_pool(StandInSandbox, python=sys.executable)
        case _:
            return make_pool(kind)


def remote_pool(
    machines: type[StandInSandbox], *, python: str | None = None, **options: float
) -> HuggingFaceSandboxPool:
    """The pool of remote sandboxes, with `machines` in the place of those of the service."""
    return HuggingFaceSandboxPool(
        token=TOKEN, requirements=(), python=python or bare_python(), create=machines.create, **options
    )


@cache
def bare_python() -> str:
    """An interpreter without packages, as in a plain image; its workers start faster."""
    directory = tempfile.mkdtemp(prefix="bare-python-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    venv.create(directory, with_pip=False, symlinks=True)
    return f"{directory}/bin/python"
