"""Why no connection could be made, as a reason and what to do about it. Pure; the words of the system go last."""

from __future__ import annotations

import errno
import socket
import ssl

_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})
_CHECK = "check that the server runs and that api_base is right"


def why_unreachable(cause: BaseException, host: str, *, tls: bool) -> tuple[str, str]:
    """The reason and the advice for `cause`, the first of the exceptions that led to the failure.

    Args:
        cause: As the socket or the TLS library raised it.
        host: The name that was asked for.
        tls: The address begins with https.
    """
    match cause:
        case socket.gaierror():
            return f"the name {host!r} is not known", "check the spelling of api_base, and the network"
        case ConnectionRefusedError():
            return "nothing listens there", "start the server, or correct the port in api_base"
        case ssl.SSLCertVerificationError():
            reason = cause.verify_message or "it cannot be checked"
            return f"its certificate is not trusted ({reason})", "use the name that the certificate is for in api_base"
        case ssl.SSLError():
            return f"it does not speak TLS as https needs it ({cause.reason or 'no reason given'})", _TRY_HTTP
        case ConnectionResetError() | BrokenPipeError():
            return "it hung up before it answered", _TRY_HTTP if tls else _CHECK
        case OSError() if cause.errno in _NO_WAY:
            return "no network leads there", "check the network, and the address in api_base"
        case _:
            return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__, _CHECK


_TRY_HTTP = "if it is a plain server, begin api_base with http:// instead"
