from collections.abc import Iterator

import pytest
from gradio_client import Client

from agentui.models.base import Model
from agentui.models.scripted import ScriptedModel
from agentui.settings import Settings
from agentui.testing import FakePool
from agentui.ui.connections import Connections
from agentui.ui.events import Page
from tests.serving import served


class Stage:
    """What the models of the next runs say."""

    def __init__(self) -> None:
        self.models: list[Model] = []

    def plays(self, *answers) -> ScriptedModel:
        model = ScriptedModel(answers)
        self.models.append(model)
        return model


@pytest.fixture(scope="session")
def _served(tmp_path_factory) -> Iterator[tuple[str, Stage, Page]]:
    stage, settings = Stage(), Settings()
    connections = Connections(settings, demo_model=lambda: stage.models.pop(0))
    with served(settings, tmp_path_factory.mktemp("gradio"), pool=FakePool(), connections=connections) as demo:
        yield demo.local_url, stage, demo


@pytest.fixture
def stage(_served) -> Stage:
    _served[1].models.clear()
    return _served[1]


@pytest.fixture
def url(_served) -> str:
    return _served[0]


@pytest.fixture
def service(_served):
    return _served[2].service


@pytest.fixture
def client(url):
    client = Client(url, verbose=False)
    yield client
    client.close()
