"""One virtual machine of `huggingface_hub`, started with the bridge in it, and the way to be rid of it.

All of it blocks and belongs in threads. The machine costs money while it runs, so whatever fails ends it: a start that
does not succeed, a close, the end of this process, and, should none of these come about, its own idle timeout.
Nothing of the host goes into it: neither the token, nor its environment, nor its files besides the bridge's code.
"""

from __future__ import annotations

import json
import logging
import shlex
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from secrets import token_hex
from typing import Any, Final, Protocol

import httpx2
from huggingface_hub.errors import SandboxError as HubSandboxError

from agentui.errors import SandboxUnavailable
from agentui.sandbox.confinement import ResourceLimits
from agentui.sandbox.remote_bundle import BOOT, bundle

_LOGGER: Final = logging.getLogger(__name__)
_LOOK_S: Final = 0.1
_MAX_REASON_CHARS: Final = 300
_KILL_ATTEMPTS: Final = 3
_UNWANTED: Final = "the sandbox was closed before it had started"
SERVICE_ERRORS: Final = (HubSandboxError, httpx2.HTTPError, OSError, ValueError)
"What the service's client raises when something is wrong."


class Files(Protocol):
    """`huggingface_hub.SandboxFiles`, as far as it is used."""

    def read(self, path: str) -> bytes:
        """Read a file; a missing one is an error with status 404."""
        ...

    def write(self, path: str, data: str | bytes) -> None:
        """Write a file and make its directories."""


class HubProcess(Protocol):
    """`huggingface_hub.SandboxProcess`, as far as it is used."""

    @property
    def running(self) -> bool:
        """False once it has ended."""
        ...


class HubMachine(Protocol):
    """`huggingface_hub.Sandbox`, as far as it is used."""

    id: str

    @property
    def files(self) -> Files:
        """Its files."""
        ...

    @property
    def proxy_headers(self) -> dict[str, str]:
        """What authorises requests to `proxy_url_for`; to be read for each."""
        ...

    def run(self, cmd: list[str], *, background: Any) -> Any:
        """Start a program."""

    def processes(self) -> Sequence[HubProcess]:
        """The programs started in the background."""
        ...

    def proxy_url_for(self, port: int, path: str) -> str:
        """The URL of a server inside."""
        ...

    def kill(self) -> None:
        """End it; says nothing if that fails, and does nothing if it was done."""


class CreateMachine(Protocol):
    """`huggingface_hub.Sandbox.create`."""

    def __call__(
        self,
        image: str,
        *,
        flavor: str,
        idle_timeout: float,
        namespace: str | None,
        forward_hf_token: bool,
        start_timeout: float,
        token: str,
    ) -> Any:
        """Start a machine and wait until it can be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineOptions:
    """What machine to start, and what to put in it. `repr` does not show the token."""

    image: str
    flavor: str
    namespace: str | None
    requirements: tuple[str, ...]
    python: str
    idle_timeout_s: float
    start_timeout_s: float
    limits: ResourceLimits
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Started:
    """A machine whose bridge answers."""

    machine: HubMachine
    port: int


def start_machine(create: CreateMachine, options: MachineOptions, abandoned: threading.Event) -> Started:
    """Start a machine with a bridge in it; blocks for seconds, or for a minute where packages are installed.

    Args:
        create: Makes the machine.
        options: Which one.
        abandoned: Set by whoever does not want the machine any more.

    Raises:
        SandboxUnavailable: It did not start; whatever had been started was ended.
    """
    if abandoned.is_set():
        raise SandboxUnavailable(_UNWANTED)
    deadline = time.monotonic() + options.start_timeout_s
    try:
        machine: HubMachine = create(
            options.image,
            flavor=options.flavor,
            idle_timeout=options.idle_timeout_s,
            namespace=options.namespace,
            forward_hf_token=False,
            start_timeout=options.start_timeout_s,
            token=options.token,
        )
    except SERVICE_ERRORS as error:
        raise SandboxUnavailable(f"no virtual machine was started: {reason(error, options.token)}") from None
    try:
        port = _start_bridge(machine, options, deadline, abandoned)
    except SERVICE_ERRORS as error:
        end_machine(machine)
        raise SandboxUnavailable(f"the virtual machine was not set up: {reason(error, options.token)}") from None
    except SandboxUnavailable:
        end_machine(machine)
        raise
    return Started(machine, port)


def end_machine(machine: HubMachine) -> None:
    """End a machine; blocks for as long as the service takes to answer."""
    for _ in range(_KILL_ATTEMPTS):
        # It logs a failure and swallows it; once it has succeeded, calling it again does nothing.
        machine.kill()
    _LOGGER.debug("ended virtual machine %s", machine.id)


def reason(error: BaseException, token: str) -> str:
    """What went wrong, in one line that holds no token, with what to do about it where that is known."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None) or getattr(error, "status_code", None)
    lines = str(error).replace(token, "[token]").strip().splitlines()
    text = "".join(character for character in (lines or [""])[0] if character.isprintable())[:_MAX_REASON_CHARS]
    hints: Mapping[Any, str] = {
        401: "the token is not valid: set HF_TOKEN to one that may run jobs",
        402: "the account has no credit for it: see https://huggingface.co/settings/billing",
        403: "the token may not do this: give it the right to run jobs",
        429: "too many requests or machines at once: try again later, or end some",
    }
    hint = hints.get(status)
    return f"{type(error).__name__}: {text}" + (f" ({hint})" if hint else "")


def _start_bridge(machine: HubMachine, options: MachineOptions, deadline: float, abandoned: threading.Event) -> int:
    """Put the bridge into the machine, start it, and wait for its port."""
    directory = f"/tmp/agentui-{token_hex(8)}"
    settings = {
        "packages": f"{directory}/packages",
        "limits": asdict(options.limits),
        "idle_s": options.idle_timeout_s,
        "port_file": f"{directory}/port",
    }
    machine.files.write(f"{directory}/code.zip", bundle())
    machine.files.write(f"{directory}/settings.json", json.dumps(settings))
    machine.run(["/bin/sh", "-c", _script(directory, options)], background=True)
    while time.monotonic() < deadline:
        port = _read(machine, f"{directory}/port")
        if port is not None:
            return _checked_port(port)
        if not any(process.running for process in machine.processes()) and _read(machine, f"{directory}/port") is None:
            raise SandboxUnavailable(f"the program in the virtual machine ended: {_last_line(machine, directory)}")
        if abandoned.wait(_LOOK_S):
            raise SandboxUnavailable(_UNWANTED)
    raise SandboxUnavailable(
        f"the program in the virtual machine was not ready within {options.start_timeout_s:g} s: "
        f"{_last_line(machine, directory)}"
    )


def _script(directory: str, options: MachineOptions) -> str:
    python = shlex.quote(options.python)
    steps = [f"cd {directory}", f"{python} -m zipfile -e code.zip code"]
    if options.requirements:
        wanted = shlex.join(options.requirements)
        steps.append(f"{python} -m pip install --quiet --disable-pip-version-check --target packages {wanted}")
    # Without -B: what the bridge compiled is read by the process that workers are forked from.
    steps.append(f"exec {python} -I code/{BOOT} bridge 0 < settings.json")
    return f"exec > {directory}/log 2>&1; umask 022; {' && '.join(steps)}"


def _read(machine: HubMachine, path: str) -> bytes | None:
    """A file of the machine; None where there is none."""
    try:
        return machine.files.read(path)
    except HubSandboxError as error:
        if error.status_code == 404:
            return None
        raise


def _checked_port(text: bytes) -> int:
    if text.isdigit() and len(text) < 6 and 0 < int(text) < 1 << 16:
        return int(text)
    raise SandboxUnavailable("the program in the virtual machine named no port")


def _last_line(machine: HubMachine, directory: str) -> str:
    log = (_read(machine, f"{directory}/log") or b"")[-10_000:].decode("utf-8", "replace")
    lines = [line for line in log.splitlines() if line.strip()] or ["it said nothing"]
    # After its error pip may have a hint or a notice to add.
    line = ([line for line in lines if "error" in line.lower()] or lines)[-1]
    text = "".join(character for character in line if character.isprintable())
    return text[:_MAX_REASON_CHARS]
