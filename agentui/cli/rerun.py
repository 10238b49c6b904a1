"""`agentui rerun`: the task of a recorded run once more, with the recorded answers of its model."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from agentui.agent import CodeAgent, ToolCallingAgent
from agentui.before import do_again, session_of_record
from agentui.cli.limits import add_limit_options, limits_from, mistakes_in_flags
from agentui.cli.options import add_command, add_mcp_options, add_sandbox_option, mcp_from, sandbox_from
from agentui.cli.run import check_sandbox, watch
from agentui.cli.terminal import one_line
from agentui.demo import DEMO_TOOLS
from agentui.limits import Limits
from agentui.models.recorded import RecordedModel
from agentui.past_run import PastRun, past_run
from agentui.recorded_agent import rerunning
from agentui.recording import read_records
from agentui.runner import Run
from agentui.sandbox.places import pool_for
from agentui.tools import Tool, tool


def add_parser(commands: object) -> None:
    """Describe the command."""
    parser = add_command(
        commands,
        "rerun",
        "Re-run a recorded run: the model's answers come from the file, code and tools really run",
        "agentui rerun run.jsonl --json",
    )
    parser.add_argument("recording", type=Path, help="records, as `agentui run --json` prints them")
    parser.add_argument("--json", action="store_true", help="print every record as a line of JSON, as it happens")
    parser.add_argument("--quiet", action="store_true", help="print the answer alone")
    parser.add_argument(
        "--speed",
        type=float,
        default=0.0,
        help="times the recorded speed at which answers come; 0, the default: at once",
    )
    parser.add_argument(
        "--image", action="append", default=[], metavar="FILE", help="a picture that came with the task"
    )
    parser.add_argument("--file", action="append", default=[], metavar="FILE", help="a file that came with the task")
    add_sandbox_option(parser)
    add_mcp_options(parser)
    add_limit_options(parser)
    parser.set_defaults(command=rerun)


def rerun(options: argparse.Namespace) -> int:
    """Run the task again and return the exit status of the contract.

    Raises:
        ConfigError: The file is no whole recording, or an option is wrong.
    """
    with mistakes_in_flags():
        limits = limits_from(options)
    past = past_run(read_records(options.recording))
    if options.max_steps is None:
        limits = replace(limits, max_steps=max(limits.max_steps or 0, len(past.steps)))
    own = [tool(function) for function in DEMO_TOOLS if function.__name__ in past.started.tools]
    with mcp_from(options, {known.name for known in own}) as tools:
        return _rerun(options, past, limits, [*own, *tools])


def _rerun(options: argparse.Namespace, past: PastRun, limits: Limits, tools: Sequence[Tool]) -> int:
    if missing := [name for name in past.started.tools if name not in {known.name for known in tools}]:
        names = one_line(", ".join(missing))
        print(f"agentui: not there now: the tools {names}; calls of them will fail (see --mcp)", file=sys.stderr)
    choice = sandbox_from(options)
    pool = pool_for(choice)
    if choice.place != "local":
        asyncio.run(check_sandbox(pool))
    kind = ToolCallingAgent if past.calls_natively else CodeAgent
    with mistakes_in_flags():
        model = RecordedModel(past.started.model, lambda: None)
        agent = kind(tools, model, limits=limits, stream_outputs=True, sandbox_pool=pool)
        session = session_of_record(past, agent.spec, images=options.image, files=options.file)
        do_again(session, past, "rerun")
        agent.spec = rerunning(agent.spec, past, session, speed=options.speed)

    def start() -> Run:
        return agent.start(None, session=session)

    return asyncio.run(watch(start, session, pool, options))
