"""One process of each server for all tests here. Without the packages of requirements-real.txt there are none."""

import importlib.util
from contextlib import ExitStack

import pytest
from real.servers import KEY, SERVERS, running
from real.tap import tapped

from agentui import OpenAIServerModel

collect_ignore_glob = [] if importlib.util.find_spec("xllamacpp") else ["test_*.py"]


class Place:
    """A running server, as the tests see it.

    Attributes:
        spec: Its entry in the list.
        port: Where it listens.
        tap: Where the models made here connect to.
    """

    def __init__(self, spec, port, tap):
        self.spec, self.port, self.tap = spec, port, tap

    def model(self, name, key=KEY, **settings):
        """One of its models; short answers, the likeliest words."""
        settings = {"temperature": 0, "max_tokens": 120, **settings}
        return OpenAIServerModel(self.spec.models.get(name, name), self.tap.base_url, key, **settings)


@pytest.fixture(scope="session")
def port_of(tmp_path_factory):
    """Starts a server when it is first needed; all end together."""
    ports = {}
    with ExitStack() as stack:

        def start(spec):
            if spec.name not in ports:
                ports[spec.name] = stack.enter_context(running(spec, tmp_path_factory.mktemp(spec.name)))
            return ports[spec.name]

        yield start


@pytest.fixture(params=SERVERS, ids=str)
def place(request, port_of):
    if not request.param.program.exists():
        pytest.skip(f"{request.param} is not installed: `make test-real` does it")
    port = port_of(request.param)
    with tapped(port) as tap:
        yield Place(request.param, port, tap)
