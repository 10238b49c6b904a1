"""The servers that the same assertions are made on: how each is started, which models it has, what it checks.

Each is a process of its own on a free loopback port, ready when its health page answers, ended by its id.
"""

import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

HERE = Path(__file__).parent
OTHERS = Path(sys.prefix) / "servers" / "bin"
KEY = "sk-real-server"
TASK = "What is 17 * 23?"
SOLUTION = "I multiply the two numbers.\n<code>\nproduct = 17 * 23\nfinal_answer(product)\n</code>\nThat was all."
LIST = "One is red, two is green, and three is blue."
STORY = " ".join(f"word{number}" for number in range(2_000))
UNKNOWN = "no-such-model"
START_S = 90


@dataclass(frozen=True, kw_only=True)
class Server:
    """One entry of the list below."""

    name: str
    program: Path
    "Has to be there for the tests of this server to run."
    words: Callable[[int, Path], list]
    "Its command line, for a port and a directory to write to."
    health: str
    models: dict[str, str]
    "Its names for the models that solve the task, write a list and tell a long story."
    script: tuple[dict, ...] = ()
    "What it is told to do once it runs."
    refuses_key: bool = False
    refuses_model: bool = False
    repeats: bool = False
    "It counts the same for the same request without a stream."

    def __str__(self):
        return self.name


def litellm_words(port, directory):
    models = [
        {"model_name": name, "litellm_params": {"model": f"openai/{name}", "api_key": "none", "mock_response": text}}
        for name, text in MOCKS.items()
    ]
    config = directory / "litellm.yaml"  # JSON is YAML
    config.write_text(json.dumps({"model_list": models, "general_settings": {"master_key": KEY}}))
    return [OTHERS / "litellm", "--config", config, "--host", "127.0.0.1", "--port", port, "--telemetry", "False"]


MOCKS = {"solver": SOLUTION, "lister": LIST, "teller": STORY}
SAME = dict.fromkeys(MOCKS, "smollm2-135m")
SERVERS = [
    Server(
        name="llama.cpp",
        program=Path(sys.executable),
        words=lambda port, _: [sys.executable, HERE / "llama_server.py", port, KEY],
        health="/health",
        models=SAME,
        refuses_key=True,
        repeats=True,
    ),
    Server(
        name="litellm",
        program=OTHERS / "litellm",
        words=litellm_words,
        health="/health/liveliness",
        models={name: name for name in MOCKS},
        refuses_key=True,
        refuses_model=True,
    ),
    Server(
        name="llmock",
        program=OTHERS / "llmock",
        words=lambda port, _: [OTHERS / "llmock", "serve", "--port", port, "--stream-chunk-delay-ms", "5"],
        health="/health",
        models={name: name for name in MOCKS},
        script=(
            *({"type": "reply", "text": MOCKS[name], "match": {"model": name}, "times": None} for name in MOCKS),
            {"type": "fail", "status": 404, "match": {"model": UNKNOWN}, "times": None},
        ),
        refuses_model=True,
        repeats=True,
    ),
]


@contextmanager
def running(server, directory):
    """Start it, give its port when it is ready, and end it.

    Raises:
        RuntimeError: It ended by itself or is not ready after START_S seconds; with the end of its output.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = directory / "output.txt"
    offline = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(word) for word in server.words(port, directory)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env={**os.environ, **offline, "PYTHONUNBUFFERED": "1"},
        )
    try:
        _wait_until_ready(server, process, port, log)
        if server.script:
            post(port, "/_llmock/scenario", {"behaviors": server.script})
        yield port
    finally:
        process.terminate()
        process.communicate(timeout=20)


def post(port, path, body):
    """What the server answers to a plain request, without agentui and its client."""
    return call("POST", port, path, json.dumps(body).encode())


def call(method, port, path, body=None):
    """The same for any request."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers, method=method)
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def _wait_until_ready(server, process, port, log):
    deadline = monotonic() + START_S
    while process.poll() is None and monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{server.health}", timeout=5):
                return
        except OSError:  # nobody listens yet, or it is still loading
            sleep(0.1)
    raise RuntimeError(f"{server} is not ready: exit status {process.poll()}\n{log.read_text()[-3000:]}")
