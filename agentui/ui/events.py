"""The page's events: thin bindings between its components and the service behind it.

Each page runs two long events that only watch its visitor: one yields the settled messages when they change, one
the live step and the records. What a frame costs does not depend on the length of the chat for that reason. Every
other event is short. All are private but `/run`, which is the API.
"""
# Gradio's own types are partly unknown.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any

import gradio as gr

from agentui.demo import EXAMPLES
from agentui.errors import ConfigError
from agentui.line import Turn
from agentui.runner import Run
from agentui.sandbox.base import SandboxInfo
from agentui.ui.choices import Choices
from agentui.ui.connections import DEMO, keep_key, preset_of
from agentui.ui.feed import Feed
from agentui.ui.known import known
from agentui.ui.layout import Parts, page
from agentui.ui.pace import pace
from agentui.ui.service import Service
from agentui.ui.settings_panel import KEY_NOTE
from agentui.ui.signals import Watch, frames
from agentui.ui.visitors import Visitor

BEAT_S = 15.0
"Seconds of silence after which a page is sent the same again, which frees the place of one that has gone."
SWEEP_S = 60.0
_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_WATCH: dict[str, Any] = {**_PRIVATE, "postprocess": False, "concurrency_limit": None, "trigger_mode": "multiple"}
_ACT: dict[str, Any] = {**_PRIVATE, "queue": False, "trigger_mode": "multiple"}


class Page(gr.Blocks):
    """The page as Gradio serves it."""

    service: Service


class PageEvents:
    """The page's events, bound to one service."""

    def __init__(self, service: Service, sandbox: SandboxInfo) -> None:
        self.service = service
        self.sandbox = sandbox
        self._newcomers: dict[str, str] = {}
        "Visitors whose browser does not know its id yet, by Gradio's session: they may already act."
        self._watches: dict[str, set[Watch]] = {}
        self._api_runs: dict[str, set[Run | Turn]] = {}
        self._sweeper: asyncio.Task[None] | None = None

    def build(self) -> Page:
        """Lay out the page and bind its events."""
        service = self.service

        async def act(request: object) -> dict[str, Any]:  # a function of its own: Gradio marks it as callable
            return await service.actions.act(request)

        with Page(title="agentui", fill_height=True, fill_width=True, analytics_enabled=False) as demo:
            # Both are fixed, or a restart of the server would make strangers of all visitors.
            visitor = gr.BrowserState(None, storage_key="agentui-visitor", secret="agentui-visitor-v1")
            parts = page(service.connections.offers, service.terms, self.sandbox, act, service.own_agent)
            self._bind(demo, parts, visitor)
            gr.api(self.run, api_name="run", concurrency_limit=None)
        demo.service = service
        return demo

    def _bind(self, demo: gr.Blocks, parts: Parts, visitor: gr.BrowserState) -> None:
        fields = parts.fields
        connection = [fields.preset, fields.base_url, fields.model_id]
        hello = demo.load(self.hello, [visitor], [visitor, *fields.kept, fields.key_note], **_ACT)
        again = parts.pressed.attach.click(None, None, [parts.pressed.known], js="agentui.known", **_ACT)
        for opened in (hello, again):
            opened.then(self.watch_settled, [visitor], [parts.settled, parts.live], **_WATCH)
            opened.then(self.watch_live, [visitor, parts.pressed.known], [parts.live, parts.inspector], **_WATCH)
        demo.unload(self.unload)
        sending: dict[str, Any] = {
            "inputs": [visitor, parts.task, *fields.all],
            "outputs": [parts.task, fields.api_key, fields.key_note],
            **_ACT,
        }
        parts.send.click(self.send, **sending)
        parts.task.submit(self.send, **sending)
        for chip, example in zip(parts.chips, EXAMPLES, strict=False):
            chip.click(_constant(example.task), None, [parts.task], **_ACT).then(self.send, **sending)
        parts.pressed.follow_up.click(self.follow_up, [visitor], [parts.task], **_ACT).then(self.send, **sending)
        parts.pressed.go_on.click(
            self.go_on,
            [visitor, parts.pressed.go_on_run, *fields.all],
            [fields.api_key, fields.key_note],
            js="agentui.withRunToGoOn",
            **_ACT,
        )
        parts.stop.click(self.stop, [visitor, parts.task], [parts.task], **_ACT)
        parts.new_chat.click(self.new_chat, [visitor], None, **_ACT)
        # The browser itself keeps preset and URL in step: an answer of the server could come too late.
        chosen = fields.preset.input(None, connection, connection, js="agentui.choosePreset", **_ACT)
        typed = gr.on(
            [fields.base_url.blur, fields.base_url.submit],
            None,
            connection,
            connection,
            js="agentui.matchPreset",
            **_ACT,
        )
        fields.preset.change(None, [fields.preset], None, js="agentui.showPreset", **_ACT)
        for event in (chosen.then, typed.then, fields.model_id.blur):
            # Moving on must not touch the key's field: somebody may be typing in it already.
            event(self.change_endpoint, [visitor, *connection], [fields.key_note], **_ACT)
        gr.on(
            [fields.api_key.blur, fields.api_key.submit],
            self.keep_key,
            [visitor, fields.preset, fields.base_url, fields.api_key],
            [fields.api_key, fields.key_note],
            **_ACT,
        )

    async def hello(self, visitor_id: Any, request: gr.Request) -> tuple[Any, ...]:
        """A page opened: find its visitor, or make a new one, and show the settings as they were left."""
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep())
        visitor, terms = self._visitor(visitor_id, request), self.service.terms
        fields = terms.values(visitor.chosen or terms.initial(DEMO))
        if visitor.chosen is None:  # a program may have filled in the fields of a fresh page already
            fields = [gr.skip() for _ in fields]
        return visitor.visitor_id, *fields, _key_note(visitor)

    async def watch_settled(self, visitor_id: Any, request: gr.Request) -> AsyncGenerator[tuple[Any, Any], None]:
        """Yield the settled messages whenever there are more of them, and the live step that belongs to them."""
        visitor = self._visitor(visitor_id, request)
        watch = self._open(request, visitor.watches)
        try:
            async for _ in frames(visitor.settled_changes, watch, pace_s=lambda: 0.0, beat_s=BEAT_S * 4):
                yield visitor.settled, visitor.live
        finally:
            self._shut(request, watch, visitor.watches)

    async def watch_live(
        self, visitor_id: Any, had: str | None, request: gr.Request
    ) -> AsyncGenerator[tuple[Any, str], None]:
        """Yield the live step and the records that the page has not `had`, a few times a second."""
        visitor = self._visitor(visitor_id, request)
        watch = self._open(request, visitor.watches)
        feed = Feed(visitor, known(had))
        batch = ""
        try:
            async for changed in frames(visitor.changes, watch, pace_s=lambda: pace(visitor.weight), beat_s=BEAT_S):
                batch = feed.take() if changed else batch
                yield visitor.live, batch
                while feed.behind:
                    batch = feed.take()
                    yield visitor.live, batch
        finally:
            self._shut(request, watch, visitor.watches)

    def unload(self, request: gr.Request) -> None:
        """A page or a client is gone: end what only it was interested in."""
        self._newcomers.pop(str(request.session_hash), None)
        for watch in self._watches.pop(str(request.session_hash), set()):
            watch.close()
        for run in self._api_runs.pop(str(request.session_hash), set()):
            run.stop()

    async def send(self, visitor_id: Any, task: str | None, request: gr.Request, *fields: Any) -> tuple[Any, str, str]:
        """Start a task with the settings as they stand in the fields."""
        visitor, choices = self._visitor(visitor_id, request), self.service.terms.choices(fields)
        self._remember(visitor, choices)
        accepted = await self.service.send(visitor, task or "", choices)
        return "" if accepted else task, "", _key_note(visitor)

    async def go_on(self, visitor_id: Any, run_id: str | None, request: gr.Request, *fields: Any) -> tuple[str, str]:
        """Go on with a run that ended early, with the settings as they stand in the fields."""
        visitor, choices = self._visitor(visitor_id, request), self.service.terms.choices(fields)
        self._remember(visitor, choices)
        await self.service.go_on(visitor, run_id or "", choices)
        return "", _key_note(visitor)

    async def follow_up(self, visitor_id: Any, request: gr.Request) -> str:
        """The task that the transcript offers next."""
        return self._visitor(visitor_id, request).follow_up or ""

    async def stop(self, visitor_id: Any, typed: str | None, request: gr.Request) -> Any:
        """Stop the visitor's run; a task that waited in line and will not begin goes back into its field."""
        left = self.service.stop(self._visitor(visitor_id, request))
        return gr.skip() if left is None else "\n\n".join(text for text in (left, (typed or "").strip()) if text)

    async def new_chat(self, visitor_id: Any, request: gr.Request) -> None:
        """Begin anew."""
        await self._visitor(visitor_id, request).new_chat()

    async def change_endpoint(
        self, visitor_id: Any, preset: str, base_url: str | None, model_id: str | None, request: gr.Request
    ) -> str:
        """Remember the connection, and forget a key that belongs to another endpoint."""
        visitor = self._visitor(visitor_id, request)
        offer, url = self.service.connections.offer(preset), base_url or ""
        chosen = visitor.chosen or self.service.terms.initial(preset)
        visitor.chosen = dataclasses.replace(
            chosen, preset=preset_of(offer, url), base_url=url, model_id=model_id or ""
        )
        keep_key(visitor, url.strip() or offer.base_url, "")
        return _key_note(visitor)

    async def keep_key(
        self, visitor_id: Any, preset: str, base_url: str | None, typed: str | None, request: gr.Request
    ) -> tuple[str, str]:
        """Move a typed key into the server's memory."""
        visitor = self._visitor(visitor_id, request)
        keep_key(visitor, (base_url or "").strip() or self.service.connections.offer(preset).base_url, typed or "")
        return "", _key_note(visitor)

    async def run(
        self,
        task: str,
        request: gr.Request,
        preset: str = DEMO,
        model_id: str = "",
        base_url: str = "",
        max_steps: int = 20,
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Run a task with an agent that writes and runs Python, and stream what happens.

        Send the model server's key, if it needs one, as the header `x-agentui-key`.

        Args:
            task: What the agent is to do.
            request: Filled in by the server.
            preset: Name of a model preset, such as "demo" or "environment".
            model_id: The name by which the server knows the model; empty for the preset's own.
            base_url: Address of an OpenAI-compatible server; empty for the preset's own.
            max_steps: Steps the agent may take.

        Yields:
            Records as JSON: `{"run_id", "seq", "t", "event": {"type", ...}}`. The last one is `run_finished`.
        """
        key = str(request.headers.get("x-agentui-key") or "")
        choices = Choices(preset=preset, base_url=base_url, model_id=model_id, key=key, max_steps=str(max_steps))
        runs = self._api_runs.setdefault(str(request.session_hash), set())
        try:
            async for record in self.service.records(task, choices, runs, str(request.session_hash)):
                yield record
        except ConfigError as error:
            raise gr.Error(str(error), print_exception=False) from None
        finally:
            if not runs:
                self._api_runs.pop(str(request.session_hash), None)

    def _visitor(self, visitor_id: Any, request: gr.Request) -> Visitor:
        session = str(request.session_hash)
        visitor = self.service.visitors.get(visitor_id or self._newcomers.get(session))
        if not visitor_id:
            self._newcomers[session] = visitor.visitor_id
        return visitor

    def _remember(self, visitor: Visitor, choices: Choices) -> None:
        with suppress(ConfigError):  # an unknown preset is named in the transcript, by what follows
            preset = preset_of(self.service.connections.offer(choices.preset), choices.base_url)
            visitor.chosen = dataclasses.replace(choices, preset=preset, key="")

    def _open(self, request: gr.Request, watches: set[Watch]) -> Watch:
        watch = Watch()
        watches.add(watch)
        self._watches.setdefault(str(request.session_hash), set()).add(watch)
        return watch

    def _shut(self, request: gr.Request, watch: Watch, watches: set[Watch]) -> None:
        watches.discard(watch)
        self._watches.get(str(request.session_hash), set()).discard(watch)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            await self.service.visitors.sweep()


def _key_note(visitor: Visitor) -> str:
    # The key's own field is only ever given "": after a `gr.update` of it Gradio would keep what was typed.
    return f"{visitor.key.hint} in memory, for this base URL only." if visitor.key else KEY_NOTE


def _constant(text: str) -> Callable[[], str]:
    return lambda: text
