"""`agentui run`: one task in the terminal."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial

from agentui.agent import CodeAgent
from agentui.cli.approve import terminal_approver
from agentui.cli.limits import add_limit_options, limits_from, mistakes_in_flags, next_step
from agentui.cli.options import (
    add_command,
    add_mcp_options,
    add_model_options,
    add_parameter_option,
    add_sandbox_option,
    announce_demo,
    mcp_from,
    model_from,
    sandbox_from,
)
from agentui.cli.output import Output
from agentui.cli.terminal import Terminal
from agentui.demo import DEMO_TOOLS, DemoModel
from agentui.errors import ConfigError, SandboxUnavailable
from agentui.events import RECORD, Record
from agentui.limits import Limits
from agentui.models.base import Model
from agentui.runner import Run
from agentui.sandbox.base import SandboxPool
from agentui.sandbox.places import pool_for
from agentui.session import Session
from agentui.tools import Tool, tool

EXIT_STATUS = {"completed": 0, "failed": 1, "limit": 3, "stopped": 130}


def add_parser(commands: object) -> None:
    """Describe the command."""
    parser = add_command(
        commands,
        "run",
        "Run a task in the terminal, with live output",
        'agentui run "What is 17 * 23?" --base-url http://127.0.0.1:8080/v1 --json',
    )
    parser.add_argument("task", help="what the agent is to do; - reads it from standard input")
    parser.add_argument("--json", action="store_true", help="print every record as a line of JSON, as it happens")
    parser.add_argument("--quiet", action="store_true", help="print the answer alone")
    parser.add_argument("--instructions", metavar="TEXT", help="text for the end of the system prompt")
    parser.add_argument(
        "--image", action="append", default=[], metavar="FILE", help="a picture that belongs to the task"
    )
    parser.add_argument(
        "--file", action="append", default=[], metavar="FILE", help="a file that the code finds in its directory"
    )
    parser.add_argument("--approve", action="store_true", help="ask in the terminal before code runs")
    parser.add_argument("--planning-interval", type=int, metavar="N", help="plan before every N-th step")
    add_model_options(parser)
    add_parameter_option(parser)
    add_sandbox_option(parser)
    add_mcp_options(parser)
    add_limit_options(parser)
    parser.set_defaults(command=run_task)


def run_task(options: argparse.Namespace) -> int:
    """Run the task and return the exit status of the contract.

    Raises:
        ConfigError: An option is wrong.
    """
    with mistakes_in_flags():
        limits = limits_from(options)
    model = model_from(options)
    if model is None:
        announce_demo()
    own = [] if model else [tool(function) for function in DEMO_TOOLS]
    with mcp_from(options, {known.name for known in own}) as tools:
        return _run(options, limits, model or DemoModel(), [*own, *tools])


def _run(options: argparse.Namespace, limits: Limits, model: Model, tools: Sequence[Tool]) -> int:
    task = sys.stdin.buffer.read().decode("utf-8", "replace") if options.task == "-" else options.task
    approval = terminal_approver() if options.approve else False
    choice = sandbox_from(options)
    session, pool = Session(), pool_for(choice)
    if choice.place != "local":
        asyncio.run(check_sandbox(pool))
    with mistakes_in_flags():
        agent = CodeAgent(
            tools=tools,
            model=model,
            instructions=options.instructions,
            planning_interval=options.planning_interval,
            limits=limits,
            approval=approval,
            stream_outputs=True,
            sandbox_pool=pool,
        )

    def start() -> Run:
        with mistakes_in_flags():
            return agent.start(task, session=session, images=options.image, files=options.file)

    return asyncio.run(watch(start, session, pool, options))


async def check_sandbox(pool: SandboxPool) -> None:
    """See whether there can be a sandbox before a model is paid for code to run in it.

    Raises:
        ConfigError: There cannot.
    """
    try:
        await pool.info()
    except SandboxUnavailable as error:
        raise ConfigError(str(error)) from error


async def watch(start: Callable[[], Run], session: Session, pool: SandboxPool, options: argparse.Namespace) -> int:
    """Start a run and show it to its end, or until somebody stops it; returns the exit status."""
    run = start()
    out, errors, stopped = Output(sys.stdout), Output(sys.stderr), asyncio.Event()
    terminal = Terminal(out, errors, quiet=options.quiet)
    show = partial(_print_json, out) if options.json else terminal.show

    def stop() -> None:
        if stopped.is_set():  # asked twice: whatever is still being tidied up is not waited for
            os._exit(EXIT_STATUS["stopped"])
        stopped.set()
        run.stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    watcher = asyncio.create_task(_stop_without_reader(run, out))
    try:
        async for batch in run.subscribe():
            for record in batch:
                show(record)
    finally:
        watcher.cancel()
        run.stop()
        result = await run.wait()
        await pool.close()
    if result.status == "limit" and session.unfinished is not None:
        errors.write(f"agentui: for more, run it again with {next_step(session.unfinished)}\n")
        errors.flush()
    unread = [not await output.close(stopped) for output in (out, errors)]
    return EXIT_STATUS["stopped" if any(unread) and stopped.is_set() else result.status]


async def _stop_without_reader(run: Run, out: Output) -> None:
    await out.lost.wait()
    run.stop()


def _print_json(out: Output, record: Record) -> None:
    out.write_bytes(RECORD.dump_json(record) + b"\n")
