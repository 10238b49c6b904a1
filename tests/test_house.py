"""Rules of the house that no linter knows."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import agentui

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "agentui").rglob("*.py"))


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_small(path):
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") <= 300
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < 50, f"{node.name} at line {node.lineno}"


def test_there_are_no_waivers_in_the_package():
    waiver = re.compile(r"#\s*(noqa|type:\s*ignore|pragma:|pyright:\s*ignore)")
    assert [str(path) for path in SOURCES if waiver.search(path.read_text(encoding="utf-8"))] == []


def test_importing_the_package_brings_in_neither_gradio_nor_a_client():
    heavy = ("gradio", "openai", "pandas", "matplotlib", "mcp")
    code = f"import agentui, sys; print([m for m in {heavy} if m in sys.modules])"
    assert run_python(code).stdout.strip() == "[]"


def test_the_agent_itself_runs_without_gradio():
    code = (
        "import agentui, sys; agentui.CodeAgent; agentui.OpenAIServerModel; print({'gradio', 'mcp'} & {*sys.modules})"
    )
    done = run_python(code)
    assert done.stdout.strip() == "set()", done.stderr


def test_every_exported_name_is_there_and_listed():
    assert sorted(agentui.__all__) == sorted({*agentui._HOME, "__version__"})
    for name in agentui.__all__:
        assert getattr(agentui, name) is not None
    assert not hasattr(agentui, "nothing")


def test_imports_of_the_core_point_one_way():
    below = ("events", "usage", "errors", "messages", "parse", "view", "models", "sandbox")
    above = re.compile(r"^from agentui\.(agent|loop|worker|session|cli|ui|runner)\b", re.MULTILINE)
    for path in SOURCES:
        name = path.relative_to(ROOT / "agentui").parts[0].removesuffix(".py")
        if name in below:
            assert not above.search(path.read_text(encoding="utf-8")), path


def test_every_runtime_dependency_has_a_bound_and_a_reason():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line and not line.startswith("#"):
            assert re.fullmatch(r"[a-z0-9\[\],_-]+>=\d[\d.]*(,<\d+)?\s+# \S.*", line), line


def test_no_path_of_a_machine_is_in_the_tree():
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=True).stdout.split()
    pattern = re.compile(r"(?<![\w.])/(work|root|home/\w+|tmp/\w+)/")
    suffixes = (".py", ".md", ".toml", ".js", ".css", ".txt")
    allowed = ("tests/sandbox/", "tests/data/")
    found = [
        name
        for name in tracked
        if name.endswith(suffixes) and not name.startswith(allowed) and (ROOT / name).exists()
        if pattern.search((ROOT / name).read_text(encoding="utf-8"))
    ]
    assert found == []


def test_the_front_matter_of_the_readme_is_the_spacefile():
    code = "import sys; sys.path.insert(0, 'scripts'); import readme; print(readme.front_matter())"
    expected = run_python(code).stdout.strip()
    matter = (ROOT / "README.md").read_text(encoding="utf-8").split("---\n")[1]
    assert "\n".join(line for line in matter.strip().splitlines() if not line.startswith("#")) == expected


def test_changelog_fragments_are_sentences():
    for path in (ROOT / "changelog.d").glob("*.md"):
        assert path.read_text(encoding="utf-8").strip().endswith("."), path
