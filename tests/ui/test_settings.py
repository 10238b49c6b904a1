import subprocess
import sys

import pytest

from agentui.errors import ConfigError
from agentui.settings import Settings


def test_a_plain_machine_serves_itself_only():
    settings = Settings.from_env({})
    assert (settings.host, settings.shared, settings.environment_url) == ("127.0.0.1", False, None)


@pytest.mark.parametrize(
    "fields", [{"host": "0.0.0.0"}, {"host": "192.168.0.3"}, {"share": True}, {"space": True}, {"host": "my-machine"}]
)
def test_strangers_may_come(fields):
    assert Settings(**fields).shared


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1", "[::1]"])
def test_loopback_is_private(host):
    assert not Settings(host=host).shared


def test_the_environment_is_read_once_and_keys_are_not_shown():
    settings = Settings.from_env(
        {"SPACE_ID": "me/it", "OPENAI_API_KEY": "sk-planted", "AGENTUI_MODEL": "m", "GRADIO_SERVER_PORT": "7000"}
    )
    assert (settings.host, settings.port, settings.shared) == ("0.0.0.0", 7000, True)
    assert settings.environment_url == "https://api.openai.com/v1"
    assert "planted" not in repr(settings)


@pytest.mark.parametrize("name", ["GRADIO_SERVER_PORT", "AGENTUI_MAX_RUNNING"])
def test_a_bad_variable_is_named(name):
    with pytest.raises(ConfigError, match=name):
        Settings.from_env({name: "many"})


def test_the_launcher_does_not_import_gradio():
    code = "import agentui, sys; agentui.Playground, agentui.GradioUI; sys.exit('gradio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
