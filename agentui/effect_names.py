"""The full names of what code speaks of: through imports, their aliases, stars and `getattr` with a written name.

Where a name may stand for several things, it stands for the one that can do more.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import TypeAlias

from agentui import effect_rules as rules

_MAX_PARTS = 8
"Of a dotted name, from its end."
Bound: TypeAlias = frozenset[tuple[str, str]]
"What imports bind: the name in the code, `*` for all of a module, and the full one."


def bound_in(tree: ast.AST) -> Bound:
    """What the imports of a program bind."""
    found: set[tuple[str, str]] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                found.add((alias.asname or top, alias.name if alias.asname else top))
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            found |= {(alias.asname or alias.name, f"{module}.{alias.name}".strip(".*")) for alias in node.names}
    return frozenset(found)


class Names:
    """The names of one program.

    Args:
        bound: By its imports, and by those that ran before it.

    Attributes:
        modules: The first parts of all full names.
    """

    def __init__(self, bound: Iterable[tuple[str, str]]) -> None:
        pairs = sorted(set(bound), key=lambda pair: (is_powerful(pair[1]), pair))
        self._full = {name: full for name, full in pairs if name != "*"}
        self._stars = [full for name, full in pairs if name == "*"]
        self.modules = frozenset(full.partition(".")[0] for _, full in pairs)

    def full(self, node: ast.expr) -> str:
        """The dotted name of an expression; its last part if that is all there is, "" for none."""
        parts: list[str] = []
        while len(parts) < _MAX_PARTS and (inner := inside(node)) is not None:
            node, part = inner
            parts.append(part)
        head = self._head(node.id) if isinstance(node, ast.Name) else ""
        return _known(".".join([*([head] if head or parts else []), *reversed(parts)]).removeprefix("builtins."))

    def _head(self, name: str) -> str:
        if name in self._full:
            return self._full[name]
        starred = (f"{module}.{name}" for module in self._stars)
        return next((full for full in starred if is_powerful(full)), name)


def inside(node: ast.expr) -> tuple[ast.expr, str] | None:
    """What an attribute is one of, and its name; also if it is written `getattr(x, "name")`."""
    if isinstance(node, ast.Attribute):
        return node.value, node.attr
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
        match node.args:
            case [held, ast.Constant(value=str(name)), *_]:
                return held, name
            case _:
                pass
    return None


def is_powerful(full: str) -> bool:
    """Whether it is a function, or a module of functions, that does something which its call alone would tell."""
    return full in _NAMED or full.startswith(rules.PROCESS_PREFIXES) or full.rpartition(".")[2] in rules.MODULES


def _known(full: str) -> str:
    """A dotted name by that end of it which says what it is: modules have those that they import as attributes."""
    parts = full.split(".")
    ends = (".".join(parts[start:]) for start in range(1, len(parts) - 1))
    return next((end for end in ends if end in _NAMED or end.startswith(rules.PROCESS_PREFIXES)), full)


_NAMED = frozenset[str]().union(
    rules.PROCESSES, rules.DYNAMIC, rules.BY_NAME, rules.OPENERS, rules.WRITERS, rules.READERS, rules.INNER
)
