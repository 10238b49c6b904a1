"""First file of a worker process: `python -I -B boot.py (zygote|spawn) FD`.

It makes `agentui.sandbox` importable without running `agentui/__init__.py`, which would load the whole application
into a process that runs foreign code.
"""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType


def main() -> None:
    """Start the program that the command line names, on the socket that it names."""
    sandbox = Path(__file__).resolve().parents[1]
    packages = {"agentui": sandbox.parent, "agentui.sandbox": sandbox, "agentui.sandbox.worker": sandbox / "worker"}
    for name, path in packages.items():
        package = ModuleType(name)
        package.__path__ = [str(path)]
        sys.modules[name] = package
    program, descriptor = sys.argv[1:3]
    del sys.argv[1:]
    import_module(f"agentui.sandbox.worker.{program}").main(int(descriptor))


if __name__ == "__main__":
    main()
