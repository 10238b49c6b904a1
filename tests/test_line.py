"""Who may start next."""

import asyncio

import pytest

from agentui.errors import ConfigError
from agentui.line import MAX_OF_ONE, MAX_WAITING, LeftLine, Line


async def test_who_finds_a_place_does_not_wait_and_the_others_move_up():
    line, moves = Line(1), []
    first = line.join("a")
    second = line.join("b")
    third = line.join("c", on_move=lambda: moves.append("c"))
    moves.clear()
    assert (first.is_up, second.place, third.place) == (True, 1, 2)
    end = first.take()
    first.stop()
    assert not second.is_up
    end()
    await second.wait()
    assert (second.place, third.place) == (None, 1)
    assert moves


async def test_one_who_starts_many_does_not_keep_others_waiting():
    line = Line(1)
    running = line.join("greedy")
    many = [line.join("greedy") for _ in range(3)]
    other, another = line.join("other"), line.join("another")
    assert [turn.place for turn in (other, another, *many)] == [1, 2, 3, 4, 5]
    running.stop()
    # With nothing running any more, who waited longest is as good as the others.
    assert many[0].is_up
    many[0].take()
    assert [turn.place for turn in (other, another, *many[1:])] == [1, 2, 3, 4]


async def test_who_needs_several_places_gets_them_together_and_is_not_overtaken_for_ever():
    line = Line(2)
    small = line.join("a")
    race = line.join("b", 2)
    late = line.join("c")
    assert (race.place, late.place) == (1, 2)  # one place is free, and kept for who came first
    small.stop()
    assert race.is_up
    assert not late.is_up
    ends = [race.take(), race.take()]
    with pytest.raises(ConfigError):
        race.take()
    race.stop()
    ends.pop()()
    assert late.is_up


async def test_leaving_the_line_ends_the_wait_and_lets_the_others_up():
    line = Line(1)
    first, second, third = (line.join(name) for name in "abc")
    waiting = asyncio.ensure_future(second.wait())
    await asyncio.sleep(0)
    second.stop()
    with pytest.raises(LeftLine):
        await waiting
    assert third.place == 1
    first.stop()
    first.stop()  # harmless
    assert third.is_up
    assert line.taken == 1


async def test_a_turn_that_is_given_up_in_the_moment_it_comes_does_not_begin():
    line = Line(1)
    first, second = line.join("a"), line.join("b")
    waiting = asyncio.ensure_future(second.wait())
    await asyncio.sleep(0)
    first.stop()
    assert second.is_up
    second.stop()
    with pytest.raises(LeftLine):
        await waiting
    assert line.taken == 0


async def test_a_turn_that_came_and_was_not_used_is_given_back():
    line = Line(1)
    with pytest.raises(ValueError, match="cannot start"), line.join("a"):
        raise ValueError("cannot start")
    assert line.taken == 0
    assert line.at_once("b").is_up
    with pytest.raises(ConfigError, match="already runs 1 tasks"):
        line.at_once("c")


async def test_a_line_is_bounded():
    line = Line(1)
    line.join("first")
    for _ in range(MAX_OF_ONE):
        line.join("greedy")
    with pytest.raises(ConfigError, match="you have too many"):
        line.join("greedy")
    for number in range(MAX_WAITING - MAX_OF_ONE):
        line.join(number)
    with pytest.raises(ConfigError, match="there are too many"):
        line.join("late")
    with pytest.raises(ConfigError, match="start fewer"):
        line.join("race", 3)
