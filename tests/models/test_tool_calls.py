import pytest

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
        ([[entry("{}", name="f"), entry("{}", name="g")]], [("", "f", "{}"), ("", "g", "{}")]),
        (
            [[entry("{}", index=0, id="", name="f")], [entry("{}", index=0, id="", name="g")]],
            [("", "f", "{}"), ("", "g", "{}")],
        ),
        ([[entry("{", index=0, name="f")], [entry("}", index=0, id="a", name="f")]], [("a", "f", "{}")]),
        ([[entry("{}", index=0, id="a", name="f")], [entry("", index=0, id="a", name="f")]], [("a", "f", "{}")]),
        ([[entry({"x": 1}, index=0, id="a", name="f")]], [("a", "f", '{"x": 1}')]),
        ([[None, 3, {"function": None}], "x", None, {}], [("", "", "")]),
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
