"""The settings rail: its components and their ids, no behaviour.

What most visitors touch is open; what they rarely need is folded behind a button that names it. What a visitor may
not change is said where it would be changed.
"""
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from agentui.ui.choices import LIMIT_FIELDS, LimitField
from agentui.ui.connections import Offer
from agentui.ui.terms import Terms
from agentui.version import __version__

KEY_NOTE = "A key stays in the server's memory, goes to this base URL only, and is forgotten when the URL changes."
_CAPS_NOTE = "This server's own limits, shown in the fields, are the most that a run may use."


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
    system_prompt: gr.Textbox
    imports: gr.Textbox
    tools: gr.CheckboxGroup
    key_note: gr.HTML
    "Says which key there is."

    @property
    def kept(self) -> list[gr.components.Component]:
        """What a page that opens again shows as it was left: everything but the key."""
        return [
            self.preset,
            self.base_url,
            self.model_id,
            *self.limits,
            self.instructions,
            self.system_prompt,
            self.imports,
            self.tools,
        ]

    @property
    def all(self) -> list[gr.components.Component]:
        """What goes into events, in this order: `kept`, and the key."""
        return [*self.kept, self.api_key]


def html(content: str, **options: Any) -> gr.HTML:
    """HTML of ours, without Gradio's typography and click events."""
    return gr.HTML(content, apply_default_css=False, padding=False, js_on_load=None, **options)


def settings_panel(offers: Sequence[Offer], terms: Terms) -> Fields:
    """Lay out the rail; call it where it is to stand."""
    html('<h2 class="au-h">Model</h2>')
    preset, base_url, model_id = _connection(offers)
    api_key, key_note = _key()
    html('<div class="au-test"><button type="button">Test the connection</button></div>')
    html('<h2 class="au-h">Limits of a run</h2>')
    with gr.Row(elem_id="limits"):
        limits = [_limit(field, getattr(terms.limits, field.name)) for field in LIMIT_FIELDS]
    if terms.capped:
        html(f'<p class="au-small">{_CAPS_NOTE}</p>')
    html('<h2 class="au-h">Agent</h2>')
    html(
        '<label class="au-ask-first"><input type="checkbox" id="au-ask-first"> Ask before code runs</label>'
        '<p class="au-small">Its imports, files, tools and endless loops are shown first.</p>'
    )
    instructions = gr.Textbox(
        label="Instructions",
        placeholder="Added to the end of the system prompt",
        elem_id="instructions",
        lines=3,
        max_lines=8,
    )
    system_prompt, imports, tools = _agent(terms)
    html(
        f'<p class="au-small">agentui {__version__} · '
        '<button type="button" class="au-link" data-au="api">Use it from a program</button></p>'
    )
    return Fields(
        preset=preset,
        base_url=base_url,
        model_id=model_id,
        api_key=api_key,
        limits=limits,
        instructions=instructions,
        system_prompt=system_prompt,
        imports=imports,
        tools=tools,
        key_note=key_note,
    )


def _agent(terms: Terms) -> tuple[gr.Textbox, gr.Textbox, gr.CheckboxGroup]:
    ours = terms.adjustable
    _fold("tools", "Tools", shown=ours and bool(terms.tools))
    tools = gr.CheckboxGroup(
        list(terms.tools), value=list(terms.tools), elem_id="tools", show_label=False, container=False, label="Tools"
    )
    _fold("system-prompt", "System prompt", shown=ours)
    system_prompt = gr.Textbox(
        terms.system_prompt,
        label="What the model reads first",
        info="{{imports}}, {{tools}} and {{instructions}} stand for these.",
        elem_id="system-prompt",
        lines=8,
        max_lines=20,
    )
    html(
        '<button type="button" class="au-link" id="restore-prompt" hidden '
        f'data-default="{escape(terms.system_prompt, quote=True)}">Restore the default</button>'
    )
    _fold("imports", "Imports", shown=ours and bool(terms.imports))
    imports = gr.Textbox(
        label="More modules that the code may import",
        info=f"Besides {', '.join(terms.imports)}" if terms.imports else None,
        placeholder="names, with commas between them",
        elem_id="imports",
        max_lines=1,
    )
    return system_prompt, imports, tools


def _fold(target: str, title: str, *, shown: bool) -> None:
    """A button that shows the component with the id `target`, which is folded away at first."""
    hidden = "" if shown else " hidden"
    html(
        f'<button type="button" class="au-fold" data-fold="{target}" aria-expanded="false" '
        f'aria-controls="{target}"{hidden}>{escape(title)}<span class="au-fold-fact"></span></button>'
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
    # A number field would turn "none" into 0. An empty one means the server's own limit, which shows in it.
    text = "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    own = text or "none"
    return gr.Textbox(text, label=field.label, placeholder=own, elem_id=field.elem_id, min_width=60, max_lines=1)
