"""The fold of what each step did to variables and files."""

from hypothesis import given
from hypothesis import strategies as st

from agentui.events import GivenFile, StateChanged
from agentui.state_events import Variable
from agentui.state_view import state_after
from agentui.view import fold
from tests.builders import records, started


def variable(name, text="1", kind="int"):
    return Variable(name=name, type=kind, repr=text)


def shown(rows):
    return [(row.now.name, row.change) for row in rows]


def test_what_the_step_did_comes_first_and_each_is_told_apart():
    changes = [
        StateChanged(step=0, variables=(variable("given"),), files=(GivenFile(name="in.csv", size_bytes=5),)),
        StateChanged(step=1, variables=(variable("a"), variable("b")), left_out=3),
        StateChanged(
            step=3,
            variables=(variable("a", "2"), variable("new")),
            removed=("b",),
            files=(GivenFile(name="out.txt", size_bytes=1),),
            removed_files=("in.csv",),
        ),
    ]
    state = state_after(changes, 3)
    assert shown(state.variables) == [("a", "changed"), ("b", "removed"), ("new", "added"), ("given", None)]
    assert [(row.before and row.before.repr, row.now.repr) for row in state.variables[:2]] == [("1", "2"), ("1", "1")]
    assert shown(state.files) == [("in.csv", "removed"), ("out.txt", "added")]
    between = state_after(changes, 2)
    assert shown(between.variables) == [("a", None), ("b", None), ("given", None)]
    assert (state_after(changes, 1).left_out, between.left_out, state.left_out) == (3, 3, 0)
    assert shown(state_after(changes, 0).variables) == [("given", "added")]
    assert shown(state_after([], 4).variables) == []


def test_a_run_view_keeps_the_changes():
    change = StateChanged(step=1, variables=(variable("x"),))
    assert fold(records(started(), change)).changes == [change]


names = st.sampled_from("abc")


@given(st.lists(st.tuples(st.lists(names), st.lists(names), st.sampled_from("123"))), st.integers(0, 5))
def test_the_state_is_what_a_dict_would_hold(steps, at):
    changes = [
        StateChanged(step=number, variables=tuple(variable(name, text) for name in new), removed=tuple(gone))
        for number, (new, gone, text) in enumerate(steps)
    ]
    held: dict[str, str] = {}
    for new, gone, text in steps[: at + 1]:
        held = {name: old for name, old in held.items() if name not in gone} | dict.fromkeys(new, text)
    state = state_after(changes, at)
    assert {row.now.name: row.now.repr for row in state.variables if row.change != "removed"} == held
