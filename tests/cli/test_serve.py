"""`agentui serve`: where it listens, what it says, and how it ends."""

import gc
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request

import pytest
from gradio_client import Client

from agentui.cli import main
from agentui.errors import ConfigError
from agentui.settings import Settings
from agentui.testing import serve_chat
from agentui.ui import app
from agentui.ui.listen import choose_port
from tests.serving import served

pytestmark = pytest.mark.timeout(60)
CTRL_C_WORKS = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
SERVE = CTRL_C_WORKS + "from agentui.cli import main; sys.exit(main(['serve', '--no-browser']))"


@pytest.fixture
def taken():
    """A port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("port", ["99999", "65536", "0", "-1"])
def test_a_port_that_is_none_is_one_line_and_status_2(capsys, port):
    assert main(["serve", "--no-browser", f"--port={port}"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"agentui: port {port} is not a port")
    assert (said.out, said.err.count("\n")) == ("", 1)


def test_a_busy_port_is_one_line_and_status_2(capsys, taken):
    assert main(["serve", "--no-browser", "--port", str(taken)]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"agentui: port {taken} is in use: choose another with --port N")
    assert (said.out, said.err.count("\n")) == ("", 1)


@pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning")  # Gradio's own look at the taken port
def test_a_port_that_is_taken_after_the_look_is_passed_over(monkeypatch, tmp_path, taken):
    found = iter([7860, taken, taken])
    monkeypatch.setattr(app, "choose_port", lambda host, port: next(found, None) or choose_port(host, port))
    with served(Settings(), tmp_path) as demo:
        assert urllib.request.urlopen(demo.local_url).status == 200
    gc.collect()  # here, where the warning is expected


@pytest.mark.parametrize("words", [["--port", "abc"], ["--db", "sqlite:///runs.db"], ["--nonsense"]])
def test_an_option_that_cannot_be_is_refused_and_not_ignored(capsys, words):
    with pytest.raises(SystemExit) as left:
        main(["serve", "--no-browser", *words])
    said = capsys.readouterr().err
    assert left.value.code == 2
    assert words[0] in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("host", ["203.0.113.7", "no.such.host.invalid", "256.1.1.1", ""])
def test_an_address_of_another_machine_is_refused(host):
    with pytest.raises(ConfigError, match="--host"):
        choose_port(host, None)


def test_without_a_port_the_next_free_one_is_taken(monkeypatch, taken):
    monkeypatch.setattr("agentui.ui.listen.PORTS", range(taken, taken + 50))
    assert taken < choose_port("127.0.0.1", None) < taken + 50
    monkeypatch.setattr("agentui.ui.listen.PORTS", range(taken, taken + 1))
    with pytest.raises(ConfigError, match="all in use"):
        choose_port("127.0.0.1", None)


def test_an_address_may_be_ipv6_in_brackets():
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    assert choose_port("[::1]", None) >= 7860


def start(program):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "GRADIO_"))}
    command = [sys.executable, "-c", program]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=kept)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_line_says_where_and_a_running_run_and_an_open_page_end_with_the_server(number):
    loop_for_ever = ["working\n", "<code>\nwhile True:\n    pass\n</code>"]
    with start(SERVE) as server, serve_chat(loop_for_ever) as model:
        said = server.stdout.readline()
        url = re.fullmatch(r"agentui is at (\S+?)(?: \(.*\))?; Ctrl-C ends it\n", said)[1]
        client = Client(url, verbose=False)
        job = client.submit("Go", "custom", "m", model.base_url, api_name="/run")
        for record in job:
            if record["event"]["type"] == "code_started":
                break
        page = threading.Thread(target=heartbeat, args=(url,))
        page.start()
        server.send_signal(number)
        out, errors = server.communicate(timeout=30)
        page.join(10)
        client.close()
    assert (server.returncode, out, errors) == (0, "", "")
    assert not page.is_alive()


def heartbeat(url):
    """What an open page holds open."""
    with urllib.request.urlopen(f"{url}/gradio_api/heartbeat/page", timeout=30) as response:
        response.read()


SLOW_TO_END = """
import signal, threading
from agentui.ui.serving import serve_until_interrupted

signal.signal(signal.SIGINT, signal.default_int_handler)

class Slow:
    def close(self, verbose=True):
        print("ending", flush=True)
        threading.Event().wait()

def tell():
    while signal.getsignal(signal.SIGTERM) is not signal.default_int_handler:
        pass
    print("serving", flush=True)

threading.Thread(target=tell).start()
serve_until_interrupted(Slow())
"""


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_does_not_wait(second):
    with start(SLOW_TO_END) as server:
        assert server.stdout.readline() == "serving\n"
        server.send_signal(signal.SIGINT)
        assert server.stdout.readline() == "ending\n"
        server.send_signal(second)
        assert server.communicate(timeout=20) == ("", "")
    assert server.returncode == 130
