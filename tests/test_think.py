import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentui.think import Piece, ThinkSplitter


def split(chunks, hold_chars=0):
    """Pieces of the chunks, neighbours of one kind joined."""
    splitter = ThinkSplitter(hold_chars)
    pieces = [piece for chunk in chunks for piece in splitter.feed(chunk)] + splitter.close()
    joined = []
    for piece in pieces:
        if joined and joined[-1].kind == piece.kind and piece.kind != "recast":
            joined[-1] = Piece(piece.kind, joined[-1].text + piece.text)
        else:
            joined.append(piece)
    return joined


@pytest.mark.parametrize(
    ("answer", "pieces"),
    [
        ("plain", [("text", "plain")]),
        ("", []),
        ("  \n", [("text", "  \n")]),
        ("<think>\nwhy\n</think>\n\nThought: x", [("reasoning", "why"), ("text", "Thought: x")]),
        (" \n<think>a  b</think>c", [("reasoning", "a  b"), ("text", "c")]),
        ("<think>\n\n</think>\n\nanswer", [("text", "answer")]),
        ("<think>a</think>\n<think>b</think>c", [("reasoning", "ab"), ("text", "c")]),
        ("<think>never closed \n", [("reasoning", "never closed")]),
        ("<think>a</thi", [("reasoning", "a</thi")]),
        ("<thi", [("text", "<thi")]),
        ("<think>a</think> <thi", [("reasoning", "a"), ("text", "<thi")]),
        ("<thinker>", [("text", "<thinker>")]),
        ("say <think>no</think>", [("text", "say <think>no</think>")]),
        ("x <code>'</think>'</code>", [("text", "x <code>'</think>'</code>")]),
        ("x ```py\n'</think>'```", [("text", "x ```py\n'</think>'```")]),
        ("<think>a</think>b</think>c", [("reasoning", "a"), ("text", "b</think>c")]),
        ("<think>a <code>x</code></think>b", [("reasoning", "a <code>x</code>"), ("text", "b")]),
        ("</think>\n\nanswer", [("text", "answer")]),
        ("it is '4'</think>4", [("text", "it is '4'"), ("recast", ""), ("text", "4")]),
        ("it is '4'</think>", [("text", "it is '4'"), ("recast", "")]),
        ("Close it with `</think>`.", [("text", "Close it with `</think>`.")]),
        ("`</think>` ends </think>it", [("text", "`</think>` ends "), ("recast", ""), ("text", "it")]),
    ],
)
def test_only_a_leading_block_or_an_orphan_before_code_is_reasoning(answer, pieces):
    assert split([answer]) == pieces


def test_an_orphan_recasts_the_text_that_was_shown():
    assert split(["It wants a sum.", "\n</think>\n\nThought: x"]) == [
        ("text", "It wants a sum.\n"),
        ("recast", ""),
        ("text", "Thought: x"),
    ]


def test_held_text_becomes_reasoning_without_having_been_shown():
    assert split(["It wants a sum.", "\n</think>\n\nThought: x"], hold_chars=100) == [
        ("reasoning", "It wants a sum."),
        ("text", "Thought: x"),
    ]


def test_held_text_is_released_by_code_by_the_limit_and_by_the_end():
    splitter = ThinkSplitter(hold_chars=10)
    assert splitter.feed("short") == []
    assert splitter.feed("<code>x") == [("text", "short<code>x")]
    assert split(["longer than ten", " letters"], hold_chars=10) == [("text", "longer than ten letters")]
    assert split(["short"], hold_chars=10) == [("text", "short")]


def test_text_without_tags_is_never_held_back():
    splitter = ThinkSplitter()
    assert [splitter.feed(word) for word in ("Thought:", " a", " < b", "\n")] == [
        [("text", "Thought:")],
        [("text", " a")],
        [("text", " < b")],
        [("text", "\n")],
    ]


ANSWERS = st.lists(
    st.sampled_from(["<think>", "</think>", "<code>", "```", " ", "\n", "a", "<", "</", "thought", "<thi", "`", "'"]),
    max_size=12,
).map("".join)


@given(answer=ANSWERS, cuts=st.lists(st.integers(0, 60), max_size=8), hold_chars=st.sampled_from([0, 3, 1000]))
@example(answer="<think>a \n</think>\n b", cuts=[3, 9, 10, 14], hold_chars=0)
def test_any_chunking_gives_the_same_pieces(answer, cuts, hold_chars):
    bounds = [0, *sorted(min(cut, len(answer)) for cut in cuts), len(answer)]
    chunks = [answer[start:end] for start, end in zip(bounds, bounds[1:], strict=False)]
    whole = split([answer], hold_chars)
    assert split(chunks, hold_chars) == whole
    assert split(list(answer), hold_chars) == whole


@given(answer=ANSWERS)
def test_nothing_is_lost_but_tags_and_the_space_around_them(answer):
    kept = "".join(piece.text for piece in split([answer]))
    for tag in ("<think>", "</think>"):
        kept, answer = kept.replace(tag, ""), answer.replace(tag, "")
    assert "".join(kept.split()) == "".join(answer.split())
