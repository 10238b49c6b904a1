"""The page as an app: built for its settings, and served.

Strangers are only let in where their code is isolated. Nothing that the page loads comes from another host.
"""
# Gradio's own types are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import sys
import webbrowser
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from functools import partial
from io import StringIO
from typing import Any, Final

from agentui.adopt import AgentSource
from agentui.demo import EXAMPLES
from agentui.errors import AgentUIError, ConfigError
from agentui.loop_thread import run_sync
from agentui.sandbox.base import SandboxPool
from agentui.sandbox.places import pool_for
from agentui.settings import Settings
from agentui.tools import Tool
from agentui.ui.agent_kinds import TITLES
from agentui.ui.connections import Connections
from agentui.ui.events import Page, PageEvents
from agentui.ui.listen import FIRST_PORT, choose_port
from agentui.ui.mcp_endpoint import with_run_tool
from agentui.ui.service import Service
from agentui.ui.serving import LAST_REQUESTS_S, ending, serve_until_interrupted, with_loop
from agentui.ui.theme import make_theme
from agentui.ui.web_files import SCRIPTS, STYLES, offers_script, read_web
from agentui.ui.web_routes import middleware, routes

_PORTS_TRIED: Final = 10
"Another program may take a free port between the look and the use."


def build_app(
    settings: Settings,
    *,
    agent: Any = None,
    tools: Sequence[Tool] | None = None,
    pool: SandboxPool | None = None,
    connections: Connections | None = None,
) -> Page:
    """The page, not yet served.

    Args:
        settings: How it will be served.
        agent: Does the tasks: one of ours or of smolagents, or a function that makes one for each conversation; by
            default an agent with `tools`.
        tools: What the default agent may call, the same for all visitors; by default the demo's tools.
        pool: Where code runs; by default the agent's, or the one that the settings name.
        connections: Makes the models; for tests.

    Raises:
        ConfigError: Strangers may come, and code could not be isolated on this machine; or `agent` is none.
    """
    agents = None if agent is None else AgentSource(agent)
    first = agents.first if agents else None
    if settings.shared and first is not None and first.unisolated:
        raise ConfigError(
            f"the page would be open to strangers, but this agent's code is not isolated: {first.unisolated}"
        )
    pool = pool or (first.spec.pool if first else pool_for(settings.sandbox))
    try:
        sandbox = run_sync(pool.info())
    except AgentUIError as error:
        raise ConfigError(f"no sandbox can be started on this machine: {error}") from error
    if settings.shared and not sandbox.isolated:
        raise ConfigError(
            f"the page would be open to strangers, but this machine cannot isolate their code ({sandbox.reason}): "
            "serve it on 127.0.0.1 without --share, or use a Linux machine with Landlock"
        )
    own_model = first.model if first else None
    service = Service(settings, connections or Connections(settings, own_model), pool, agents, tools)
    return with_loop(PageEvents(service, sandbox).build)


def launch(
    settings: Settings,
    *,
    demo: Page | None = None,
    agent: Any = None,
    tools: Sequence[Tool] | None = None,
    open_browser: bool = False,
    prevent_thread_lock: bool = False,
    quiet: bool = False,
) -> Page:
    """Serve the page, and say where; returns at Ctrl-C, or at once with `prevent_thread_lock` and in a notebook.

    Raises:
        AgentUIError: A public link was asked for and could not be made.
        ConfigError: As `build_app` and `choose_port`.
    """
    choose_port(settings.host, settings.port)  # before the sandbox is started, which takes a while
    demo = demo or build_app(settings, agent=agent, tools=tools)
    said = StringIO()
    with redirect_stdout(said):  # Gradio speaks of its own commands
        port = _listen(demo, settings)
    if settings.share and not demo.share_url:
        demo.close(verbose=False)
        reason = said.getvalue().strip() or "the service that makes public links does not answer"
        raise AgentUIError(f"no public link: {reason}: leave --share out to go on without")
    if not quiet:
        sys.stdout.write(_where(demo, settings, port))
        sys.stdout.flush()
    if open_browser:
        webbrowser.open(demo.share_url or demo.local_url or "")
    if not prevent_thread_lock and not hasattr(sys, "ps1"):
        serve_until_interrupted(demo)
    return demo


def _listen(demo: Page, settings: Settings) -> int:
    """Serve on a port that is free; returns it.

    Raises:
        ConfigError: As `choose_port`; or other programs took each port between the look and the use.
    """
    for _ in range(_PORTS_TRIED):
        port = choose_port(settings.host, settings.port)
        with suppress(OSError):  # taken since it was looked for
            with_loop(partial(_start, demo, settings, port))
            return port
    raise ConfigError("every free port was taken by another program at once: choose one with --port N")


def _start(demo: Page, settings: Settings, port: int) -> None:
    ours = demo.service.own_agent is None
    known = offers_script(demo.service.connections.offers, EXAMPLES if ours else (), TITLES if ours else None)
    scripts = f"{known}\n{read_web(SCRIPTS)}"
    demo.queue(default_concurrency_limit=8, max_size=1_000, api_open=False)
    demo.launch(
        server_name=settings.host,
        server_port=port,
        share=settings.share,
        prevent_thread_lock=True,
        quiet=True,
        max_threads=512,
        state_session_capacity=1_000,
        ssr_mode=False,
        run_history=False,
        show_error=False,
        footer_links=["api"],
        enable_monitoring=False,
        mcp_server=True,
        theme=make_theme(),
        # Not `css=`: Gradio would put a prefix of its own before every selector.
        head=f"<style>{read_web(STYLES)}</style><script>{scripts}</script>",
        app_kwargs={
            "routes": routes(demo.service.visitors),
            "middleware": middleware(settings),
            "lifespan": with_run_tool(demo, ending(demo.service)),
        },
    )
    demo.server.config.timeout_graceful_shutdown = LAST_REQUESTS_S


def _where(demo: Page, settings: Settings, port: int) -> str:
    here = (demo.local_url or "").rstrip("/")
    other = f" (port {FIRST_PORT} is in use)" if settings.port is None and port != FIRST_PORT else ""
    public = f" and, for a week, at {demo.share_url}" if demo.share_url else ""
    return f"agentui is at {here}{other}{public}; Ctrl-C ends it\n"
