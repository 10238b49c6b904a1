"""The page as an app: built for its settings, and served.

Strangers are only let in where their code is isolated. Nothing that the page loads comes from another host.
"""
# Gradio's own types are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from agentui.agent import CodeAgent
from agentui.errors import AgentUIError, ConfigError
from agentui.loop_thread import run_sync
from agentui.sandbox.base import SandboxPool
from agentui.sandbox.places import pool_for
from agentui.settings import Settings
from agentui.ui.connections import Connections
from agentui.ui.events import Page, PageEvents
from agentui.ui.service import Service
from agentui.ui.theme import make_theme
from agentui.ui.web_files import SCRIPTS, STYLES, offers_script, read_web
from agentui.ui.web_routes import middleware, routes


def build_app(
    settings: Settings,
    *,
    agent: CodeAgent | None = None,
    pool: SandboxPool | None = None,
    connections: Connections | None = None,
) -> Page:
    """The page, not yet served.

    Args:
        settings: How it will be served.
        agent: Does the tasks; by default an agent with the demo's tools.
        pool: Where code runs; by default the agent's, or the one that the settings name.
        connections: Makes the models; for tests.

    Raises:
        ConfigError: Strangers may come, and code could not be isolated on this machine.
    """
    pool = pool or (agent.spec.pool if agent else pool_for(settings.sandbox))
    try:
        sandbox = run_sync(pool.info())
    except AgentUIError as error:
        raise ConfigError(f"no sandbox can be started on this machine: {error}") from error
    if settings.shared and not sandbox.isolated:
        raise ConfigError(
            f"the page would be open to strangers, but this machine cannot isolate their code ({sandbox.reason}): "
            "serve it on 127.0.0.1 without --share, or use a Linux machine with Landlock"
        )
    own_model = agent.spec.model if agent else None
    service = Service(settings, connections or Connections(settings, own_model), pool, agent)
    return PageEvents(service, sandbox).build()


def launch(
    settings: Settings,
    *,
    demo: Page | None = None,
    agent: CodeAgent | None = None,
    open_browser: bool = False,
    prevent_thread_lock: bool = False,
    quiet: bool = False,
) -> Page:
    """Serve the page; returns at Ctrl-C, or at once with `prevent_thread_lock`.

    Raises:
        ConfigError: As `build_app`.
    """
    demo = demo or build_app(settings, agent=agent)
    scripts = f"{offers_script(demo.service.connections.offers)}\n{read_web(SCRIPTS)}"
    demo.queue(default_concurrency_limit=8, max_size=1_000, api_open=False)
    demo.launch(
        server_name=settings.host,
        server_port=settings.port,
        share=settings.share,
        inbrowser=open_browser,
        prevent_thread_lock=prevent_thread_lock,
        quiet=quiet,
        max_threads=512,
        state_session_capacity=1_000,
        ssr_mode=False,
        run_history=False,
        show_error=False,
        footer_links=["api"],
        enable_monitoring=False,
        theme=make_theme(),
        # Not `css=`: Gradio would put a prefix of its own before every selector.
        head=f"<style>{read_web(STYLES)}</style><script>{scripts}</script>",
        app_kwargs={"routes": routes(demo.service.visitors), "middleware": middleware()},
    )
    return demo
