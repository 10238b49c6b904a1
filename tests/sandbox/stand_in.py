"""A stand-in for `huggingface_hub.Sandbox`: the same methods and signatures, on this machine.

A "machine" is a set of real processes with an environment of their own, and a proxy in front of their ports that asks
for the same headers, speaks HTTP as a proxy does (chunked bodies, own connections), and fails on demand.
"""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from secrets import token_hex
from typing import Any, ClassVar, Literal

from huggingface_hub.errors import SandboxCommandError, SandboxError

TOKEN = "hf_stand_in_secret"
Mode = Literal["pass", "stall", "garbage", "cut", "unreachable", "flood"]


@dataclass
class StandInResult:
    exit_code: int | None
    stdout: str
    stderr: str
    signal: int | None = None
    timed_out: bool = False
    duration_ms: int = 0


@dataclass
class StandInProcess:
    id: str
    pid: int
    cmd: str | list[str]
    running: bool
    exit_code: int | None
    _popen: subprocess.Popen[bytes] = field(repr=False)

    def kill(self) -> bool:
        alive = self._popen.poll() is None
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()
        return alive


class StandInFiles:
    """Absolute paths, as in a dedicated machine; the directories that it made are deleted with the machine."""

    def __init__(self) -> None:
        self.made: set[Path] = set()

    def read(self, path: str) -> bytes:
        try:
            return Path(path).read_bytes()
        except FileNotFoundError:
            raise SandboxError(f"Sandbox API error (404): no such file: {path}", status_code=404) from None

    def write(self, path: str, data: str | bytes | Any, mode: str | None = None) -> None:
        target = Path(path)
        if not target.parent.exists():
            self.made.add(target.parent)
            target.parent.mkdir(parents=True)
        target.write_bytes(data.encode() if isinstance(data, str) else data)


class StandInSandbox:
    """One machine. Class attributes say how the next ones behave; tests use a subclass each."""

    made: ClassVar[list[StandInSandbox]] = []
    create_error: ClassVar[Exception | None] = None
    creating: ClassVar[Callable[[], object]] = staticmethod(lambda: None)
    "Called while a machine starts."
    kill_failures: ClassVar[int] = 0

    def __init__(self, arguments: dict[str, Any]) -> None:
        self.id = token_hex(12)
        self.arguments = arguments
        self.files = StandInFiles()
        self.killed = threading.Event()
        self.mode: Mode = "pass"
        self.requests = 0
        self._asked = threading.Condition()
        self.released = threading.Event()
        "Lets requests go on that stall."
        self._processes: list[StandInProcess] = []
        self._sandbox_token = token_hex(16)
        self._failures = self.kill_failures
        handler = type("Handler", (_Proxy,), {"machine": self})
        self._proxy = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._proxy.daemon_threads = True
        self._serving = threading.Thread(target=self._proxy.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._serving.start()

    def count_request(self) -> None:
        with self._asked:
            self.requests += 1
            self._asked.notify_all()

    def wait_for_requests(self, count: int) -> None:
        """Wait until `count` requests have come; blocks."""
        with self._asked:
            self._asked.wait_for(lambda: self.requests >= count)

    @classmethod
    def create(
        cls,
        image: str = "python:3.12",
        *,
        flavor: str = "cpu-basic",
        idle_timeout: int | float | str | None = 600,
        env: dict[str, Any] | None = None,
        secrets: dict[str, Any] | None = None,
        volumes: list[Any] | None = None,
        namespace: str | None = None,
        forward_hf_token: bool = False,
        labels: dict[str, str] | None = None,
        start_timeout: float = 120.0,
        token: str | None = None,
    ) -> StandInSandbox:
        arguments = {name: value for name, value in locals().items() if name != "cls"}
        if token != TOKEN:
            raise SandboxError(f"401: the token {token} is not valid", status_code=401)
        if cls.create_error is not None:
            raise cls.create_error
        cls.creating()
        machine = cls(arguments)
        cls.made.append(machine)
        return machine

    def run(
        self,
        cmd: str | list[str],
        *,
        shell: bool | None = None,
        env: dict[str, Any] | None = None,
        cwd: str | None = None,
        timeout: float | None = None,
        stdin: str | None = None,
        on_stdout: Callable[[str], None] | None = None,
        on_stderr: Callable[[str], None] | None = None,
        check: bool = True,
        capture_output: bool = True,
        background: bool = False,
    ) -> Any:
        words = ["/bin/sh", "-c", cmd] if isinstance(cmd, str) else cmd
        own = {"PATH": os.environ["PATH"], "HOME": "/", **(env or {}), **(self.arguments["env"] or {})}
        options: dict[str, Any] = {"env": own, "cwd": cwd or "/", "process_group": 0}
        if background:
            null = subprocess.DEVNULL
            popen = subprocess.Popen(words, stdin=null, stdout=null, stderr=null, **options)
            process = StandInProcess(token_hex(4), popen.pid, cmd, True, None, popen)
            self._processes.append(process)
            return process
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=timeout, **options)
        result = StandInResult(done.returncode, done.stdout, done.stderr)
        if check and done.returncode:
            raise SandboxCommandError(cmd=cmd, result=result)
        return result

    def processes(self) -> list[StandInProcess]:
        for process in self._processes:
            process.exit_code = process._popen.poll()
            process.running = process.exit_code is None
        return self._processes

    def proxy_url_for(self, port: int | str, path: str = "/", *, scheme: str = "https://") -> str:
        return f"http://127.0.0.1:{self._proxy.server_port}/v1/proxy/{port}{path}"

    @property
    def proxy_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {TOKEN}", "X-Sandbox-Token": self._sandbox_token}

    def kill(self) -> None:
        if self._failures:
            self._failures -= 1
            return
        if not self.killed.is_set():
            self.die()
            self.killed.set()

    def die(self) -> None:
        """End as a machine does that loses its power, without a word to anybody."""
        for process in self._processes:
            process.kill()
        self.released.set()
        self._proxy.shutdown()
        self._serving.join()
        self._proxy.server_close()
        for path in self.files.made:
            shutil.rmtree(path, ignore_errors=True)


class _Proxy(BaseHTTPRequestHandler):
    machine: StandInSandbox
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._forward()

    do_POST = do_DELETE = do_GET

    def _forward(self) -> None:
        machine = self.machine
        machine.count_request()
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        asked = {name: self.headers.get(name) for name in machine.proxy_headers}
        if asked != machine.proxy_headers:
            self._reply(401, b"")
            return
        match machine.mode:
            case "stall":
                machine.released.wait()
                self.close_connection = True
            case "garbage":
                self.wfile.write(os.urandom(300) + b"\r\n\r\n")
                self.close_connection = True
            case "cut":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this")
                self.close_connection = True
            case "flood":
                with suppress(OSError):
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
                    while not machine.released.is_set():
                        self.wfile.write(bytes(1 << 16))
                self.close_connection = True
            case "unreachable":
                self._reply(502, b"bad gateway")
            case "pass":
                self._pass_on(body)

    def _pass_on(self, body: bytes) -> None:
        _, _, _, port, *rest = self.path.split("/", 4)
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)
        try:
            # A proxy that streams does not know the length.
            headers = {"Transfer-Encoding": "chunked"} if body else {}
            connection.request(
                self.command,
                f"/{rest[0]}",
                body=iter([body[:100], body[100:]]) if body else None,
                headers=headers,
                encode_chunked=True,
            )
            answer = connection.getresponse()
            self._reply(answer.status, answer.read())
        except (OSError, http.client.HTTPException):
            with suppress(OSError):
                self._reply(502, b"bad gateway")
        finally:
            connection.close()

    def _reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a test says what it needs itself."""
