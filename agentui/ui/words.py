"""Words and numbers for people: durations, sizes, and messages of the library in the terms of the page.

The library speaks to programmers and names arguments (`api_base`, `max_tokens=5000`); a visitor has fields. What a
program of the agent printed or raised is never touched.
"""

from __future__ import annotations

import re

_RAISED = re.compile(r"^\s*[\w.]+(Error|Exception|Warning|Interrupt)\b")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://")
_CAUSE = re.compile(r": [A-Z]\w*(Error|Exception|Timeout)(: .*)?$")
_VALUE = re.compile(r"\b(?:max_steps|max_seconds|max_tokens|max_cost_usd|step_seconds)=")
_FIELDS = {
    "api_base": "the base URL",
    "base_url": "the base URL",
    "api_key": "the key",
    "model_id": "the model id",
    "max_steps": "the limit Steps",
    "max_seconds": "the limit Seconds",
    "max_tokens": "the limit Tokens",
    "max_cost_usd": "the limit US dollars",
    "step_seconds": "the limit Seconds a step",
}
_NAME = re.compile(rf"\b(?:the )?({'|'.join(_FIELDS)})\b")


def humane(text: str) -> str:
    """`text` of an error with the names of the page's fields; what code raised stays as it is."""
    if "\n" in text.strip() or _RAISED.match(text):
        return text
    return _NAME.sub(lambda found: _FIELDS[found[1]], _VALUE.sub("", text))


def gist(text: str) -> str:
    """An error without what the client's program said about it, which is in the details."""
    return _CAUSE.sub("", humane(text))


def sentence(text: str) -> str:
    """`text` with a capital letter, unless it begins with an address, and a full stop."""
    text = text.strip()
    first = text[:1] if _ADDRESS.match(text) else text[:1].upper()
    return first + text[1:] + ("" if text.endswith((".", "!", "?", "…")) else ".")


def seconds(value: float) -> str:
    """A duration for people."""
    if value < 0.0995:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.1f} s"
    return f"{int(value) // 60} min {int(value) % 60} s".removesuffix(" 0 s")


def wait(value: float) -> str:
    """A duration that somebody waits for: no digits that do not matter."""
    return f"{max(value, 0.1):.1f} s".replace(".0 s", " s") if value < 10 else f"{value:.0f} s"


def short(count: int) -> str:
    """A large number in few digits, such as 9.1k."""
    if count < 1_000:
        return str(count)
    return f"{count / 1_000:.1f}k" if count < 99_950 else f"{count / 1_000:,.0f}k"


def dollars(usd: float) -> str:
    """US dollars, with as many digits as a small amount needs."""
    return f"${usd:.2f}" if usd >= 0.995 or usd == 0 else f"${usd:.2g}" if usd >= 1e-4 else f"${usd:.6f}".rstrip("0")


def size(count: int) -> str:
    """A number of bytes for people."""
    return (
        f"{count:,} bytes" if count < 1_000 else f"{count / 1_000:,.0f} kB" if count < 1e6 else f"{count / 1e6:,.1f} MB"
    )
