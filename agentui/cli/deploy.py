"""`agentui deploy`: the playground as a Hugging Face Space."""

from __future__ import annotations

import argparse
import os
from importlib import import_module
from pathlib import Path

from agentui.cli.options import add_command
from agentui.cli.terminal import one_line
from agentui.errors import ConfigError


def add_parser(commands: object) -> None:
    """Describe the command."""
    parser = add_command(
        commands,
        "deploy",
        "Put the playground on a Hugging Face Space, as the Spacefile describes it",
        "agentui deploy me/my-playground --secret OPENAI_API_KEY --variable AGENTUI_MODEL=kimi-k2.5",
    )
    parser.add_argument("space", metavar="OWNER/NAME", help="the Space; made if it is not there")
    parser.add_argument("--source", type=Path, default=Path(), metavar="FOLDER", help="source tree; here by default")
    parser.add_argument("--token-env", default="HF_TOKEN", metavar="NAME", help="variable with a token that may write")
    parser.add_argument("--private", action="store_true", help="make it private")
    parser.add_argument(
        "--secret", action="append", default=[], metavar="NAME", help="set this secret from the variable of that name"
    )
    parser.add_argument("--variable", action="append", default=[], metavar="NAME=VALUE", help="set a public variable")
    parser.add_argument("--dry-run", action="store_true", help="say what would be uploaded, and do nothing")
    parser.set_defaults(command=deploy)


def deploy(options: argparse.Namespace) -> int:
    """Deploy, or say what would be done.

    Raises:
        ConfigError: An option is wrong or a variable is not set.
        DeployError: The Hub refused.
    """
    # The Hub's client takes half a second to import: only this command pays for it.
    module = import_module("agentui.deploy")
    plan = module.make_plan(
        options.space,
        options.source.resolve(),
        private=options.private,
        secrets={name: _from_environment(name) for name in options.secret},
        variables=dict(map(_pair, options.variable)),
    )
    if options.dry_run:
        for path in plan.files:
            print(path)
        print(f"{len(plan.files)} files would go to {plan.space}; secrets: {', '.join(plan.secrets) or 'none'}")
        return 0
    print(one_line(str(module.deploy(plan, _from_environment(options.token_env)))))
    return 0


def _from_environment(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise ConfigError(f"environment variable {name} is not set: put the value there")
    return value


def _pair(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals:
        raise ConfigError(f"--variable {word!r} is not of the form NAME=VALUE")
    return name, value
