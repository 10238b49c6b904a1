"""Functions of an agent's owner that a run calls: after its steps, and before it takes an answer as the final one."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import nullcontext
from typing import Any

from agentui.errors import AgentError
from agentui.session import Session
from agentui.threads import Outcome, in_thread


async def refusal(check: Any, value: Any, session: Session, agent: Any) -> str | None:
    """Why `check` does not accept `value`; None if it does."""
    name = getattr(check, "__name__", type(check).__name__)
    outcome = await call_hook(check, value, session, agent=agent)
    if isinstance(outcome.error, AssertionError):
        return str(outcome.error) or f"{name} failed"
    if outcome.error is not None:
        raise AgentError(f"the final answer check {name} failed: {named(outcome.error)}") from outcome.error
    return None if outcome.value else f"{name} said no"


def named(error: BaseException) -> str:
    """An exception in one line."""
    return f"{type(error).__name__}: {error}"


async def call_hook(hook: Any, *values: Any, agent: Any) -> Outcome:
    """Call an owner's function with what it takes, apart from the event loop: it may block, ask a model or fail."""
    parameters = inspect.signature(hook).parameters
    takes_agent = "agent" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    positional = [p for p in parameters.values() if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]
    variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters.values())
    count = len(values) if variadic else max(1, sum(p.name != "agent" for p in positional))
    outcome = await in_thread(hook, *values[:count], **({"agent": agent} if takes_agent else {}))
    with outcome if outcome.error is None else nullcontext():
        if inspect.isawaitable(outcome.value):
            outcome.value = await outcome.value
    if isinstance(outcome.error, asyncio.CancelledError):
        raise outcome.error
    return outcome
