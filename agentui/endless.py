"""Which loops of a program something leaves, told from its syntax tree in time linear in its size.

What a nested function does is its own; a `break` leaves one loop, and `return`, `raise` and `yield` leave them all.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

Loop: TypeAlias = ast.While | ast.For | ast.AsyncFor
_LOOPS = (ast.While, ast.For, ast.AsyncFor)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_LEAVING = (ast.Return, ast.Raise, ast.Yield, ast.YieldFrom)


class _Inside(NamedTuple):
    """The loops around a node, innermost first."""

    loop: Loop
    around: _Inside | None


def loops_left(tree: ast.AST, ends: Callable[[ast.Call], bool]) -> set[Loop]:
    """The loops of `tree` that something in them leaves.

    Args:
        tree: Of any program.
        ends: Whether a call does not come back.
    """
    left: set[Loop] = set()
    wholly: set[Loop] = set()
    "Left together with all that are around them."
    nodes: list[tuple[ast.AST, _Inside | None]] = [(tree, None)]
    while nodes:
        node, inside = nodes.pop()
        if isinstance(node, ast.Break) and inside is not None:
            left.add(inside.loop)
        elif isinstance(node, _LEAVING) or (isinstance(node, ast.Call) and ends(node)):
            around = inside
            while around is not None and around.loop not in wholly:
                wholly.add(around.loop)
                around = around.around
        nodes += _children(node, inside)
    return left | wholly


def _children(node: ast.AST, inside: _Inside | None) -> Iterator[tuple[ast.AST, _Inside | None]]:
    if isinstance(node, _LOOPS):
        body = _Inside(node, inside)
        yield from ((child, body) for child in node.body)
        yield from ((child, inside) for child in node.orelse)
        head = (node.test,) if isinstance(node, ast.While) else (node.target, node.iter)
        yield from ((child, inside) for child in head)
        return
    within = None if isinstance(node, _SCOPES) else inside
    yield from ((child, within) for child in ast.iter_child_nodes(node))
