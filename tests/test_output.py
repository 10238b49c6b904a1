"""What code prints: shown up to a limit, kept whole up to a larger one, and read by the model from both ends."""

import pytest
from builders import of_type
from hypothesis import given
from hypothesis import strategies as st

from agentui.agent import CodeAgent
from agentui.events import ArtifactCreated, OutputDelta, StepFinished
from agentui.limits import Limits
from agentui.plain import plain_text
from agentui.sandbox.local import LocalSandboxPool
from agentui.testing import ScriptedModel


@pytest.fixture
def pool():
    made = LocalSandboxPool()
    yield made
    made.shutdown()


async def step_of(pool, body, **options):
    """The run of an agent whose first step is `body`, and what its model reads of it."""
    model = ScriptedModel([f"Go.\n<code>\n{body}\n</code>", "Done.\n<code>\nfinal_answer(1)\n</code>"])
    run = CodeAgent([], model, sandbox_pool=pool, stream_outputs=True, **options).start("Go")
    await run.wait()
    return run, model.requests[1][-1].content


async def test_what_a_step_printed_too_much_is_a_file_that_holds_it_all(pool):
    body = "for i in range(2_000):\n    print(i, 'x' * 100)\nprint('the', 'end')"
    run, read = await step_of(pool, body, limits=Limits(max_output_bytes=10_000), max_print_outputs_length=1_000)
    whole = "".join(f"{i} {'x' * 100}\n" for i in range(2_000)) + "the end\n"
    (made,) = of_type(run.records, ArtifactCreated)
    kept = run.artifacts[made.artifact_id]
    assert (made.name, made.media_type) == ("output-of-step-1.txt", "text/plain")
    assert kept.data.decode() == whole + "\n… output cut after 10,000 bytes\n"
    step = of_type(run.records, StepFinished)[0]
    assert step.output == whole[:10_000] + "\n… output cut after 10,000 bytes\n"
    assert "".join(event.text for event in of_type(run.records, OutputDelta)) == step.output
    assert "0 xxx" in read[:100]
    assert "the end" in read[-100:]
    assert "characters left out" in read


async def test_output_within_the_limit_makes_no_file(pool):
    run, read = await step_of(pool, "print('x' * 5_000)", max_print_outputs_length=1_000)
    assert of_type(run.records, ArtifactCreated) == []
    assert len(of_type(run.records, StepFinished)[0].output) == 5_001
    assert len(read) < 1_200


async def test_a_progress_bar_and_colours_cost_the_model_one_line(pool):
    body = "import sys\nfor i in range(101): print(f'\\r{i:3}%', end='', file=sys.stderr)\n"
    body += "print('\\n\\x1b[31mred\\x1b[0m')"
    run, read = await step_of(pool, body)
    assert "100%\nred" in read
    assert "99%" not in read
    assert "\x1b" not in read
    assert "\r 99%" in of_type(run.records, StepFinished)[0].output


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a\r\nb\r\n", "a\nb\n"),
        ("10%\r20%\r", "20%"),
        ("\x1b[1;31mx\x1b[0m\x1b]0;title\x07y\x1b(B", "xy"),
        ("\x1b]8;;http://e.x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\x07\x00\x9bb\tc", "ab\tc"),
        ("half \x1b[3", "half "),
    ],
)
def test_text_is_what_a_terminal_would_show(text, plain):
    assert plain_text(text) == plain


@given(st.text(st.sampled_from("a\r\n\x1b[]0;m\x07\\(\x9b\b")))
def test_nothing_that_steers_a_terminal_is_left(text):
    plain = plain_text(text)
    assert not set(plain) & set("\r\x1b\x07\x9b\b")
    assert plain_text(plain) == plain
    assert plain.count("\n") <= text.count("\n")


@pytest.mark.parametrize("text", ["\r", "\x1b]", "\x1b[", "a\r", "\x1b", "\x1b[0", "\x1bP"])
def test_hostile_text_costs_linear_time(text):
    # Anything else would not end within the time that a test may take.
    assert len(plain_text(text * 1_000_000)) <= len(text) * 1_000_000
