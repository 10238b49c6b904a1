"""A worker's claim about its variables is checked like any frame; and how one value is told in words."""

from __future__ import annotations

from collections import Counter, deque, namedtuple
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agentui.sandbox.described import MAX_TOLD, Claim, Told, read_claim
from agentui.sandbox.frames import FrameError
from agentui.sandbox.worker.outline import Outline, size_of
from tests.sandbox.helpers import RecordingHost
from tests.sandbox.test_step import DONE, Liar, frame


def state(variables: Any = (), removed: Any = (), left_out: Any = 0, *, before: Any = False) -> bytes:
    return frame(t="state", before=before, variables=variables, removed=removed, left_out=left_out)


@pytest.mark.parametrize(
    "sent",
    [
        state(variables="x"),
        state(variables=[["x", "int", "1", None]] * (MAX_TOLD + 1)),
        state(variables=[["x" * 101, "int", "1", None]]),
        state(variables=[["x", "i" * 101, "1", None]]),
        state(variables=[["x", "int", "1" * 81, None]]),
        state(variables=[["x", "int", "1", "9" * 61]]),
        state(variables=[["x", "int", 1, None]]),
        state(variables=[["x", "int"]]),
        state(removed=[1]),
        state(removed=["x"] * (MAX_TOLD + 1)),
        state(left_out=-1),
        state(left_out=10**9),
        state(left_out="1"),
        state(before=1),
        state(before=True),
        frame(t="state", before=False),
    ],
)
async def test_a_claim_that_no_worker_makes_ends_it(sent: bytes) -> None:
    with pytest.raises(FrameError):
        await Liar().drive(sent, DONE)


async def test_a_step_may_say_its_variables_once() -> None:
    with pytest.raises(FrameError, match="more of variables"):
        await Liar().drive(state(), state(), DONE)


async def test_a_whole_state_is_said_first_and_once() -> None:
    liar = Liar()
    liar.run.whole_state = True
    await liar.drive(state(before=True), state(), DONE)
    assert (liar.run.claim_before, liar.run.claim) == (Claim(), Claim())
    for sent in ([state(before=True)] * 2, [state(), state(before=True)]):
        liar = Liar()
        liar.run.whole_state = True
        with pytest.raises(FrameError, match="more of variables"):
            await liar.drive(*sent, DONE)


def test_control_characters_and_lone_surrogates_are_replaced() -> None:
    claim = read_claim({"variables": [["a\nb", "t\u202e", "\x1b[0m\udc80", None]], "removed": ["\0"], "left_out": 0})
    (variable,) = claim.variables.values()
    assert (variable.name, variable.type, variable.repr) == ("a\ufffdb", "t\ufffd", "\ufffd[0m\ufffd")
    assert claim.removed == frozenset({"\ufffd"})


def test_names_that_were_never_told_are_not_said_to_be_gone() -> None:
    host, told = RecordingHost(), Told()
    told.tell(host, Claim(removed=frozenset({"never"})), None, step=1)
    assert host.changes == []


@dataclass
class Point:
    x: int
    y: int


class Color(Enum):
    RED = 1


Pair = namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    ("value", "text", "size"),
    [
        ("it's", '"it\'s"', "4"),
        (10**1000, None, None),
        ([1, [2, [3, [4]]]], "[1, [2, [3, [4]]]]", "2"),
        ([[[[[1]]]]], "[[[[[…]]]]]", "1"),
        (list(range(100)), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, …, 98, 99]", "100"),
        ((1,), "(1,)", "1"),
        ({"b", "a"}, "{'a', 'b'}", "2"),
        (Point(1, 2), "Point(x=1, y=2)", None),
        (Pair(1, 2), "Pair((1, 2))", "2"),
        (Counter("aab"), "Counter({'a': 2, 'b': 1})", "2"),
        (deque([1, 2]), "[1, 2]", "2"),
        (SimpleNamespace(a=1), "SimpleNamespace(a=1)", None),
        (ValueError("no", 3), "ValueError('no', 3)", None),
        (Decimal("1.50"), "1.50", None),
        (Fraction(1, 3), "1/3", None),
        (Path("/a/b"), "Path('/a/b')", None),
        (date(2026, 1, 2), "2026-01-02", None),
        (b"ab", "b'ab'", "2"),
        (len, "len(…)", None),
        (Point, "class Point", None),
        (iter([]), "<list_iterator>", None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_is_told_in_words(value: object, text: str | None, size: str | None) -> None:
    said = Outline().text(value)
    assert said == text if text is not None else len(said) < 80
    assert size_of(value) == size


def test_a_cycle_and_a_wide_tree_cost_no_more_than_their_beginning() -> None:
    ring: list[Any] = []
    ring.append(ring)
    wide = [[[[number] * 100] * 100] * 100 for number in range(100)]
    assert "…" in Outline().text(ring)
    assert len(Outline().text(wide)) < 2_000
    assert "RED" in Outline().text(Color.RED)
