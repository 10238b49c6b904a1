"""Run the benchmarks one after another, each in a process of its own, so that none disturbs the next.

python -m benchmarks              # all
python -m benchmarks core stream  # some
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

ALL = {
    "core": "one answer: parse, run, fold",
    "stream": "reading a stream, a chunk",
    "many": "a hundred streams at once",
    "start": "imports, and memory of idle runs",
    "stop": "from the click to the closed connection",
    "sandbox": "sessions, steps, stops",
    "fork": "snapshots, restores, forks at a step",
    "page": "what a watching page costs",
    "glass": "from the model's socket to the text in Chromium",
}


def main() -> int:
    """Print all tables; the exit status is 1 if a benchmark failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measured speeds as tables.")
    there = [name for name in ALL if Path(__file__).with_name(f"{name}.py").exists()]
    about = "; ".join(f"{name}: {ALL[name]}" for name in there)
    parser.add_argument("names", nargs="*", metavar="name", help=f"default: all. {about}")
    names = parser.parse_args().names or there
    if unknown := set(names).difference(there):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}: there are {', '.join(there)}")
    failed: list[str] = []
    for name in names:
        started = time.monotonic()
        status = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode
        print(f"[{name}: {time.monotonic() - started:.0f} s, {machine()}]", flush=True)
        failed += [name] if status else []
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


def machine() -> str:
    """What the numbers depend on, and how busy it was."""
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, {load}"


if __name__ == "__main__":
    sys.exit(main())
