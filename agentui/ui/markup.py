"""HTML of the page that never changes: its top bar and its welcome."""

from __future__ import annotations

import html

from agentui.sandbox.base import SandboxInfo


def top_bar(sandbox: SandboxInfo) -> str:
    """Name, settings button and what the sandbox promises."""
    tier = f"sandbox {sandbox.tier}" if sandbox.isolated else "not isolated"
    kind = "good" if sandbox.isolated else "bad"
    promise = html.escape(" ".join(part for part in (sandbox.promise, sandbox.shortcoming) if part), quote=True)
    return (
        '<div class="au-brand"><button type="button" class="au-icon" data-au="settings" aria-label="Settings" '
        'aria-expanded="true" aria-controls="settings" title="Settings">'
        f"{_ICON_SETTINGS}</button><h1>agentui</h1>"
        f'<button type="button" class="au-badge au-{kind}" data-au="sandbox" title="{promise}" '
        f'aria-expanded="false" aria-controls="au-promise">{tier}</button>'
        f'<p id="au-promise" class="au-promise" role="note" hidden>{promise}</p></div>'
    )


_ICON_SETTINGS = (
    '<svg viewBox="0 0 20 20" width="18" height="18" fill="none" stroke="currentColor" stroke-width="1.6" '
    'stroke-linecap="round" aria-hidden="true"><path d="M3 6h8M15 6h2M3 14h2M9 14h8"/>'
    '<circle cx="13" cy="6" r="2"/><circle cx="7" cy="14" r="2"/></svg>'
)
_ICON_THEME = (
    '<svg viewBox="0 0 20 20" width="18" height="18" fill="none" stroke="currentColor" stroke-width="1.6" '
    'aria-hidden="true"><circle cx="10" cy="10" r="6.5"/><path d="M10 3.5a6.5 6.5 0 0 1 0 13z" fill="currentColor"/>'
    "</svg>"
)
_ICON_KEYS = (
    '<svg viewBox="0 0 20 20" width="18" height="18" fill="none" stroke="currentColor" stroke-width="1.5" '
    'stroke-linecap="round" aria-hidden="true"><rect x="2" y="5" width="16" height="10.5" rx="2"/>'
    '<path d="M5.5 8.5h.01M8.5 8.5h.01M11.5 8.5h.01M14.5 8.5h.01M6.5 12h7"/></svg>'
)
TOP_TOOLS = (
    '<button type="button" class="au-icon au-wide" data-au="shortcuts" aria-label="Keyboard shortcuts" '
    f'title="Keyboard shortcuts (?)">{_ICON_KEYS}</button>'
    '<button type="button" class="au-icon" data-au="theme" aria-label="Light or dark" title="Light or dark">'
    f"{_ICON_THEME}</button>"
)
_WHAT_IT_DOES = (
    "It thinks, writes Python and runs it in a sandbox, step by step. You see every token, every line of output "
    "and what it cost, while it happens."
)


def welcome(name: str | None = None, description: str | None = None) -> str:
    """What stands there before the first task.

    Args:
        name: Of the agent that the page was made for, if it has one.
        description: What that agent does.
    """
    title = html.escape(name) if name else "Watch an agent work"
    return f"<h2>{title}</h2><p>{html.escape(description or _WHAT_IT_DOES)}</p>"


DEMO_NOTE = (
    '<p class="au-small au-demo-note">The demo model is <b>scripted</b>: its words are recorded, the code really runs. '
    '<button type="button" class="au-link" data-au="connect">Connect a model</button> to give it any task.</p>'
)
