"""What stands where on the page: components and their ids, no behaviour.

The ids `task-input send stop chat run-bar steps usage-table model-preset base-url model-id api-key` are relied on
from outside. Style and behaviour are in `web/`; the inspector's inside is made by `web/inspector.js`.
"""
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from agentui.demo import EXAMPLES
from agentui.limits import Limits
from agentui.runnable import Runnable
from agentui.sandbox.base import SandboxInfo
from agentui.ui.choices import LIMIT_FIELDS, LimitField
from agentui.ui.connections import Offer
from agentui.ui.markup import DEMO_NOTE, TOP_TOOLS, top_bar, welcome
from agentui.version import __version__

KEY_NOTE = "A key stays in the server's memory, goes to this base URL only, and is forgotten when the URL changes."


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """The settings panel."""

    preset: gr.Dropdown
    base_url: gr.Textbox
    model_id: gr.Textbox
    api_key: gr.Textbox
    limits: Sequence[gr.Textbox]
    "In the order of `LIMIT_FIELDS`."
    instructions: gr.Textbox
    key_note: gr.HTML
    "Says which key there is."

    @property
    def all(self) -> list[gr.components.Component]:
        """What goes into events, in this order."""
        return [self.preset, self.base_url, self.model_id, self.api_key, *self.limits, self.instructions]


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
    go_on: gr.Button
    "Pressed by the browser for the button of a card in the transcript."
    go_on_run: gr.Textbox
    "The run of that card, filled in by the browser."
    follow_up: gr.Button
    "Pressed by the browser for the follow-up that the transcript offers."


def _html(content: str, **options: Any) -> gr.HTML:
    """HTML of ours, without Gradio's typography and click events."""
    return gr.HTML(content, apply_default_css=False, padding=False, js_on_load=None, **options)


def page(
    offers: Sequence[Offer],
    limits: Limits,
    sandbox: SandboxInfo,
    act: Callable[[object], Awaitable[object]],
    agent: Runnable | None = None,
) -> Parts:
    """Lay out the page; call it inside `gr.Blocks`. With an `agent` of its own it has no examples of the demo.

    `act` is what the page's scripts call.
    """
    with gr.Row(elem_id="top-bar"):
        _html(top_bar(sandbox), elem_id="top-left")
        new_chat = gr.Button("New chat", elem_id="new-chat", size="sm", min_width=0)
        _html(TOP_TOOLS, elem_id="top-tools")
    with gr.Row(elem_id="body"):
        with gr.Column(elem_id="settings", elem_classes="au-scroll"):
            fields = _settings(offers, limits)
        with gr.Column(elem_id="stage"):
            with gr.Row(elem_id="run-bar"):
                _html('<div class="au-status"></div>', elem_id="run-status")
                stop = gr.Button("Stop", elem_id="stop", variant="stop", size="sm", min_width=0)
            with gr.Row(elem_id="panes"):
                with gr.Column(elem_id="conversation"):
                    settled, live, chips = _transcript(agent)
                    task, send = _composer()
                    go_on, go_on_run, follow_up = _pressed_by_script()
                inspector = gr.HTML(
                    elem_id="inspector",
                    html_template='<div class="au-root"></div>',
                    js_on_load="window.agentui.start({ element, props, watch, server })",
                    apply_default_css=False,
                    padding=False,
                    server_functions=[act],
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
        go_on=go_on,
        go_on_run=go_on_run,
        follow_up=follow_up,
    )


def _pressed_by_script() -> tuple[gr.Button, gr.Textbox, gr.Button]:
    with gr.Row(elem_classes="au-hidden", elem_id="pressed-by-script"):
        go_on = gr.Button("Go on", elem_id="go-on", min_width=0)
        go_on_run = gr.Textbox(elem_id="go-on-run", container=False, show_label=False)
        follow_up = gr.Button("Follow-up", elem_id="follow-up", min_width=0)
    return go_on, go_on_run, follow_up


def _settings(offers: Sequence[Offer], limits: Limits) -> Fields:
    _html('<h2 class="au-h">Model</h2>')
    preset, base_url, model_id = _connection(offers)
    api_key, key_note = _key()
    _html('<div class="au-test"><button type="button">Test the connection</button></div>')
    _html('<h2 class="au-h">Limits of a run</h2>')
    with gr.Row(elem_id="limits"):
        limit_fields = [_limit(field, getattr(limits, field.name)) for field in LIMIT_FIELDS]
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
        limits=limit_fields,
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


def _limit(field: LimitField, value: float | None) -> gr.Textbox:
    # A number field would turn "none" into 0.
    text = "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return gr.Textbox(text, label=field.label, placeholder="none", elem_id=field.elem_id, min_width=60, max_lines=1)


def _transcript(agent: Runnable | None) -> tuple[gr.Chatbot, gr.Chatbot, list[gr.Button]]:
    with gr.Column(elem_id="chat", elem_classes="au-scroll"):
        with gr.Column(elem_id="welcome"):
            chips: list[gr.Button] = []
            if agent is not None:
                _html(welcome(agent.name, agent.description))
            else:
                _html(welcome())
                with gr.Row(elem_id="examples"):
                    chips = [
                        gr.Button(f"{example.title}\n{example.shows}", elem_classes="au-chip", min_width=0)
                        for example in EXAMPLES
                    ]
                _html(DEMO_NOTE)
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
