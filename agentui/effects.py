"""What code would do, as far as its text tells: a preview for whoever decides whether it runs.

It is a preview and not a guard. Covered: imports, files, addresses, processes, tools and loops without an end that
are written plainly, aliases of imports included. What is passed on, so that a call will not name it, is "dynamic".
Not covered: what is only known when the code runs, such as functions of earlier steps, and everything that somebody
means to hide; where names are computed it says no more than that. What code may reach is the sandbox's business.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from agentui import effect_rules as rules
from agentui.effect_names import Bound, Names, bound_in, inside, is_powerful
from agentui.endless import Loop, loops_left
from agentui.steering_events import Effect, EffectKind

MAX_EFFECTS = 100
COMPUTED = "a computed name"
ELSEWHERE = "under another name"
NOT_PYTHON = "this is not valid Python"
MORE = "more than is listed here"
TOO_LONG = "this is too long to be read"
MAX_CHARACTERS = 30_000
"What is longer is not read: that would hold everything else up."
_MAX_WHAT = 120
_URL = re.compile(r"(?:https?|ftp|wss?)://([^/\s\"']+)", re.IGNORECASE)

_Found: TypeAlias = tuple[EffectKind, str]


def effects(code: str, tools: Collection[str] = (), earlier: Iterable[str] = ()) -> tuple[Effect, ...]:
    """What `code` would do, in the order of its lines; never raises.

    Args:
        code: Python source of any kind.
        tools: Names of host functions; using one is an effect of kind "tool".
        earlier: Code that ran before in the same interpreter, whose imports still hold.

    Returns:
        At most 100 effects, each once, at the line where it is first seen. Beyond that the last one says that there
        are more; of code that does not parse, or is too long, the only one, of kind "dynamic", says so.
    """
    if len(code) > MAX_CHARACTERS:
        return (Effect(kind="dynamic", what=TOO_LONG, line=1),)
    tree = _tree(code)
    if isinstance(tree, int):
        return (Effect(kind="dynamic", what=NOT_PYTHON, line=tree),)
    bound = {pair for ran in earlier for pair in _bound_by(ran)} | bound_in(tree)
    reader = _Reader(frozenset(tools), Names(bound))
    nodes = sorted((node for node in ast.walk(tree) if isinstance(node, _LOOKED_AT)), key=_position)
    reader.called = frozenset(node.func for node in nodes if isinstance(node, ast.Call))
    reader.held = frozenset(inner[0] for node in nodes if isinstance(node, ast.expr) and (inner := inside(node)))
    reader.tested = frozenset(one for node in nodes if isinstance(node, ast.Compare) for one in _tested(node))
    reader.left = loops_left(tree, reader.ends)
    found: dict[_Found, Effect] = {}
    for node in nodes:
        for kind, what in reader.read(node):
            what = _short(what)
            if len(found) == MAX_EFFECTS and (kind, what) not in found:
                return (*list(found.values())[:-1], Effect(kind="dynamic", what=MORE, line=node.lineno))
            found.setdefault((kind, what), Effect(kind=kind, what=what, line=node.lineno))
    return tuple(found.values())


def _tree(code: str) -> ast.AST | int:
    """The syntax tree of `code`; the line where that ends to be Python, if it does."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a doubtful escape in the code is no concern of this program
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return getattr(error, "lineno", None) or 1


@lru_cache(maxsize=256)
def _bound_by(code: str) -> Bound:
    """What the imports of `code` bind."""
    tree = _tree(code) if len(code) <= MAX_CHARACTERS and "import" in code else 1
    return frozenset() if isinstance(tree, int) else bound_in(tree)


def _tested(compare: ast.Compare) -> Iterator[ast.expr]:
    """In what it is looked for something."""
    pairs = zip(compare.ops, compare.comparators, strict=True)
    return (among for how, among in pairs if isinstance(how, ast.In | ast.NotIn))


_LOOKED_AT = (
    *(ast.Import, ast.ImportFrom, ast.Call, ast.Name, ast.Attribute, ast.Compare),
    *(ast.While, ast.For, ast.AsyncFor),
)
_Node: TypeAlias = ast.Import | ast.ImportFrom | ast.Call | ast.Name | ast.Attribute | ast.Compare | Loop


@dataclass(slots=True)
class _Reader:
    tools: frozenset[str]
    names: Names
    called: frozenset[ast.expr] = frozenset()
    held: frozenset[ast.expr] = frozenset()
    "Expressions of which an attribute is taken."
    tested: frozenset[ast.expr] = frozenset()
    "Expressions in which something is looked for."
    left: Collection[Loop] = ()
    "Loops that end."

    def read(self, node: _Node) -> Iterator[_Found]:
        match node:
            case ast.Import():
                for alias in node.names:
                    yield from _imported(alias.name.partition(".")[0])
            case ast.ImportFrom():
                yield from _imported("." * node.level + (node.module or "").partition(".")[0])
            case ast.Call():
                yield from self._call(node)
            case ast.Name() | ast.Attribute():
                yield from self._named(node)
            case ast.Compare():
                pass
            case _:
                yield from self._loop(node)

    def ends(self, call: ast.Call) -> bool:
        return self.names.full(call.func) in rules.ENDS

    def _named(self, node: ast.Name | ast.Attribute) -> Iterator[_Found]:
        if isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and self.names.full(node) in {"os.environ", "os.getenv"}:
                yield "reads", "environment variables"
            if node.attr in rules.INNER_ATTRIBUTES:
                yield "dynamic", node.attr
        elif node.id in self.tools and isinstance(node.ctx, ast.Load):
            yield "tool", node.id
        if isinstance(node.ctx, ast.Load):
            yield from self._passed_on(node)

    def _passed_on(self, node: ast.expr) -> Iterator[_Found]:
        """What can be called under another name, so that the call will not tell."""
        name = self.names.full(node)
        is_module = name.rpartition(".")[2] in rules.MODULES
        if name in rules.INNER:
            yield "dynamic", name
        elif is_powerful(name) and node not in self.called and not (is_module and node in self.held):
            yield "dynamic", f"{name} {ELSEWHERE}"

    def _loop(self, loop: Loop) -> Iterator[_Found]:
        if isinstance(loop, ast.While):
            head = f"while {loop.test.value!r}:" if isinstance(loop.test, ast.Constant) and loop.test.value else ""
        else:
            name = self.names.full(loop.iter.func) if isinstance(loop.iter, ast.Call) else ""
            head = f"for … in {name}(…):" if name in rules.ENDLESS_ITERATORS else ""
        if head and loop not in self.left:
            yield "endless", head

    def _call(self, call: ast.Call) -> Iterator[_Found]:
        name = self.names.full(call.func)
        method = name.rpartition(".")[2]
        for text in _texts(call):
            for host in _URL.findall(text):
                yield "network", host
        if name in rules.PROCESSES or name.startswith(rules.PROCESS_PREFIXES):
            yield "process", f"{name}({_shown(call)})"
        if name in rules.DYNAMIC:
            yield "dynamic", f"{name}({_shown(call)})"
            if name in {"__import__", "importlib.import_module"} and (module := _text(_first(call))):
                yield from _imported(module.partition(".")[0])
        elif name in rules.BY_NAME and not (len(call.args) > 1 and _text(call.args[1])) and call.args:
            yield "dynamic", f"{name} with {COMPUTED}"
        elif name in rules.ALL_NAMES and not call.args and call not in self.tested:
            yield "dynamic", f"{name}()"
        if inside(call):
            yield from self._passed_on(call)
        if method == "open":
            yield from _opened(call, plain=self._is_function(call, name))
        else:
            yield from self._file(call, name, method)

    def _file(self, call: ast.Call, name: str, method: str) -> Iterator[_Found]:
        first, receiver = _first(call), call.func.value if isinstance(call.func, ast.Attribute) else None
        if method in rules.PATH_READERS and receiver is not None:
            yield "reads", _path(receiver)
        elif method in rules.PATH_WRITERS and receiver is not None and name not in rules.WRITERS:
            yield "writes", _path(receiver)
        elif name in rules.READERS or method in rules.READING_METHODS or name == "numpy.load":
            yield "reads", _path(first) if first else "the current directory"
        elif method.startswith("read_") and receiver is not None and first is not None:
            if not _URL.match(_text(first) or ""):
                yield "reads", _path(first)
        elif name in rules.WRITERS:
            for target in call.args[:2] if method.startswith(_TWO_NAMES) else call.args[:1]:
                yield "writes", _path(target)
        elif method in rules.WRITING_METHODS and receiver is not None and first is not None:
            yield "writes", _path(first)

    def _is_function(self, call: ast.Call, name: str) -> bool:
        """Whether an `open` takes the file's name, and is not the method of a path."""
        return isinstance(call.func, ast.Name) or name.partition(".")[0] in self.names.modules


_TWO_NAMES = ("copy", "move", "rename", "replace", "link", "symlink")


def _imported(module: str) -> Iterator[_Found]:
    yield "import", module
    if module in rules.NETWORK_MODULES:
        yield "network", module
    if module in rules.DYNAMIC_MODULES:
        yield "dynamic", f"{module}, which reaches beyond Python"


def _opened(call: ast.Call, *, plain: bool) -> Iterator[_Found]:
    """What an `open` does: `open(name, mode)`, or `path.open(mode)`."""
    at = 1 if plain else 0
    what = _path(_first(call)) if plain else _path(call.func.value if isinstance(call.func, ast.Attribute) else None)
    given = call.args[at] if len(call.args) > at else _keyword(call, "mode")
    unpacked = any(isinstance(one, ast.Starred) for one in call.args) or any(one.arg is None for one in call.keywords)
    mode = "r+" if unpacked else "r" if given is None else _text(given) or "r+"
    if not set(mode) & set("wax") or "+" in mode:
        yield "reads", what
    if set(mode) & set("wax+"):
        yield "writes", what


def _first(call: ast.Call) -> ast.expr | None:
    """The argument that names a file, if the call has one."""
    if call.args:
        return call.args[0]
    return next((found for name in rules.TARGETS if (found := _keyword(call, name)) is not None), None)


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((given.value for given in call.keywords if given.arg == name), None)


def _path(node: ast.expr | None) -> str:
    """The name that an expression stands for: a text, or a path made of one."""
    if isinstance(node, ast.Call) and len(node.args) == 1:
        node = node.args[0]
    return _text(node) or COMPUTED


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _texts(call: ast.Call) -> Iterator[str]:
    """Texts that are written as arguments, also the beginnings of those that are computed."""
    for node in (*call.args, *(given.value for given in call.keywords)):
        first = node.values[0] if isinstance(node, ast.JoinedStr) and node.values else node
        if (text := _text(first)) is not None:
            yield text


def _shown(call: ast.Call) -> str:
    """The first argument in few characters."""
    given = call.args[0] if call.args else None
    if isinstance(given, ast.List | ast.Tuple):
        return " ".join(_text(part) or "…" for part in given.elts[:20])
    return "" if given is None else _text(given) or "…"


def _short(what: str) -> str:
    line = " ".join(what.encode("utf-8", "replace").decode("utf-8").split())
    return line if len(line) <= _MAX_WHAT else f"{line[: _MAX_WHAT - 1]}…"


def _position(node: _Node) -> tuple[int, int]:
    return node.lineno, node.col_offset
