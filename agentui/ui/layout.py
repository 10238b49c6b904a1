"""What stands where on the page: components and their ids, no behaviour.

The ids `task-input send stop chat run-bar steps usage-table model-preset base-url model-id api-key` are relied on
from outside. Style and behaviour are in `web/`; the inspector's inside is made by `web/inspector.js`.
"""
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import gradio as gr

from agentui.demo import EXAMPLES
from agentui.runnable import Runnable
from agentui.sandbox.base import SandboxInfo
from agentui.ui.connections import Offer
from agentui.ui.markup import DEMO_NOTE, TOP_TOOLS, top_bar, welcome
from agentui.ui.settings_panel import Fields, html, settings_panel
from agentui.ui.terms import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """What only the browser presses and fills in.

    Attributes:
        go_on: For the button of a card in the transcript.
        go_on_run: The run of that card.
        follow_up: For the follow-up that the transcript offers.
        attach: When its connection is back.
        known: What the browser has already then.
    """

    go_on: gr.Button
    go_on_run: gr.Textbox
    follow_up: gr.Button
    attach: gr.Button
    known: gr.Textbox


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
    pressed: Pressed


def page(
    offers: Sequence[Offer],
    terms: Terms,
    sandbox: SandboxInfo,
    act: Callable[[object], Awaitable[object]],
    agent: Runnable | None = None,
) -> Parts:
    """Lay out the page; call it inside `gr.Blocks`. With an `agent` of its own it has no examples of the demo.

    `act` is what the page's scripts call.
    """
    with gr.Row(elem_id="top-bar"):
        html(top_bar(sandbox), elem_id="top-left")
        new_chat = gr.Button("New chat", elem_id="new-chat", size="sm", min_width=0)
        html(TOP_TOOLS, elem_id="top-tools")
    with gr.Row(elem_id="body"):
        with gr.Column(elem_id="settings", elem_classes="au-scroll"):
            fields = settings_panel(offers, terms)
        with gr.Column(elem_id="stage"):
            with gr.Row(elem_id="run-bar"):
                html('<div class="au-status"></div>', elem_id="run-status")
                stop = gr.Button("Stop", elem_id="stop", variant="stop", size="sm", min_width=0)
            with gr.Row(elem_id="panes"):
                with gr.Column(elem_id="conversation"):
                    settled, live, chips = _transcript(agent)
                    task, send = _composer()
                    pressed = _pressed_by_script()
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
        pressed=pressed,
    )


def _pressed_by_script() -> Pressed:
    with gr.Row(elem_classes="au-hidden", elem_id="pressed-by-script"):
        return Pressed(
            go_on=gr.Button("Go on", elem_id="go-on", min_width=0),
            go_on_run=gr.Textbox(elem_id="go-on-run", container=False, show_label=False),
            follow_up=gr.Button("Follow-up", elem_id="follow-up", min_width=0),
            attach=gr.Button("Attach", elem_id="attach", min_width=0),
            known=gr.Textbox(elem_id="known", container=False, show_label=False),
        )


def _transcript(agent: Runnable | None) -> tuple[gr.Chatbot, gr.Chatbot, list[gr.Button]]:
    with gr.Column(elem_id="chat", elem_classes="au-scroll"):
        with gr.Column(elem_id="welcome"):
            chips: list[gr.Button] = []
            if agent is not None:
                html(welcome(agent.name, agent.description))
            else:
                html(welcome())
                with gr.Row(elem_id="examples"):
                    chips = [
                        gr.Button(f"{example.title}\n{example.shows}", elem_classes="au-chip", min_width=0)
                        for example in EXAMPLES
                    ]
                html(DEMO_NOTE)
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
    html('<p id="composer-hint" class="au-small"></p>', elem_id="hint-line")
    return task, send
