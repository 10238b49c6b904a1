from hypothesis import given
from hypothesis import strategies as st

from agentui.ui.markdown import Prose, clean_line, code_block, output_block, text_html

TRICKY = st.text(alphabet="ab`<>![]() \n\t&~*\x1b[31m\r", max_size=80)


def fed(part, text, cuts):
    start = 0
    for cut in sorted({min(cut, len(text)) for cut in cuts}):
        part.feed(text[start:cut])
        start = cut
    part.feed(text[start:])
    return part


@given(TRICKY, st.lists(st.integers(0, 80)))
def test_prose_does_not_depend_on_how_it_is_cut(text, cuts):
    assert fed(Prose(), text, cuts).close() == Prose(text).close()


@given(TRICKY, st.lists(st.integers(0, 80)))
def test_a_block_does_not_depend_on_how_it_is_cut(text, cuts):
    assert fed(output_block(), text, cuts).render(closed=True) == output_block(text).render(closed=True)


@given(TRICKY)
def test_nothing_inside_a_fence_can_close_it(text):
    first, *body, last = output_block(text).render(closed=True).split("\n")
    assert first.removesuffix("text") == last
    assert not any(line.strip().startswith(last) for line in body)


def test_html_of_a_model_is_text_outside_of_code():
    text = "<b>x</b> and `a<b`\n```py\nif a<b: pass\n```\n<script>"
    assert Prose(text).close() == "&lt;b>x&lt;/b> and `a<b`\n```py\nif a<b: pass\n```\n&lt;script>"


def test_an_image_becomes_a_link():
    assert Prose("![alt](https://example.com/x.png) wow!").close() == "[alt](https://example.com/x.png) wow!"


def test_an_open_fence_of_a_model_is_closed_at_its_end():
    assert Prose("Look:\n````py\nx = 1").close().endswith("x = 1\n````")


def test_growing_prose_only_appends():
    prose, shown = Prose(), ""
    for piece in ("One ", "two\n\n", "three `co", "de` four"):
        prose.feed(piece)
        assert prose.render().startswith(shown)
        shown = prose.render()


def test_a_growing_block_only_appends():
    block, shown = code_block(), ""
    for piece in ("import", " math\n", "print(", "1)\n"):
        block.feed(piece)
        assert block.render(closed=False).startswith(shown)
        shown = block.render(closed=False)


def test_long_output_is_cut_in_the_middle_and_says_so():
    shown = output_block("\n".join(f"line {i}" for i in range(1_000))).render(closed=True)
    assert "line 99\n… 799 lines left out …\nline 899\n" in shown
    assert shown.endswith("line 999\n```")
    assert "line 100\n" not in shown


def test_a_line_is_what_a_terminal_would_show():
    assert clean_line("\x1b[1;31mred\x1b[0m \x1b]0;title\x07ok\x07") == "red ok"
    assert clean_line("10%\r50%\r100%") == "100%"
    assert clean_line("x" * 3_000).endswith("… (1,000 more characters)")


def test_text_between_tags_is_no_markup():
    assert text_html("<b>\n*a* `c` [x](y)") == "&lt;b&gt; &#42;a&#42; &#96;c&#96; &#91;x&#93;(y)"
