"""The part of this package that runs in a virtual machine, as a zip file: modules of the standard library only.

Which modules that are is read from their imports, so nothing has to be kept in step by hand.
"""

from __future__ import annotations

import ast
import io
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).resolve().parents[1]
_WORKER: Final = "agentui.sandbox.worker"
_PROGRAMS: Final = tuple(f"{_WORKER}.{name}" for name in ("boot", "bridge", "zygote", "spawn", "figures"))
"Started by name, not by an import."
BOOT: Final = "agentui/sandbox/worker/boot.py"


@cache
def bundle() -> bytes:
    """The zip file; the same bytes for the same code."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, source in sorted(_modules().items()):
            archive.writestr(zipfile.ZipInfo(f"{name.replace('.', '/')}.py"), source, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _modules() -> dict[str, str]:
    """Source of every module that the programs import, by its full name."""
    found: dict[str, str] = {}
    pending = list(_PROGRAMS)
    while pending:
        name = pending.pop()
        path = _PACKAGE.parent.joinpath(*name.split(".")).with_suffix(".py")
        if name not in found and path.is_file():
            found[name] = path.read_text(encoding="utf-8")
            pending += _imported(ast.parse(found[name]))
    return found


def _imported(tree: ast.Module) -> Iterator[str]:
    """Modules of this package that a module imports when it is loaded; what only a type checker sees is left out."""
    for node in tree.body:
        match node:
            case ast.ImportFrom(module=str(module), names=names) if module.startswith("agentui"):
                yield module
                yield from (f"{module}.{alias.name}" for alias in names)
            case ast.Import(names=names):
                yield from (alias.name for alias in names if alias.name.startswith("agentui"))
            case _:
                pass
