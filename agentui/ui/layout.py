"""What stands where on the page: components and their ids, no behaviour.

The ids `task-input send stop chat run-bar steps usage-table model-preset base-url model-id api-key` are relied on
from outside. Style and behaviour are in `web/`; the inspector's inside is made by `web/inspector.js`.
"""
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from agentui.demo import EXAMPLES
from agentui.limits import Limits
from agentui.sandbox.base import SandboxInfo
from agentui.ui.connections import Offer
from agentui.version import __version__

KEY_NOTE = "A key stays in the server's memory, goes to this base URL only, and is forgotten when the URL changes."
CHIPS = 8
"Examples that the empty page offers."


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """The settings panel."""

    preset: gr.Dropdown
    base_url: gr.Textbox
    model_id: gr.Textbox
    api_key: gr.Textbox
    max_steps: gr.Textbox
    max_seconds: gr.Textbox
    max_tokens: gr.Textbox
    instructions: gr.Textbox
    key_note: gr.HTML
    "Says which key there is."

    @property
    def all(self) -> list[gr.components.Component]:
        """What goes into events, in this order."""
        return [
            self.preset,
            self.base_url,
            self.model_id,
            self.api_key,
            self.max_steps,
            self.max_seconds,
            self.max_tokens,
            self.instructions,
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The components that events use."""

    fields: Fields
    settled: gr.Chatbot
    live: gr.Chatbot
    inspector: gr.HTML
    task: gr.Textbox
    send: gr.Button
    stop: gr.Button
    new_chat: gr.Button
    chips: list[gr.Button]


def _html(content: str, **options: Any) -> gr.HTML:
    """HTML of ours, without Gradio's typography and click events."""
    return gr.HTML(content, apply_default_css=False, padding=False, js_on_load=None, **options)


def page(
    offers: Sequence[Offer], limits: Limits, sandbox: SandboxInfo, lost_records: Callable[[object], object]
) -> Parts:
    """Lay out the page; call it inside `gr.Blocks`."""
    with gr.Row(elem_id="top-bar"):
        _html(_top_bar(sandbox), elem_id="top-left")
        new_chat = gr.Button("New chat", elem_id="new-chat", size="sm", min_width=0)
        _html(_TOP_TOOLS, elem_id="top-tools")
    with gr.Row(elem_id="body"):
        with gr.Column(elem_id="settings", elem_classes="au-scroll"):
            fields = _settings(offers, limits)
        with gr.Column(elem_id="stage"):
            with gr.Row(elem_id="run-bar"):
                _html('<div class="au-status"></div>', elem_id="run-status")
                stop = gr.Button("Stop", elem_id="stop", variant="stop", size="sm", min_width=0)
            with gr.Row(elem_id="panes"):
                with gr.Column(elem_id="conversation"):
                    settled, live, chips = _transcript()
                    task, send = _composer()
                inspector = gr.HTML(
                    elem_id="inspector",
                    html_template='<div class="au-root"></div>',
                    js_on_load="window.agentui.start({ element, props, watch, server })",
                    apply_default_css=False,
                    padding=False,
                    server_functions=[lost_records],
                )
    return Parts(
        fields=fields,
        settled=settled,
        live=live,
        inspector=inspector,
        task=task,
        send=send,
        stop=stop,
        new_chat=new_chat,
        chips=chips,
    )


def _settings(offers: Sequence[Offer], limits: Limits) -> Fields:
    _html('<h2 class="au-h">Model</h2>')
    preset, base_url, model_id = _connection(offers)
    api_key, key_note = _key()
    _html('<h2 class="au-h">Limits of a run</h2>')
    with gr.Row(elem_id="limits"):
        max_steps = _limit(limits.max_steps, "Steps", "max-steps")
        max_seconds = _limit(limits.max_seconds, "Seconds", "max-seconds")
        max_tokens = _limit(limits.max_tokens, "Tokens", "max-tokens")
    _html('<h2 class="au-h">Agent</h2>')
    instructions = gr.Textbox(
        label="Instructions",
        placeholder="Added to the end of the system prompt",
        elem_id="instructions",
        lines=3,
        max_lines=8,
    )
    _html(
        f'<p class="au-small">agentui {__version__} · '
        '<button type="button" class="au-link" data-au="api">Use it from a program</button></p>'
    )
    return Fields(
        preset=preset,
        base_url=base_url,
        model_id=model_id,
        api_key=api_key,
        max_steps=max_steps,
        max_seconds=max_seconds,
        max_tokens=max_tokens,
        instructions=instructions,
        key_note=key_note,
    )


def _connection(offers: Sequence[Offer]) -> tuple[gr.Dropdown, gr.Textbox, gr.Textbox]:
    first = offers[0]
    preset = gr.Dropdown(
        [(offer.title, offer.name) for offer in offers],
        value=first.name,
        label="Preset",
        elem_id="model-preset",
        filterable=False,  # typing into the list would only edit the name of what is chosen
    )
    base_url = gr.Textbox(
        first.base_url, label="Base URL", placeholder="https://… /v1", elem_id="base-url", max_lines=1
    )
    model_id = gr.Textbox(
        next(iter(first.model_ids), ""),
        label="Model id",
        placeholder="as the server knows it",
        elem_id="model-id",
        max_lines=1,
    )
    return preset, base_url, model_id


def _key() -> tuple[gr.Textbox, gr.HTML]:
    api_key = gr.Textbox(
        label="Key",
        type="password",
        placeholder="if the server wants one",
        elem_id="api-key",
        max_lines=1,
        html_attributes=gr.InputHTMLAttributes(autocomplete="off", spellcheck=False),
    )
    key_note = gr.HTML(
        KEY_NOTE,
        elem_id="key-note",
        html_template='<p class="au-small">{{value}}</p>',
        apply_default_css=False,
        padding=False,
        js_on_load=None,
    )
    return api_key, key_note


def _limit(value: float | None, label: str, elem_id: str) -> gr.Textbox:
    # A number field would turn "none" into 0.
    text = "" if value is None else f"{value:g}"
    return gr.Textbox(text, label=label, placeholder="none", elem_id=elem_id, min_width=60, max_lines=1)


def _transcript() -> tuple[gr.Chatbot, gr.Chatbot, list[gr.Button]]:
    with gr.Column(elem_id="chat", elem_classes="au-scroll"):
        with gr.Column(elem_id="welcome"):
            _html(_WELCOME)
            with gr.Row(elem_id="examples"):
                chips = [
                    gr.Button(f"{example.title}\n{example.shows}", elem_classes="au-chip", min_width=0)
                    for example in EXAMPLES[:CHIPS]
                ]
            _html(_DEMO_NOTE)
        settled = _chatbot("transcript")
        live = _chatbot("live-step")
    return settled, live, chips


def _chatbot(elem_id: str) -> gr.Chatbot:
    return gr.Chatbot(
        elem_id=elem_id,
        elem_classes="au-messages",
        show_label=False,
        container=False,
        autoscroll=False,
        height=None,
        layout="panel",
        buttons=[],
        group_consecutive_messages=False,
        feedback_options=None,
        allow_tags=False,
        latex_delimiters=[],
        placeholder=" ",
    )


def _composer() -> tuple[gr.Textbox, gr.Button]:
    with gr.Row(elem_id="composer"):
        task = gr.Textbox(
            elem_id="task-input",
            show_label=False,
            container=False,
            placeholder="Give the agent a task …",
            lines=1,
            max_lines=8,
            autofocus=True,
            scale=1,
            label="Task",
        )
        send = gr.Button("Send", elem_id="send", variant="primary", min_width=0, scale=0)
    _html('<p id="composer-hint" class="au-small"></p>', elem_id="hint-line")
    return task, send


def _top_bar(sandbox: SandboxInfo) -> str:
    tier = f"sandbox {sandbox.tier}" if sandbox.isolated else "not isolated"
    kind = "good" if sandbox.isolated else "bad"
    promise = html.escape(" ".join(part for part in (sandbox.promise, sandbox.reason) if part), quote=True)
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
_TOP_TOOLS = (
    '<button type="button" class="au-icon" data-au="theme" aria-label="Light or dark" title="Light or dark">'
    f"{_ICON_THEME}</button>"
)
_WELCOME = (
    "<h2>Watch an agent work</h2>"
    "<p>It thinks, writes Python and runs it in a sandbox, step by step. You see every token, every line of output "
    "and what it cost, while it happens.</p>"
)
_DEMO_NOTE = (
    '<p class="au-small">The demo model is <b>scripted</b>: its words are recorded, the code really runs. '
    '<button type="button" class="au-link" data-au="connect">Connect a model</button> to give it any task.</p>'
)
