"""One llama.cpp server for all tests here. Without the packages of requirements-real.txt there are none."""

import importlib.util
import socket
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
collect_ignore_glob = [] if importlib.util.find_spec("xllamacpp") else ["test_*.py"]


@pytest.fixture(scope="session")
def llama_url():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, str(HERE / "llama_server.py"), str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield f"{process.stdout.readline().strip()}/v1"
    finally:
        process.communicate(timeout=20)
