import re

import pytest

from agentui.agent import CodeAgent
from agentui.events import ArtifactCreated, ModelRetried, StepStarted, TextDelta
from agentui.models.gate import Gate
from agentui.models.scripted import Reasoning, ScriptedModel
from agentui.testing import FakePool
from agentui.ui.chat import artifact, error_block, message, step_message
from agentui.ui.ending import answer, answer_block
from agentui.ui.transcript import RunTranscript
from agentui.ui.words import seconds, size
from agentui.view import fold
from tests.builders import finished, started, step_finished
from tests.builders import records as numbered


def texts(messages):
    return [part["content"][0]["text"] for part in messages]


async def run_records(*answers, task="Do it"):
    agent = CodeAgent([], ScriptedModel(answers), stream_outputs=True, sandbox_pool=FakePool())
    return [record async for record in agent.stream(task)]


@pytest.fixture
async def records():
    return await run_records(
        [
            Reasoning("Hm. "),
            Reasoning("Right."),
            "I add.\n",
            "<code>\nprint('a\\n    b')\nraise ",
            "ValueError('x')</code>",
        ],
        "Again.\n<code>final_answer({'sum': 3})</code>",
    )


def test_messages_have_the_shape_that_gradio_sends():
    gradio = pytest.importorskip("gradio")
    mine = [message("user", "Hi"), message("assistant", "```text\na\n    b\n```")]
    assert gradio.Chatbot().postprocess(mine).model_dump() == mine


def test_a_step_shows_everything_in_its_order(records):
    view = fold(records)
    (text,) = texts([step_message(view.steps[0])])
    parts = [
        "Step 1",
        "Reasoning",
        "Hm. Right.",
        "I add.",
        "```python\nprint('a",
        "Output",
        "a\n    b",
        "ValueError: x",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert text.count("<details") == 1
    assert "open" not in text.partition("<summary>")[0].partition("<details")[2]


def test_the_head_of_a_step_names_its_run_only_where_it_can_be_selected(records):
    step = fold(records).steps[1]
    (text,) = texts([step_message(step, "0123abcd")])
    assert text.startswith('<div class="au-head au-done au-step-2 au-run-0123abcd"><button type="button"')
    (text,) = texts([step_message(step)])
    assert "button" not in text.splitlines()[0]
    assert "au-step-" not in text


def test_a_long_output_says_that_it_is_cut():
    for lines, cut in ((200, False), (202, True)):
        (text,) = texts(
            [step_message(fold(numbered(started(), StepStarted(step=1), step_finished(output="x\n" * lines))).steps[0])]
        )
        assert ("au-output-cut" in text) is cut


def test_what_was_live_is_still_there_when_it_is_settled(records):
    transcript = RunTranscript("Do it")
    live = ""
    for record in records:
        if texts(transcript.live):
            live = texts(transcript.live)[0]
        if transcript.apply(record) and record.event.type == "step_finished":
            settled = texts(transcript.settled)[-1]
            for piece in ("Hm. Right.", "I add.", "print('a", "    b", "Again.", "final_answer("):
                assert (piece in settled) >= (piece in live)
    assert texts(transcript.settled)[-1] == answer_block('```text\n{\n  "sum": 3\n}\n```')
    assert transcript.live == []


def test_a_live_message_only_grows_while_a_section_grows(records):
    transcript, shown, replaced = RunTranscript("Do it"), "", 0
    for record in records:
        transcript.apply(record)
        text = texts(transcript.live)[0] if transcript.live else ""
        replaced += not text.startswith(shown)
        shown = text
    assert replaced <= 8  # a new section, or the end of a step


def test_a_retried_attempt_is_told_and_its_text_is_gone():
    transcript = RunTranscript("t")
    view = transcript.view
    for record in numbered(
        StepStarted(step=1), TextDelta(text="broken"), ModelRetried(attempt=1, wait_s=2.0, reason="it <broke>")
    ):
        transcript.apply(record)
    (text,) = texts(transcript.live)
    assert "broken" not in text.replace("&lt;broke&gt;", "")
    assert "Attempt 1 failed: It &lt;broke&gt;." in text
    assert 'Attempt 2 in <span class="au-countdown">2 s</span>' in text
    assert view.phase == "retrying"


def whole(transcript, *, is_last=True):
    return texts([*transcript.settled, *transcript.tail(is_last=is_last)])


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (finished(output="**done**"), "**done**"),
        (finished(output=42), '<div class="au-answer">\n\n42\n\n</div>'),
        (finished("stopped"), "Stopped"),
        (finished("failed", error="no route: check the URL"), "No route: check the URL."),
        (finished("limit", error="the step limit is used up (max_steps=3)"), "The step limit is used up (3)."),
    ],
)
def test_every_end_says_what_happened(end, said):
    transcript = RunTranscript("t")
    for record in numbered(started(), end):
        transcript.apply(record)
    assert said in whole(transcript)[-1]


def test_an_error_is_shown_once_and_in_place():
    transcript = RunTranscript("t")
    for record in numbered(
        StepStarted(step=1), step_finished(error="the server said 401"), finished("failed", error="the server said 401")
    ):
        transcript.apply(record)
    assert sum("the server said 401" in text.lower() for text in whole(transcript)) == 1


async def test_a_stopped_step_is_no_failure():
    agent = CodeAgent([], ScriptedModel([["Half", Gate()]]), stream_outputs=True, sandbox_pool=FakePool())
    transcript = RunTranscript("t")
    run = agent.start("t", on_record=transcript.apply)
    async for batch in run.subscribe():
        if any(record.event.type == "text_delta" for record in batch):
            run.stop()
    step, card = whole(transcript)[1:]
    assert "Half" in step
    assert "cut short</span>" in step
    assert "failed" not in step
    assert "au-error" not in step
    assert re.search(r"Stopped</b> <span>upstream closed after \d+ ms · about [\d,]+ tokens billed</span>", card)


def test_pictures_are_shown_and_files_are_links():
    picture = ArtifactCreated(artifact_id="id1", name="plot.png", media_type="image/png", size_bytes=1)
    table = ArtifactCreated(artifact_id="id2", name='a"<b>.csv', media_type="text/csv", size_bytes=12_345)
    vector = ArtifactCreated(artifact_id="id3", name="x.svg", media_type="image/svg+xml", size_bytes=1)
    assert '<img src="gradio_api/agentui/artifacts/id1"' in artifact(picture)
    assert 'download="a&quot;&lt;b&gt;.csv"' in artifact(table)
    assert "12 kB" in artifact(table)
    assert "<img" not in artifact(vector)


def test_a_traceback_is_a_block_and_a_sentence_is_a_line():
    assert "```text\nTraceback\n  x\n```" in error_block("Traceback\n  x")
    assert error_block("Too <long>.") == '<div class="au-error">Too &lt;long&gt;.</div>'


def test_numbers_for_people():
    assert [seconds(s) for s in (0.0042, 2.44, 75)] == ["4 ms", "2.4 s", "1 min 15 s"]
    assert [size(n) for n in (12, 12_345, 2_500_000)] == ["12 bytes", "12 kB", "2.5 MB"]
    assert answer("") == "(an empty text)"
