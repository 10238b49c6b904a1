"""A run of ten thousand records: what one more of them costs does not depend on how many there are."""

import pytest

from agentui.events import CodeStarted, OutputDelta, StepStarted, TextDelta, UsageUpdated
from agentui.ui.feed import as_json
from agentui.usage import TokenUsage
from tests.builders import finished, records, started, step_finished

pytestmark = pytest.mark.browser

STEPS, DELTAS = 200, 46
OPEN = """records => {
    const root = document.createElement("div"), status = document.createElement("div");
    document.body.append(root);
    window.probe = new agentui.Inspector({ root, status });
    window.all = records;
    window.fed = 0;
    window.feed = (count) => {
        const part = all.slice(fed, fed + count);
        const [from_seq, next_seq] = [fed, fed += part.length];
        probe.feed({ chat: "c", runs: [{ run_id: "r", from_seq, next_seq, elapsed: next_seq / 10, records: part }] });
        probe.touch();
        probe.draw();
    };
    window.size = () => root.querySelectorAll("*").length;
    // Elements that something was written to, by what `act` does and one drawing of everything.
    window.touched = (act) => {
        const seen = new MutationObserver(() => {});
        seen.observe(root, { childList: true, subtree: true, attributes: true, characterData: true });
        act();
        probe.touch();
        probe.draw();
        const written = seen.takeRecords().map(({ target }) => target);
        const found = new Set(written.map((node) => node.nodeType === Node.TEXT_NODE ? node.parentNode : node));
        seen.disconnect();
        return found.size;
    };
}"""


def events():
    usage = TokenUsage(1000, 40, source="estimated")
    yield started()
    for step in range(1, STEPS + 1):
        yield StepStarted(step=step)
        yield from [TextDelta(text="some words ")] * DELTAS
        yield from (CodeStarted(code="f()"), OutputDelta(stream="stdout", text="out\n"))
        yield UsageUpdated(step=step, usage=usage)
        yield step_finished(step, thought="some words " * DELTAS, code="f()", output="out\n", usage=usage)
    yield finished()


def test_a_record_more_touches_a_few_elements_however_many_there_were(page):
    made = records(*events())
    assert len(made) > 10_000
    page.evaluate(OPEN, [as_json(record) for record in made])
    a_step = DELTAS + 5
    page.evaluate("count => feed(count)", 1 + 10 * a_step + 20)
    early = page.evaluate("[touched(() => feed(1)), touched(() => probe.select(3)), size()]")
    page.evaluate("count => feed(count)", (STEPS - 20) * a_step)
    late = page.evaluate("[touched(() => feed(1)), touched(() => probe.select(170)), size()]")
    assert late[0] <= early[0] + 2 <= 25
    assert late[1] <= early[1] + 6 <= 40
    # No text, and no more than a row in each of the two places, is there for a step that nobody has opened.
    assert (late[2] - early[2]) / (STEPS - 20) <= 26
    page.evaluate("feed(all.length)")
    assert page.evaluate("[probe.shown.view.steps.length, probe.shown.records.length]") == [STEPS, len(made)]
    assert page.evaluate("touched(() => {})") <= 3
