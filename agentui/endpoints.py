"""Which base URLs a visitor may make this server talk to.

Covered: malformed URLs, keys inside URLs, and in shared mode every name or address that leads to a loopback,
private, link-local or otherwise not public address, in any spelling; all addresses of a name are looked at.
Not covered: a name that changes its address between this check and the request, and redirects, which the HTTP
client must refuse.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from urllib.parse import SplitResult, urlsplit, urlunsplit

from agentui.errors import ConfigError

RESOLVE_S = 5.0
"Seconds that a name may take to resolve."
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


async def check_endpoint(base_url: str, *, public_only: bool) -> str:
    """The normal form of a base URL that may be used.

    Args:
        base_url: As a visitor typed it.
        public_only: Refuse whatever does not lead to a public address.

    Raises:
        ConfigError: It cannot be used; the message says why.
    """
    parts = _split(base_url)
    if public_only:
        await _require_public(parts)
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path.rstrip("/"), "", ""))


def normal_url(base_url: str) -> str:
    """The form in which two spellings of the same base URL are equal; anything else comes back stripped."""
    try:
        parts = _split(base_url)
    except ConfigError:
        return base_url.strip()
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path.rstrip("/"), "", ""))


def _split(base_url: str) -> SplitResult:
    text = base_url.strip()
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise ConfigError(f"base URL {text[:200]!r} is not a URL ({error}): correct it") from None
    if parts.username is not None or parts.password is not None:
        raise ConfigError("the base URL has a name or key in it: take it out, and put the key into the key field")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(f"base URL {text[:200]!r} is not of the form http(s)://host/path: correct it")
    if parts.query or parts.fragment:
        raise ConfigError("the base URL has a ? or # part: leave that part out")
    return parts


async def _require_public(parts: SplitResult) -> None:
    host = parts.hostname or ""
    for address in await _resolve(host, parts.port or (443 if parts.scheme == "https" else 80)):
        if not _is_public(address):
            raise ConfigError(
                f"base URL host {host!r} leads to {address}, which is not a public address: "
                "a shared playground reaches public endpoints only; run agentui on your own machine for local servers"
            )


async def _resolve(host: str, port: int) -> list[IPAddress]:
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        pass
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_S):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        raise ConfigError(f"base URL host {host!r} cannot be found: check the spelling and the network") from None
    return [ipaddress.ip_address(str(address[0]).partition("%")[0]) for *_, address in found]


def _is_public(address: IPAddress) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner)
    return address.is_global and not address.is_multicast
