import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentui.models.text import StopCutter, SurrogateJoiner


def run(filter_, chunks):
    return "".join([*map(filter_.feed, chunks), filter_.close()])


@given(text=st.text(alphabet=st.characters(categories=["Ll", "Cs"]) | st.sampled_from("\ud83d\ude00é"), max_size=8))
def test_joined_halves_are_those_of_the_whole(text):
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert run(SurrogateJoiner(), list(text)) == whole
    assert run(SurrogateJoiner(), [text]) == whole
    whole.encode()


@pytest.mark.parametrize(
    ("text", "sequences", "kept", "stopped"),
    [
        ("abc", [], "abc", False),
        ("abc", [""], "abc", False),
        ("a</code>b</code>", ["</code>"], "a", True),
        ("a</cod", ["</code>"], "a</cod", False),
        ("abce", ["abcd", "bc"], "a", True),
        ("abcd", ["abcd", "bc"], "", True),
        ("abc", ["abcd", "bc"], "a", True),
        ("aab", ["ab"], "a", True),
        ("x\nObservation:", ["Observation:", "\nObservation:"], "x", True),
    ],
)
def test_text_ends_before_the_first_stop_sequence(text, sequences, kept, stopped):
    for chunks in ([text], list(text)):
        cutter = StopCutter(sequences)
        assert run(cutter, chunks) == kept
        assert cutter.stopped is stopped


@given(
    text=st.text("ab<", max_size=20),
    sequences=st.lists(st.text("ab<", min_size=1, max_size=4), max_size=3),
    cuts=st.lists(st.integers(0, 20), max_size=5),
)
def test_any_chunking_cuts_at_the_same_place(text, sequences, cuts):
    starts = [found for sequence in sequences if (found := text.find(sequence)) >= 0]
    bounds = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    chunks = [text[a:b] for a, b in zip(bounds, bounds[1:], strict=False)]
    assert run(StopCutter(sequences), chunks) == text[: min(starts, default=len(text))]
