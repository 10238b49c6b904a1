import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentui.parse import MARKDOWN, TAGS, AnswerParser


def split(*chunks, tags=TAGS):
    parser = AnswerParser(tags)
    pieces = [piece for chunk in chunks for piece in parser.feed(chunk)]
    return parser, pieces + parser.close()


def answer(text, tags=TAGS):
    return split(text, tags=tags)[0].answer


CASES = {
    "tags": ("I add.\n<code>\nprint(1)\n</code>", "I add.", "print(1)"),
    "text after the code": ("a\n<code>\nx = 1\n</code>\nand b", "a\n\nand b", "x = 1"),
    "no newline": ("a<code>x = 1</code>", "a", "x = 1"),
    "fence": ("a\n```python\nx = 1\n```\nb", "a\n\nb", "x = 1"),
    "short fence": ("a\n```py\nx = 1\n```", "a", "x = 1"),
    "fence inside tags": ("a\n<code>\n```python\nx = 1\n```\n</code>", "a", "x = 1"),
    "bare fence inside tags": ("a\n<code>\n```\nx = 1\n```\n</code>", "a", "x = 1"),
    "fence inside tags, never closed": ("a\n<code>\n```python\nx = 1\n</code>", "a", "x = 1"),
    "other fence is text": ("a\n```json\n{}\n```\nb", "a\n```json\n{}\n```\nb", None),
    "two blocks": ("<code>\nx = 1\n</code>\nthen\n<code>\ny = 2\n</code>", "then", "x = 1\n\ny = 2"),
    "cut closing tag": ("a<code>\nx = 1\n</co", "a", "x = 1"),
    "closing tag in a string": ("<code>\ns = '</code>'\nprint(s)\n</code>", "", "s = '</code>'\nprint(s)"),
    "closing tag in a long string": ('<code>\ns = """\n</code>\n"""\n</code>', "", 's = """\n</code>\n"""'),
    "closing tag after a comment's apostrophe": ("<code>\nx = 1  # don't</code>", "", "x = 1  # don't"),
    "escaped quote": ("<code>\ns = 'it\\'s </code>'\n</code>", "", "s = 'it\\'s </code>'"),
    "string never closed": ('<code>\ns = """a\n</code>\nbye', "", 's = """a\n</code>\nbye'),
    "stray closing tag": ("nothing here</code>", "nothing here", None),
    "indented": ("<code>\n    x = 1\n    y = 2\n</code>", "", "x = 1\ny = 2"),
    "empty block": ("a<code></code>", "a", None),
    "fence in a docstring": ('```python\ns = """\n```\n"""\n```', "", 's = """\n```\n"""'),
    "windows line ends": ("a\r\n<code>\r\nx = 1\r\n</code>", "a", "x = 1"),
    "less-than signs": ("1 < 2 and <co and ``", "1 < 2 and <co and ``", None),
}


@pytest.mark.parametrize(("text", "thought", "code"), CASES.values(), ids=CASES)
def test_an_answer_splits_into_thought_and_code(text, thought, code):
    got = answer(text)
    assert (got.thought, got.code) == (thought, code)


@pytest.mark.parametrize(("text", "thought", "code"), CASES.values(), ids=CASES)
def test_the_split_does_not_depend_on_the_chunks(text, thought, code):
    got = split(*text)[0].answer
    assert (got.thought, got.code) == (thought, code)


@given(
    st.lists(st.sampled_from([*"<>/`'\"#\\\n ax", "<code>", "</code>", "```python\n", "```", "<think>", "</think>"])),
    st.data(),
)
def test_any_text_splits_the_same_however_it_is_cut(tokens, data):
    text = "".join(tokens)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    chunks = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert split(*chunks)[0].answer == answer(text)


@given(st.lists(st.sampled_from([*"<>/`'\"\n ax", "<code>", "</code>", "```python\n", "```"])))
def test_live_pieces_say_what_the_whole_says(tokens):
    parser, pieces = split(*tokens)
    thought = "".join(text for kind, text in pieces if kind == "text").strip()
    assert thought == parser.answer.thought


def test_markdown_tags_are_understood():
    assert answer("a\n```python\nx = 1\n```", MARKDOWN).code == "x = 1"


def test_code_inside_think_is_never_code():
    got = answer("<think>try <code>rm()</code></think>Now.\n<code>\nx = 1\n</code>")
    assert (got.reasoning, got.thought, got.code) == ("try <code>rm()</code>", "Now.", "x = 1")


def test_text_before_an_orphan_closing_think_tag_is_reasoning():
    got = split("I could ", "add </th", "ink>\nNow.\n<code>\nx = 1\n</code>")[0].answer
    assert (got.reasoning, got.thought, got.code) == ("I could add", "Now.", "x = 1")


def test_an_unclosed_block_says_so():
    assert answer("<code>\nx = (1,").closed is False


def test_code_appears_while_it_is_written_and_the_tag_does_not():
    parser = AnswerParser()
    assert parser.feed("go <co") == [("text", "go ")]
    assert parser.feed("de>\nprint(") == [("code", "print(")]
    assert parser.feed("1)\n</c") == [("code", "1)\n")]
    assert parser.feed("ode>") == []


def test_time_is_linear_in_closing_tags_inside_a_string():
    text = "<code>\ns = '''" + "</code>" * 20_000
    assert answer(text).code is not None
