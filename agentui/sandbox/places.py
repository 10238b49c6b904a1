"""Where code runs, by name: this process's own pool, or virtual machines of a service.

The service's client is imported only when it is chosen.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from agentui.errors import ConfigError
from agentui.sandbox.base import SandboxPool
from agentui.sandbox.local import default_pool
from agentui.settings import SandboxChoice


def pool_for(choice: SandboxChoice) -> SandboxPool:
    """The pool that `choice` names.

    Raises:
        ConfigError: The installed `huggingface_hub` has no sandboxes.
    """
    if choice.place == "local":
        return default_pool()
    try:
        remote = import_module("agentui.sandbox.remote")
    except ImportError:
        raise ConfigError(
            "the installed huggingface_hub has no sandboxes: pip install --upgrade 'huggingface_hub>=2.4'"
        ) from None
    given = {"image": choice.image, "flavor": choice.flavor}
    options: dict[str, Any] = {name: value for name, value in given.items() if value}
    if choice.image:
        # Whoever names an image has put into it what the code needs.
        options["requirements"] = ()
    return remote.HuggingFaceSandboxPool(**options)
