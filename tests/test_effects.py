"""What code would do, read from its text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentui.effects import COMPUTED, MAX_EFFECTS, MORE, NOT_PYTHON, effects

IMPORTS = ("import", "subprocess")
ENDLESS = ("endless", "for … in itertools.count(…):")


def found(code, tools=()):
    return [(effect.kind, effect.what) for effect in effects(code, tools)]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = 1 + 1\nprint(x)", []),
        ("final_answer(42)", []),
        ("import math", [("import", "math")]),
        ("import numpy.linalg as la, json", [("import", "numpy"), ("import", "json")]),
        ("from os.path import join", [("import", "os")]),
        ("import requests", [("import", "requests"), ("network", "requests")]),
        ("open('a.txt')", [("reads", "a.txt")]),
        ("open('a.txt', 'w')", [("writes", "a.txt")]),
        ("open('a.txt', mode='r+')", [("reads", "a.txt"), ("writes", "a.txt")]),
        ("open(name, mode)", [("reads", COMPUTED), ("writes", COMPUTED)]),
        ("from pathlib import Path\nPath('a').write_text('x')", [("import", "pathlib"), ("writes", "a")]),
        ("from pathlib import Path\nPath('a').open('w')", [("import", "pathlib"), ("writes", "a")]),
        ("p.read_bytes()", [("reads", COMPUTED)]),
        ("import pandas as pd\npd.read_csv('t.csv')", [("import", "pandas"), ("reads", "t.csv")]),
        ("df.to_csv('out.csv')", [("writes", "out.csv")]),
        ("df.to_csv()", []),
        ("df.to_csv(path_or_buf=where)", [("writes", COMPUTED)]),
        ("plt.savefig('plot.png')", [("writes", "plot.png")]),
        ("import numpy as np\nnp.save('a', x)", [("import", "numpy"), ("writes", "a")]),
        ("from numpy import load\nload('b')", [("import", "numpy"), ("reads", "b")]),
        ("import os\nos.rename('a', 'b')", [("import", "os"), ("writes", "a"), ("writes", "b")]),
        ("'abc'.replace('a', 'b')", []),
        ("get('https://example.org/x?y=1')", [("network", "example.org")]),
        ("get(f'https://example.org/{x}')", [("network", "example.org")]),
        ("import subprocess as s\ns.run(['ls', '-l'])", [IMPORTS, ("process", "subprocess.run(ls -l)")]),
        ("from os import system\nsystem('ls')", [("import", "os"), ("process", "os.system(ls)")]),
        ("eval('1')", [("dynamic", "eval(1)")]),
        ("__import__('socket')", [("dynamic", "__import__(socket)"), ("import", "socket"), ("network", "socket")]),
        ("getattr(x, 'sys' + 'tem')", [("dynamic", f"getattr with {COMPUTED}")]),
        ("getattr(x, 'system')", []),
        ("getattr(os, 'system')('ls')", [("process", "os.system(ls)")]),
        ("import shutil\nshutil.os.system('ls')", [("import", "shutil"), ("process", "os.system(ls)")]),
        ("from os import *\nsystem('ls')", [("import", "os"), ("process", "os.system(ls)")]),
        ("open('a', **{'mode': 'w'})", [("reads", "a"), ("writes", "a")]),
        ("x = 'df' in globals()", []),
        ("from pathlib import Path\nfrom math import *\nsin(Path.cwd())", [("import", "pathlib"), ("import", "math")]),
        ("import os\nprint(os.environ['HOME'])", [("import", "os"), ("reads", "environment variables")]),
        ("while True:\n    x()", [("endless", "while True:")]),
        ("while 1:\n    if x: break", []),
        ("while True:\n    for y in z:\n        break", [("endless", "while True:")]),
        ("while True:\n    for y in z:\n        pass\n    else:\n        break", []),
        ("def f():\n    while True:\n        return 1", []),
        ("def f():\n    while True:\n        yield 1", []),
        ("while True:\n    def g():\n        return 1", [("endless", "while True:")]),
        ("while True:\n    final_answer(1)", []),
        ("import itertools as i\nfor x in i.count(): y = x", [("import", "itertools"), ENDLESS]),
        ("this is not", [("dynamic", NOT_PYTHON)]),
        ("x = '\0'", [("dynamic", NOT_PYTHON)]),
        ("await f()", []),
    ],
)  # fmt: skip
def test_it_says_what_code_would_do(code, expected):
    assert found(code) == expected


@pytest.mark.parametrize(
    "code",
    [
        "import os\nrun = os.system",
        "import os\nlist(map(os.remove, names))",
        "import os\nrun = getattr(os, 'system')",
        "import os\nos.system.__call__('ls')",
        "import os\no = os",
        "import os\nhelp_me(os)",
        "from numpy import os as o\nx = o",
        "import sys\nsys.modules['os'].system('ls')",
        "from sys import modules\nmodules['os'].system('ls')",
        "f = eval",
        "g = open",
        "globals()['os'].system('ls')",
        "g = globals()",
        "().__class__.__base__.__subclasses__()",
        "import builtins\nbuiltins.__dict__['eval']('1')",
        "import posix\nposix.system('ls')",
    ],
)
def test_what_could_be_called_under_another_name_cannot_be_told_and_so_not_allowed(code):
    assert any(effect.kind == "dynamic" for effect in effects(code))


def test_an_import_that_comes_later_hides_nothing():
    hidden = effects("import os\nos.system('ls')\nimport math as os")
    assert ("process", "os.system(ls)") in [(effect.kind, effect.what) for effect in hidden]
    earlier = effects("os.system('ls')", earlier=["import os", "import math as os"])
    assert [effect.kind for effect in earlier] == ["process"]


def test_tools_are_named_also_where_they_are_only_passed_on():
    code = "a = web_search('x')\nlist(map(visit, a))\nother = 1"
    assert found(code, ["web_search", "visit", "other"]) == [("tool", "web_search"), ("tool", "visit")]


def test_each_effect_is_named_once_where_it_is_first_seen():
    (effect,) = effects("x = 1\nimport math\nimport math")
    assert (effect.line, effect.what) == (2, "math")


def test_more_than_is_listed_is_said_and_is_never_harmless():
    listed = effects("\n".join(f"import m{i}" for i in range(300)))
    assert len(listed) == MAX_EFFECTS
    assert (listed[-1].kind, listed[-1].what) == ("dynamic", MORE)
    assert len(effects("\n".join(f"import m{i}" for i in range(MAX_EFFECTS)))) == MAX_EFFECTS


def test_long_names_are_cut_and_stay_in_a_line():
    (effect,) = effects(f"open({'a' * 1000 + chr(10)!r})")
    assert len(effect.what) <= 120


def test_deep_code_is_read_or_said_to_be_none():
    assert effects("(" * 5000 + ")" * 5000)[0].what == NOT_PYTHON
    effects("a" + ".b" * 3000 + "()")
    effects("-" * 3000 + "1")


@given(st.text())
def test_it_never_raises_on_any_text(text):
    assert len(effects(text, ["x"])) <= MAX_EFFECTS


WORDS = [
    *("import os", "open", "(", ")", "'a'", "while True:", "\n", "    "),
    *("for x in y:", "break", "eval", "=", "f''", "\\", "\ud800"),
]


@given(st.lists(st.sampled_from(WORDS), max_size=20).map(" ".join))
def test_it_never_raises_on_what_looks_like_code(text):
    listed = effects(text)
    assert all(effect.line >= 1 and effect.what for effect in listed)
