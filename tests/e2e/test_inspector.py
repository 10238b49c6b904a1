"""The inspector's frame: the tree of steps, and that a step selected in one place is selected in all."""

import pytest

from agentui.events import CodeDelta, CodeStarted, StepStarted, SubagentEvent, TextDelta, ToolCallFinished
from agentui.events import ToolCallStarted as Called
from agentui.ui.feed import as_json
from tests.builders import records, started, step_finished

pytestmark = pytest.mark.browser

OPEN = """records => {
    const root = document.createElement("div"), status = document.createElement("div");
    document.body.append(root);
    window.picked = [];
    const onSelect = ({ step, from }) => picked.push([step?.number ?? null, from]);
    window.probe = new agentui.Inspector({ root, status, onSelect });
    probe.feed({ chat: "c", runs: [{ run_id: "r", from_seq: 0, next_seq: records.length, elapsed: 9, records }] });
    probe.draw();
    window.press = (key) => { document.activeElement.dispatchEvent(
        new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true })); probe.draw(); };
    window.state = () => ({
        rows: probe.timeline.shown().map((row) => [row.level, row.label.textContent,
            row.button.getAttribute("aria-expanded"), row.open ?? null]),
        selected: [...root.querySelectorAll('[role=treeitem][aria-selected="true"]')].map((row) => row.dataset.path),
        reachable: [...root.querySelectorAll('[role=treeitem][tabindex="0"]')].map((row) => row.dataset.path),
        focus: document.activeElement.dataset.path ?? null,
        usage: [...root.querySelectorAll('#usage-table [aria-current]')].map((row) => row.cells[0].textContent),
        index: probe.selected,
    });
}"""


def show(page, *events):
    page.evaluate(OPEN, [as_json(record) for record in records(*events)])
    return page.evaluate("state()")


def inner(event):
    return SubagentEvent(call_id="call_2", agent="helper", event=event)


CALLING = [
    *(started(), StepStarted(step=1), TextDelta(text="Hm"), step_finished()),
    *(StepStarted(step=2), CodeDelta(text="f(1)"), CodeStarted(code="f(1)")),
    Called(call_id="call_1", name="web_search", arguments={"q": "x"}),
    ToolCallFinished(call_id="call_1", result=2, duration_s=0.1),
    Called(call_id="call_2", name="helper", arguments={"task": "t"}),
    *(inner(started("t")), inner(StepStarted(step=1)), inner(step_finished()), inner(StepStarted(step=2))),
]


def test_tools_and_called_agents_are_children_in_the_tree_and_an_agent_at_work_is_unfolded(page):
    seen = show(page, *CALLING)
    assert seen["rows"] == [
        [1, "Step 1", "false", False],
        [1, "Step 2", "true", False],
        [2, "web_search", None, None],
        [2, "helper", "true", None],
        [3, "Step 1", "false", False],
        [3, "Step 2", "false", False],
    ]
    starts = page.evaluate(
        """() => ["1/call_2", "1/call_2/0", "1/call_2/1"].map((path) =>
            +probe.timeline.byPath.get(path).bars.firstChild.style.getPropertyValue("--from"))"""
    )
    assert starts == pytest.approx([0.9, 1.1, 1.3])  # on the clock of the run


def test_a_step_row_is_selected_by_a_click_and_by_keys_and_everything_follows(page):
    show(page, *CALLING)
    page.evaluate("probe.timeline.rows[0].button.focus(); probe.timeline.rows[0].button.click(); probe.draw()")
    seen = page.evaluate("state()")
    assert (seen["index"], seen["selected"], seen["rows"][0][2:]) == (0, ["0"], ["true", True])
    assert page.evaluate("picked.at(-1)") == [1, "steps"]
    walked = []
    for key in ("ArrowLeft", "ArrowDown", "ArrowRight", "ArrowDown", "ArrowRight", "ArrowLeft", "End", "Home"):
        page.evaluate("key => press(key)", key)
        seen = page.evaluate("state()")
        assert [seen["focus"]] == seen["reachable"]
        walked.append((seen["focus"], seen["index"], len(seen["rows"])))
    assert walked == [
        ("0", 0, 6),  # closed
        ("1", 1, 6),
        ("1/call_1", 1, 6),
        ("1/call_2", 1, 6),
        ("1/call_2/0", 1, 6),
        ("1/call_2", 1, 6),
        ("1/call_2/1", 1, 6),
        ("0", 0, 6),
    ]
    page.evaluate("probe.select(1); probe.draw(); probe.timeline.rows[1].fold()")
    seen = page.evaluate("state()")
    assert (seen["selected"], len(seen["rows"])) == (["1"], 2)
    page.evaluate("probe.move(1); probe.move(1); probe.move(-1)")
    assert page.evaluate("state().index") == 0
    assert page.evaluate('document.querySelectorAll(\'[tabindex]:not([tabindex="0"],[tabindex="-1"])\').length') == 0
