"""What crosses as less than it is: only that part of a value, and it is said."""

from __future__ import annotations

import decimal
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentui.sandbox import codec
from agentui.sandbox.base import Sandbox
from agentui.sandbox.codec import CodecError, Repr
from agentui.sandbox.codec_base import MAX_ITEMS
from agentui.sandbox.losses import REASONS, Loss, loss_notes
from tests.sandbox.helpers import RecordingHost, run


class Foo:
    def __repr__(self) -> str:
        return "<a foo>"


def through(value: Any) -> tuple[Any, list[Loss]]:
    """`value` after both directions; what was lost must be the same for both ends."""
    sent: list[Loss] = []
    received: list[Loss] = []
    data, blob = codec.encode(value, losses=sent)
    back = codec.decode(json.loads(json.dumps(data, allow_nan=False)), blob, losses=received)
    assert sent == received
    return back, received


LARGE = {
    "int": 2**100_000,
    "Decimal": decimal.Decimal("1E+100000"),
    "str": "x" * (17 << 20),
    "bytes": bytes(17 << 20),
    "bytearray": bytearray(17 << 20),
    "ndarray": np.zeros(17 << 20, "u1"),
    "list": [0] * (MAX_ITEMS + 1),
}


@pytest.mark.parametrize("name", LARGE)
def test_only_the_part_that_is_too_large_becomes_its_repr(name: str) -> None:
    back, losses = through({"before": [1, "a"], "large": LARGE[name], "after": (b"b", {2.5})})
    assert (back["before"], back["after"]) == ([1, "a"], (b"b", {2.5}))
    assert isinstance(back["large"], Repr)
    assert len(back["large"]) < 20_100
    assert losses == [Loss(name, "size", whole=False)]


def test_bytes_that_were_given_up_are_not_sent() -> None:
    data, blob = codec.encode([[b"x" * (10 << 20), b"y" * (10 << 20)], b"z"])
    assert len(blob) == (10 << 20) + 1
    assert codec.decode(data, blob)[1] == b"z"


def test_a_part_that_is_nested_too_deep_becomes_its_repr() -> None:
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    back, losses = through([deep, 2])
    assert back[1] == 2
    assert losses == [Loss("list", "depth", whole=False)]


def test_a_value_within_itself_becomes_its_repr() -> None:
    own: dict[str, Any] = {"x": 1}
    own["self"] = own
    back, losses = through(own)
    assert (back["x"], str(back["self"])) == (1, "{'x': 1, 'self': {...}}")
    assert losses == [Loss("dict", "cycle", whole=False)]


def test_the_same_value_twice_is_no_cycle() -> None:
    shared = [1]
    assert through([shared, shared, {"k": shared}]) == ([[1], [1], {"k": [1]}], [])


class Wide:
    """Costs no time to print."""

    def __repr__(self) -> str:
        return "wide"


def test_a_value_that_doubles_at_each_level_is_given_up_after_bounded_work() -> None:
    class Doubling(list[Any]):
        def __repr__(self) -> str:
            return "doubling"

    value: Any = 1
    for _ in range(50):
        value = Doubling([value, value])
    back, losses = through(value)
    assert (str(back), losses) == ("doubling", [Loss(Doubling.__qualname__, "size", whole=True)])


def test_many_parts_that_are_too_large_are_given_up_together() -> None:
    class Row(list[Any]):
        def __repr__(self) -> str:
            return "row"

    data, blob = codec.encode(Row([b"x" * (15 << 20)] * 50))
    assert (codec.decode(data, blob), blob) == ("row", b"")


parts = st.sampled_from([1, "a", None, Foo(), 2**100_000, decimal.Decimal("1E+100000"), [Foo()], {"k": Foo()}])


@settings(max_examples=100)
@given(st.lists(parts, max_size=8), st.dictionaries(st.text(max_size=3), parts, max_size=4))
def test_every_part_is_itself_or_its_repr(items: list[Any], named: dict[str, Any]) -> None:
    (first, second), _ = through([items, named])
    assert len(first) == len(items)
    assert list(second) == list(named)
    for part, back in zip(items, first, strict=True):
        if isinstance(part, int | str | None):
            assert isinstance(back, Repr) if part == 2**100_000 else back == part
        elif isinstance(part, Foo | decimal.Decimal):
            assert isinstance(back, Repr)


@pytest.mark.parametrize("why", ["", "nonsense", None, 1, [], {}])
def test_a_reason_that_nobody_gives_is_refused(why: Any) -> None:
    with pytest.raises(CodecError):
        codec.decode({"$": "repr", "v": "x", "type": "Foo", "why": why})


@pytest.mark.parametrize("why", REASONS)
def test_a_repr_keeps_its_reason_on_a_second_way(why: str) -> None:
    back, losses = through(Repr("text", "Foo", why))
    assert (back, back.type_name, back.why) == ("text", "Foo", why)
    assert losses == [Loss("Foo", why, whole=True)]


def test_notes_name_what_was_lost_and_count_the_rest() -> None:
    foo = Loss("Foo", "type", whole=False)
    assert loss_notes([], "it", "you") == []
    assert loss_notes([Loss("Foo", "type", whole=True)], "it", "you") == [
        "it is a Foo, which cannot be sent: you got its repr"
    ]
    assert loss_notes([foo], "it", "you") == ["it holds a Foo, which cannot be sent: you got its repr"]
    several = [foo, foo, foo, Loss("int", "size", whole=False), *(Loss(name, "type", whole=False) for name in "cdef")]
    assert loss_notes(several, "it", "you") == [
        "it holds 3 values of type Foo, each of which cannot be sent: you got its repr",
        "it holds an int, which is too large to be sent: you got its repr",
        "it holds a c, which cannot be sent: you got its repr",
        "it holds 3 more values of which you got the repr",
    ]


FOO = "class Foo:\n    def __repr__(self): return '<a foo>'\n"


@pytest.mark.parametrize("pool", ["B", "U"], indirect=True)
async def test_an_argument_that_cannot_be_sent_is_said_and_the_tool_gets_its_repr(
    sandbox: Sandbox, host: RecordingHost
) -> None:
    await run(sandbox, host, f"{FOO}echo([1, Foo()], x=Foo())\necho([1, Foo()], x=Foo())")
    assert host.calls[0] == ("echo", [[1, "<a foo>"]], {"x": "<a foo>"})
    assert host.text("stderr") == (
        "[argument 1 of echo() holds a Foo, which cannot be sent: the tool got its repr]\n"
        "[the argument 'x' of echo() is a Foo, which cannot be sent: the tool got its repr]\n"
        "[the result of echo() holds 2 values of type Foo, each of which cannot be sent: the code got its repr]\n"
    )


@pytest.mark.parametrize("pool", ["B", "U"], indirect=True)
async def test_a_result_that_cannot_be_sent_is_said(sandbox: Sandbox, host: RecordingHost) -> None:
    host.opened.set()
    host.result = {"rows": [1, 2], "connection": Foo()}
    assert await run(sandbox, host, "give()") == {"rows": [1, 2], "connection": "<a foo>"}
    assert host.text("stderr") == ("[the result of give() holds a Foo, which cannot be sent: the code got its repr]\n")


@pytest.mark.parametrize("pool", ["B", "U"], indirect=True)
async def test_a_final_answer_that_cannot_be_sent_is_said_and_a_last_expression_is_not(
    sandbox: Sandbox, host: RecordingHost
) -> None:
    await run(sandbox, host, f"{FOO}Foo()")
    assert host.text() == ""
    assert await run(sandbox, host, "final_answer(Foo())") == "<a foo>"
    assert host.text("stderr") == "[the final answer is a Foo, which cannot be sent: the caller got its repr]\n"


@pytest.mark.parametrize("pool", ["B", "U"], indirect=True)
async def test_an_argument_that_is_too_large_is_an_error_and_nothing_is_called(
    sandbox: Sandbox, host: RecordingHost
) -> None:
    code = "try:\n    echo(1, text='x' * (17 << 20))\nexcept RuntimeError as error:\n    print(error)"
    await run(sandbox, host, code)
    assert host.text() == "the argument 'text' of echo() cannot be sent to the host: too large or nested too deep\n"
    assert host.calls == []
    assert await run(sandbox, host, "echo(*range(5), **{'$': 1})") == [[0, 1, 2, 3, 4], {"$": 1}]


@pytest.mark.parametrize("pool", ["B"], indirect=True)
async def test_remarks_end_after_a_few(sandbox: Sandbox, host: RecordingHost) -> None:
    code = "for n in range(50):\n    echo(type(f'Foo{n}', (), {})())"
    await run(sandbox, host, code)
    lines = host.text("stderr").splitlines()
    assert len(lines) == 20
    assert lines[-1].endswith("; no more of this is said in this step]")
