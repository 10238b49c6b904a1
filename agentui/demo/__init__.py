"""The model that needs no key: recorded answers to example tasks, whose code really runs."""

from agentui.demo.model import DemoModel
from agentui.demo.script import EXAMPLES, Example
from agentui.demo.tools import DEMO_TOOLS

__all__ = ["DEMO_TOOLS", "EXAMPLES", "DemoModel", "Example"]
