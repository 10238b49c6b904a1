"""The State panel: what is there after a step, and that it is the fold of Python in the browser too."""

import pytest
from playwright.sync_api import expect

from agentui.events import GivenFile, StateChanged, StateRestored, StepStarted
from agentui.state_events import Variable
from agentui.state_view import state_after
from agentui.ui.feed import as_json
from agentui.view import fold
from tests.builders import records, started, step_finished
from tests.e2e.conftest import send

pytestmark = pytest.mark.browser

FOLD = """records => {
    const view = new agentui.RunView("r");
    records.forEach((record) => view.apply(record));
    const rows = (held) => held.map((row) => [row.now.name, row.before?.name ?? null, row.change]);
    return [0, 1, 2, 3].map((step) => {
        const state = agentui.stateAfter(view.changes, step);
        return [rows(state.variables), rows(state.files), state.left_out];
    });
}"""
PANEL = """([records, selected, wanted]) => {
    const panel = new agentui.StatePanel({ selected });
    const view = new agentui.RunView("r");
    records.forEach((record) => view.apply(record));
    panel.update({ view });
    panel.filter.value = wanted;
    panel.filter.dispatchEvent(new Event("input"));
    const shown = [...panel.node.querySelectorAll("tbody tr")].map((row) =>
        [...row.cells].map((cell) => cell.textContent));
    return { shown, about: panel.about.textContent, said: panel.said.textContent,
        notes: [...panel.notes.children].map((note) => note.textContent), empty: !panel.empty.hidden,
        marks: panel.node.querySelectorAll("img, script").length };
}"""


def variable(name, text, kind="int", size=None):
    return Variable(name=name, type=kind, repr=text, size=size)


RUN = [
    started(),
    StateRestored(method="snapshot", missing={"lock": "it cannot be kept"}, duration_s=0.1),
    StepStarted(step=1),
    StateChanged(step=0, variables=(variable("old", "0"),), files=(GivenFile(name="in.csv", size_bytes=1_500),)),
    StateChanged(step=1, variables=(variable("words", "['a']", "list", "1"), variable("x", "1")), left_out=2),
    step_finished(),
    StepStarted(step=2, kind="planning"),
    step_finished(2),
    StepStarted(step=3),
    StateChanged(
        step=3,
        variables=(variable("words", "['a', 'b']", "list", "2"), variable("<img src=x>", "'<script>'", "str", "8")),
        removed=("x",),
        removed_files=("in.csv",),
    ),
    step_finished(3),
]


def test_the_browser_folds_the_state_as_python_does(page):
    run = records(*RUN)
    changes = fold(run).changes

    def rows(held):
        return [[row.now.name, row.before.name if row.before else None, row.change] for row in held]

    states = [state_after(changes, step) for step in range(4)]
    expected = [[rows(state.variables), rows(state.files), state.left_out] for state in states]
    assert page.evaluate(FOLD, [as_json(record) for record in run]) == expected


def test_the_panel_shows_the_selected_step_and_what_it_changed(page):
    run = [as_json(record) for record in records(*RUN)]

    def panel(selected=None, wanted=""):
        return page.evaluate(PANEL, [run, selected, wanted])

    last = panel()
    assert last["about"] == "After step 3: 3 variables, 0 files"
    assert last["shown"] == [
        ["<img src=x> new", "str 8", "'<script>'"],
        ["words changed", "list 1 → list 2", "was ['a'] → ['a', 'b']"],
        ["x removed", "int", "1"],
        ["old", "int", "0"],
        ["in.csv removed", "", "1.5 kB"],
    ]
    assert (last["marks"], last["notes"]) == (0, ["Not as it was: lock, it cannot be kept."])
    between = panel(1)
    assert (between["about"], between["said"]) == ("After step 2: 3 variables, 1 file", "Step 2 changed nothing.")
    assert [row[0] for row in between["shown"]] == ["old", "words", "x", "in.csv"]
    assert between["notes"][1] == "2 more variables and files are new or changed and not described."
    assert [row[0] for row in panel(wanted="LIST")["shown"]] == ["words changed"]
    assert page.evaluate(PANEL, [run[:1], None, ""])["empty"]


def test_the_state_of_a_run_is_shown_and_follows_the_selected_step(page, stage):
    stage.plays(
        "<code>\nrates = {'EUR': 1}\nopen('a.txt', 'w').write('hello')\n</code>",
        "<code>\nrates['USD'] = 1.09\ntotal = 3\n</code>",
        "<code>\nfinal_answer('Done')\n</code>",
    )
    send(page, "Go")
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    page.get_by_role("tab", name="State").click()
    panel = page.get_by_role("tabpanel", name="State")
    expect(panel).to_contain_text("After step 3: 2 variables, 1 file")
    page.locator("#steps button.au-row").nth(1).click()
    expect(panel).to_contain_text("After step 2")
    row = panel.get_by_role("row", name="rates")
    expect(row).to_contain_text("changed")
    expect(row).to_contain_text("was {'EUR': 1} → {'EUR': 1, 'USD': 1.09}")
    panel.get_by_label("Filter variables and files").fill("a.txt")
    expect(panel.get_by_role("row", name="a.txt")).to_contain_text("5 bytes")
    expect(panel.get_by_role("row", name="rates")).to_have_count(0)
    # A new run of the conversation begins with what is there.
    stage.plays("<code>\nfinal_answer(len(rates))\n</code>")
    send(page, "Again")
    expect(panel).to_contain_text("After step 1: 2 variables, 1 file")
    expect(panel).to_contain_text("Step 1 changed nothing.")
