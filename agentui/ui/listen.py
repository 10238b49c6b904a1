"""Where the server listens: the port that was asked for, or the first free one of Gradio's usual hundred.

Looked for here, on the address itself, because Gradio only tries the port on another one and reports no reason.
"""

from __future__ import annotations

import errno
import socket

from agentui.errors import ConfigError

FIRST_PORT = 7860
PORTS = range(FIRST_PORT, FIRST_PORT + 100)


def choose_port(host: str, port: int | None) -> int:
    """A port that can be listened on.

    Args:
        host: Address or name to listen on; an IPv6 address with or without brackets.
        port: The only port that will do; None for the first free one from 7860 on.

    Raises:
        ConfigError: `port` is no port, or it or the address cannot be listened on.
    """
    if port is not None and not 1 <= port <= 65_535:
        raise ConfigError(f"port {port} is not a port: say --port N with N from 1 to 65535, or leave it out")
    family, address = _resolve(host)
    for candidate in PORTS if port is None else (port,):
        try:
            _try(family, (address, candidate))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                reason = error.strerror or str(error)
                raise ConfigError(
                    f"cannot listen on {host} port {candidate}: {reason}: see --host and --port"
                ) from None
        else:
            return candidate
    if port is not None:
        raise ConfigError(f"port {port} is in use: choose another with --port N, or leave it out for a free one")
    raise ConfigError(f"the ports {PORTS[0]} to {PORTS[-1]} are all in use: choose another with --port N")


def _resolve(host: str) -> tuple[socket.AddressFamily, str]:
    try:
        found = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise ConfigError(f"{host!r} is not an address of this machine: see --host") from None
    family, _, _, _, address = found[0]
    return family, str(address[0])


def _try(family: socket.AddressFamily, address: tuple[str, int]) -> None:
    """Listen for a moment.

    Raises:
        OSError: It cannot be done.
    """
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind(address)
        trial.listen()
