"""`CodeAgent` and `ToolCallingAgent`, with the argument names that smolagents users know.

The agent object is configuration, checked here; what can be done with it stands in `runnable.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

from agentui.approval import Approvals
from agentui.arguments import as_model, authorized_imports, code_tags, positive
from agentui.limits import Limits
from agentui.managed import ManagedAgent
from agentui.models.base import Model
from agentui.runnable import Runnable, with_steps
from agentui.sandbox.base import SandboxPool
from agentui.sandbox.local import default_pool
from agentui.spec import AgentSpec
from agentui.tokens import count_tokens
from agentui.tool_loop import ToolLoop
from agentui.tools import Tool, as_tools


class Agent(Runnable):
    """What every agent has. Making one starts no run; use `CodeAgent` or `ToolCallingAgent`.

    Args:
        tools: Host functions that the code may call.
        model: Answers the agent's requests.
        instructions: Text added to the end of the system prompt.
        system_prompt: Text in place of the agent's own system prompt. `{{imports}}`, `{{tools}}` and `{{instructions}}`
            stand for these; what it does not place is added at its end.
        max_steps: Action steps a run may take; 20, or what `limits` says.
        additional_authorized_imports: Modules that the prompt offers besides the usual ones; `"*"` for all.
        planning_interval: Plan before the first and then every so many action steps; None for never.
        step_callbacks: Called with each finished step, and with `agent=` if they take it.
        final_answer_checks: Called with the answer, the session and `agent=`, as far as they take them; a false
            result or an AssertionError sends the model back to work.
        managed_agents: Agents that the code may call as functions, by their names.
        name: Identifier under which another agent may call this one.
        description: What it does, for that other agent.
        stream_outputs: Record deltas while the model writes and the code prints.
        code_block_tags: What the model puts around its code: `"markdown"`, or an opening and a closing text.
        return_full_result: Make `run` return a `RunResult` unless it is told otherwise.
        max_print_outputs_length: Characters of a step's output that the model gets to read.
        context_tokens: Size of the model's context, where the price list does not know it. A conversation that fills
            three quarters of it is shortened.
        limits: What a run may spend.
        approval: Whether and whom to ask before code runs, or before native calls are made: a function that is given
            each `ApprovalRequested` and returns a `Decision`, True or False; or True, for runs that somebody starts
            with `start` and decides about with `Run.decide`. The agents that it calls ask the same.
        sandbox_pool: Where code runs; the process's own pool by default.

    Raises:
        ConfigError: A tool, a limit or an import cannot be used.
    """

    native_tools: ClassVar[bool] = False

    def __init__(
        self,
        tools: Sequence[Tool | Callable[..., Any]],
        model: Model,
        *,
        instructions: str | None = None,
        system_prompt: str | None = None,
        max_steps: int | None = None,
        additional_authorized_imports: Sequence[str] = (),
        planning_interval: int | None = None,
        step_callbacks: Sequence[Callable[..., Any]] = (),
        final_answer_checks: Sequence[Callable[..., Any]] = (),
        managed_agents: Sequence[Agent] = (),
        name: str | None = None,
        description: str | None = None,
        stream_outputs: bool = False,
        code_block_tags: Literal["markdown"] | tuple[str, str] | None = None,
        return_full_result: bool = False,
        max_print_outputs_length: int = 20_000,
        context_tokens: int | None = None,
        limits: Limits | None = None,
        approval: Approvals = False,
        sandbox_pool: SandboxPool | None = None,
    ) -> None:
        self.name = name
        self.description = description
        spec = AgentSpec(
            model=as_model(model),
            pool=sandbox_pool or default_pool(),
            tools=as_tools([*tools, *map(ManagedAgent, managed_agents)]),
            instructions=instructions,
            system_prompt=system_prompt,
            imports=authorized_imports(additional_authorized_imports),
            tags=code_tags(code_block_tags),
            native_tools=self.native_tools,
            planning_interval=positive("planning_interval", planning_interval),
            step_callbacks=tuple(step_callbacks),
            final_answer_checks=tuple(final_answer_checks),
            stream_outputs=stream_outputs,
            max_print_outputs_length=max_print_outputs_length,
            context_tokens=positive("context_tokens", context_tokens),
            limits=with_steps(limits or Limits(), max_steps),
            approval=approval,
        )
        super().__init__(spec, return_full_result=return_full_result)
        threading.Thread(target=count_tokens, args=("",), name="agentui-tokenizer", daemon=True).start()


class CodeAgent(Agent):
    """An agent that solves tasks by writing and running Python; the arguments are those of `Agent`."""


class ToolCallingAgent(Agent):
    """An agent whose model calls tools natively; same arguments, same records, no code."""

    loop_class = ToolLoop
    native_tools = True
