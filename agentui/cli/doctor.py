"""`agentui doctor`: what this machine offers, and why not more."""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import shutil
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version

from agentui.cli.limits import error_in_flags
from agentui.cli.options import (
    add_command,
    add_model_options,
    add_sandbox_option,
    probe,
    sandbox_from,
    server_from,
)
from agentui.cli.terminal import one_line
from agentui.errors import ConfigError, ModelError, SandboxUnavailable
from agentui.sandbox.base import SandboxInfo
from agentui.sandbox.places import pool_for
from agentui.settings import SandboxChoice
from agentui.tokens import count_tokens
from agentui.version import __version__

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PACKAGES = ("gradio", "openai", "tiktoken", "pandas", "numpy", "matplotlib")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at."""

    name: str
    ok: bool
    detail: str


def add_parser(commands: object) -> None:
    """Describe the command."""
    parser = add_command(
        commands,
        "doctor",
        "Show what this machine offers: sandbox tier and why, tokenizer, browser, endpoint",
        "agentui doctor --base-url http://127.0.0.1:8080/v1",
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    add_sandbox_option(parser)
    add_model_options(parser)
    parser.set_defaults(command=examine)


def examine(options: argparse.Namespace) -> int:
    """Print the findings; the exit status is 0 if all is well and 1 otherwise."""
    sandbox = asyncio.run(_sandbox(sandbox_from(options)))
    findings = [
        Finding(
            name="agentui",
            ok=True,
            detail=f"{__version__} on Python {platform.python_version()}, {platform.platform()}",
        ),
        *_packages(),
        _sandbox_finding(sandbox),
        _tokenizer(),
        _browser(),
        _endpoint(options),
    ]
    if options.json:
        described = asdict(sandbox) if isinstance(sandbox, SandboxInfo) else None
        print(json.dumps({"findings": [asdict(finding) for finding in findings], "sandbox": described}, indent=2))
    else:
        for finding in findings:
            print(f"{'ok ' if finding.ok else '-- '} {finding.name:<10} {one_line(finding.detail)}")
        for probe in sandbox.probes if isinstance(sandbox, SandboxInfo) else ():
            if not probe.refused:
                print(f"    not held back: {probe.name} {one_line(probe.detail)}")
    return 0 if all(finding.ok for finding in findings) else 1


async def _sandbox(choice: SandboxChoice) -> SandboxInfo | str:
    """What the sandbox promises, or why there is none."""
    pool = pool_for(choice)
    try:
        return await pool.info()
    except SandboxUnavailable as error:
        return str(error)
    finally:
        await pool.close()


def _sandbox_finding(info: SandboxInfo | str) -> Finding:
    if isinstance(info, str):
        return Finding(name="sandbox", ok=False, detail=info)
    refused = sum(probe.refused for probe in info.probes)
    tried = f" {refused} of {len(info.probes)} probes held back." if info.probes else ""
    reason = f" {info.shortcoming}" if info.shortcoming else ""
    return Finding(name="sandbox", ok=info.isolated, detail=f"tier {info.tier}: {info.promise}{tried}{reason}")


def _packages() -> list[Finding]:
    findings: list[Finding] = []
    for name in _PACKAGES:
        try:
            findings.append(Finding(name=name, ok=True, detail=version(name)))
        except PackageNotFoundError:
            findings.append(Finding(name=name, ok=False, detail="not installed: pip install -r requirements.txt"))
    return findings


def _tokenizer() -> Finding:
    return Finding(
        name="tokenizer",
        ok=True,
        detail=f"o200k_base, offline: 'Hello, world!' is {count_tokens('Hello, world!')} tokens",
    )


def _browser() -> Finding:
    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    return Finding(
        name="browser",
        ok=True,
        detail=f"{found} (for the browser tests)" if found else "no Chromium found; only the browser tests need one",
    )


def _endpoint(options: argparse.Namespace) -> Finding:
    try:
        server = server_from(options)
        if server is None:
            return Finding(name="endpoint", ok=True, detail="none set: the scripted demo answers")
        found = probe(server)
    except (ConfigError, ModelError) as error:
        return Finding(name="endpoint", ok=False, detail=error_in_flags(str(error)))
    detail = "; ".join((found.summary, *found.facts))
    return Finding(name="endpoint", ok=found.ok, detail=detail if found.ok else error_in_flags(detail))
