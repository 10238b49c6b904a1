import threading

import pytest

from agentui.errors import ConfigError, ToolError
from agentui.tools import Tool, as_tools, tool


def add(left: int, right: int = 1) -> int:
    """Add two numbers.

    Args:
        left: The first number,
            on two lines.
        right: The second one.

    Returns:
        Their sum.
    """
    return left + right


class Doubler(Tool):
    name = "double"
    description = "Double a number."
    inputs = {"number": {"type": "integer", "description": "What to double."}}
    output_type = "integer"

    def forward(self, number):
        return number * 2


def test_a_function_becomes_a_tool_with_its_signature():
    made = tool(add)
    assert made.as_prompt() == (
        'def add(left: int, right: int = 1) -> int:\n    """Add two numbers.\n\n    Args:\n'
        '        left: The first number, on two lines.\n        right: The second one.\n    """'
    )
    assert made(1, right=2) == 3


def test_a_subclass_is_a_tool_and_reads_the_same():
    assert Doubler().as_prompt().startswith('def double(number: int) -> int:\n    """Double a number.')


async def test_a_sync_tool_runs_in_another_thread():
    def where() -> str:
        """Name the thread."""
        return threading.current_thread().name

    assert await tool(where).call([], {}) != threading.current_thread().name


async def test_an_async_tool_is_awaited():
    async def later(x: int) -> int:
        """Give it back.

        Args:
            x: What to give back.
        """
        return x

    assert await tool(later).call([4], {}) == 4


async def test_a_failing_tool_says_how_it_failed():
    with pytest.raises(ToolError, match=r"TypeError: can only concatenate"):
        await tool(add).call(["a"], {"right": 1.5})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def f(x: int):\n    return x", "no docstring"),
        ("def f(x):\n    'Doc.'", "'x' has no type hint"),
        ("def f(x: int):\n    'Doc.'", "'x' is not described"),
        ("def f(x: 'Nowhere'):\n    'Doc.'", "names something unknown"),
    ],
)
def test_a_function_that_the_model_could_not_understand_is_refused(source, message):
    names = {}
    exec(source, names)
    with pytest.raises(ConfigError, match=message):
        tool(names["f"])


def test_two_tools_of_one_name_are_refused():
    with pytest.raises(ConfigError, match="two tools are called 'add'"):
        as_tools([add, tool(add)])


def test_reserved_names_are_refused():
    def final_answer(x: int) -> int:
        """End.

        Args:
            x: The answer.
        """
        return x

    with pytest.raises(ConfigError, match="'final_answer' cannot be used"):
        as_tools([final_answer])


def test_a_foreign_tool_object_is_adopted():
    class Foreign:
        name, description, output_type = "shout", "Shout a word.", "string"
        inputs = {"word": {"type": "string", "description": "What to shout.", "nullable": True}}

        def forward(self, word):
            return word.upper()

        __call__ = forward

    adopted = as_tools([Foreign()])["shout"]
    assert adopted.as_prompt().startswith("def shout(word: str = None) -> str:")
    assert adopted("a") == "A"


def test_what_is_no_tool_is_refused():
    with pytest.raises(ConfigError, match="42 is not a tool"):
        as_tools([42])
