"""The page around an agent of yours, without importing Gradio before it is needed."""

from __future__ import annotations

import dataclasses
from importlib import import_module
from typing import Any

from agentui.settings import Settings


class Playground:
    """The playground for one agent: `Playground(agent).launch()`.

    Every visitor gets a conversation and a sandbox of their own; the agent object is configuration only.
    """

    def __init__(self, agent: Any, settings: Settings | None = None) -> None:
        """Describe the page; nothing is started.

        Args:
            agent: Does the tasks: an agent of ours or of smolagents, or a function without arguments that makes one
                for each conversation. Its own model is the first choice in the page's settings.
            settings: How to serve; read from the environment by default.
        """
        self.agent = agent
        self.settings = settings or Settings.from_env()

    def launch(
        self,
        *,
        share: bool | None = None,
        server_name: str | None = None,
        server_port: int | None = None,
        inbrowser: bool = False,
        prevent_thread_lock: bool = False,
    ) -> Any:
        """Serve the page until Ctrl-C; the arguments have Gradio's names and go before the settings.

        Returns:
            The running page, to `close()`, if `prevent_thread_lock` is set.

        Raises:
            ConfigError: Code could not be isolated although strangers may come.
        """
        given = {"share": share, "host": server_name, "port": server_port}
        settings = dataclasses.replace(self.settings, **{name: value for name, value in given.items() if value})
        page = import_module("agentui.ui.app")
        return page.launch(settings, agent=self.agent, open_browser=inbrowser, prevent_thread_lock=prevent_thread_lock)


class GradioUI(Playground):
    """`Playground` under the name that smolagents users know."""
