import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentui.messages import ChatMessageStreamDelta
from agentui.models.base import fold_deltas
from agentui.models.tool_calls import ToolCallAssembler


def entry(arguments=None, *, index=None, id=None, name=None, **more):
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    fields = {key: value for key, value in (("index", index), ("id", id)) if value is not None}
    return {**fields, "function": function, **more}


def assemble(*deltas):
    assembler = ToolCallAssembler()
    shown = [ChatMessageStreamDelta(tool_calls=assembler.feed(entries)) for entries in deltas]
    return [(call.call_id, call.name, call.arguments) for call in fold_deltas(shown).tool_calls]


@pytest.mark.parametrize(
    ("deltas", "calls"),
    [
        (
            [[entry("", index=0, id="a", name="f")], [entry('{"x":', index=0)], [entry("1}", index=0)]],
            [("a", "f", '{"x":1}')],
        ),
        ([[entry("{}", id="a", name="f")], [entry("{}", id="b", name="f")]], [("a", "f", "{}"), ("b", "f", "{}")]),
        ([[entry("{", id="a", name="f")], [entry("}", id="a")]], [("a", "f", "{}")]),
        ([[entry("{", index=0, id="a", name="f")], [entry("}", index=0, id="", name="")]], [("a", "f", "{}")]),
        ([[entry("{", id="a", name="f")], [entry("}")]], [("a", "f", "{}")]),
        (
            [[entry("{}", index=0, id="a", name="f")], [entry("{}", index=0, id="b", name="g")]],
            [("a", "f", "{}"), ("b", "g", "{}")],
        ),
        (
            [
                [entry("{", index=1, id="b", name="g"), entry("{", index=0, id="a", name="f")],
                [entry("}", index=0), entry("}", index=1)],
            ],
            [("b", "g", "{}"), ("a", "f", "{}")],
        ),
        ([[entry("{}", name="f"), entry("{}", name="g")]], [("call_1", "f", "{}"), ("call_2", "g", "{}")]),
        (
            [[entry("{}", index=0, id="", name="f")], [entry("{}", index=0, id="", name="g")]],
            [("call_1", "f", "{}"), ("call_2", "g", "{}")],
        ),
        ([[entry("{", index=0, name="f")], [entry("}", index=0, id="a", name="f")]], [("call_1", "f", "{}")]),
        ([[entry("{}", index=0, id="a", name="f")], [entry("", index=0, id="a", name="f")]], [("a", "f", "{}")]),
        ([[entry({"x": 1}, index=0, id="a", name="f")]], [("a", "f", '{"x": 1}')]),
        (
            [[entry("{}", index=0, id="a", name="f"), entry("{", index=1, id="a", name="g")], [entry("}", index=1)]],
            [("a", "f", "{}"), ("call_2", "g", "{}")],
        ),
        ([[entry("{}", id="a", name="f"), entry("{}", id="a", name="g")]], [("a", "f", "{}"), ("call_2", "g", "{}")]),
        (
            [[entry("{}", name="f"), entry("{", id="call_1", name="g")], [entry("}", id="call_1")]],
            [("call_1", "f", "{}"), ("call_2", "g", "{}")],
        ),
        (
            [[entry("{}", index=0, id="call_2", name="f"), entry("{}", index=1, name="g")]],
            [("call_2", "f", "{}"), ("call_3", "g", "{}")],
        ),
        ([[None, 3, {"function": None}], "x", None, {}], [("call_1", "", "")]),
    ],
)
def test_calls_are_put_together(deltas, calls):
    assert assemble(*deltas) == calls


def test_what_the_vendor_adds_is_kept_and_every_delta_names_its_call():
    assembler = ToolCallAssembler()
    (first,) = assembler.feed(
        [entry("{", index=0, id="a", name="f", extra_content={"google": {"thought_signature": "s"}})]
    )
    (second,) = assembler.feed([entry("}", index=0)])
    assert first.extra == second.extra == {"google": {"thought_signature": "s"}}
    assert (second.call_id, second.name, second.arguments, second.index) == ("a", "f", "}", 0)


def test_builtin_calls_are_calls():
    (call,) = ToolCallAssembler().feed(
        [entry("", index=0, id="$web_search:0", name="$web_search", type="builtin_function")]
    )
    assert call.name == "$web_search"


ENTRIES = st.builds(
    entry,
    st.sampled_from([None, "", "{", "}", "{}"]),
    index=st.sampled_from([None, 0, 1, 2]),
    id=st.sampled_from([None, "", "a", "call_1", "call_2"]),
    name=st.sampled_from([None, "f", "g"]),
)


@given(deltas=st.lists(st.lists(ENTRIES, max_size=3), max_size=8))
def test_a_call_has_one_id_of_its_own_from_its_first_delta_on(deltas):
    assembler = ToolCallAssembler()
    shown = {(call.index, call.call_id) for entries in deltas for call in assembler.feed(entries)}
    assert all(call_id for _, call_id in shown)
    assert len(shown) == len(dict(shown)) == len({call_id for _, call_id in shown})
