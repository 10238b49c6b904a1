"""A moment of a run is the fold of its first records, and playing back is a clock over records that are here."""

import json
import random
from dataclasses import replace

import pytest

from agentui.events import (
    ArtifactCreated,
    CodeDelta,
    CodeStarted,
    ContextCompacted,
    ModelRequested,
    ModelResponded,
    ModelRetried,
    OutputDelta,
    ReasoningDelta,
    StateChanged,
    StepStarted,
    StopRequested,
    SubagentEvent,
    TextDelta,
    ToolCallFinished,
    ToolCallStarted,
    UsageUpdated,
)
from agentui.ui.feed import as_json
from agentui.usage import TokenUsage
from agentui.view import fold
from tests.builders import finished, records, started, step_finished
from tests.e2e.test_fold import VIEW, seen_by_python

pytestmark = pytest.mark.browser

USED = TokenUsage(100, 7, source="estimated")
WATCHED = """records => {
    const run = new agentui.WatchedRun("r");
    run.take({ from_seq: 0, next_seq: records.length, elapsed: 0, records });
    return run;
}"""


def a_step(chance, number, inner=False):
    """The events of a step, in an order that a run could have."""
    said = [
        ReasoningDelta(text="Hm "),
        TextDelta(text="So "),
        CodeDelta(text="x = 1\n"),
        OutputDelta(stream="stdout", text="1\n"),
    ]
    called = [started("inner"), *a_step(chance, 1, inner=True), finished(usage=USED)] if not inner else []
    some = [
        ModelRequested(step=number, kept=number - 1),
        *chance.choices(said[:3], k=chance.randrange(5)),
        *([ModelRetried(attempt=1, wait_s=0.5, reason="busy", usage=USED)] * chance.randrange(3)),
        *chance.choices(said[:3], k=chance.randrange(5)),
        UsageUpdated(step=number, usage=USED, margin=0.1),
        ModelResponded(step=number, raw=f"raw {number}"),
        CodeStarted(code="x = 1"),
        *([ToolCallStarted(call_id="a", name="helper", arguments={"n": number})] if called else []),
        *(SubagentEvent(call_id="a", agent="helper", event=event) for event in called),
        *([ToolCallFinished(call_id="a", result=1, duration_s=0.1)] if called else []),
        *chance.choices(said[3:], k=chance.randrange(4)),
        ArtifactCreated(artifact_id="p", name="p.png", media_type="image/png", size_bytes=9),
        StateChanged(step=number, removed=("x",)),
    ]
    cut = len(some) if chance.random() < 0.8 else chance.randrange(len(some))
    end = step_finished(number, thought="So so", code="x = 1", output="1\n", usage=USED)
    return [StepStarted(step=number), *some[:cut], end]


def a_run(seed):
    chance = random.Random(seed)
    events = [started()]
    for number in range(1, 7):
        events += a_step(chance, number)
        if chance.random() < 0.3:
            events.append(ContextCompacted(before_tokens=9, after_tokens=3, elided_observations=1))
    made = records(*events, StopRequested(), finished("stopped", usage=USED))
    times, t = [], 0.0
    for _ in made:
        t += chance.choice([0.0, 0.01, 0.4, 3.0])
        times.append(t)
    return [replace(record, t=t) for record, t in zip(made, times, strict=True)]


def sent(run):
    """One text: a browser takes it faster than thousands of values."""
    return json.dumps([as_json(record) for record in run])


@pytest.mark.parametrize("seed", range(3))
def test_every_moment_is_the_fold_of_the_records_until_then(page, seed):
    run = a_run(seed)
    chance = random.Random(seed)
    counts = [*chance.choices(range(len(run) + 1), k=60), 0, len(run)]
    times = [*(chance.uniform(0, run[-1].t + 1) for _ in range(60)), run[-1].t]
    in_browser = page.evaluate(
        f"""([text, counts, times]) => {{
            const show = {VIEW}, run = ({WATCHED})(JSON.parse(text)), playhead = new agentui.Playhead(run);
            const at = (go) => (go(), show(playhead.view));
            return JSON.stringify([counts.map((count) => at(() => playhead.goTo(count))),
                times.map((t) => at(() => playhead.seek(t))), show(run.view)]);
        }}""",
        [sent(run), counts, times],
    )
    by_count, by_time, now = json.loads(in_browser)
    assert by_count == [seen_by_python(fold(run[:count])) for count in counts]
    known = [[record for record in run if record.t <= t] or run[:1] for t in times]
    assert by_time == [seen_by_python(fold(some)) for some in known]
    assert now == seen_by_python(fold(run))


def test_going_anywhere_folds_no_more_than_one_step(page):
    steps, per_step = 50, 200
    events = [started()]
    for step in range(1, steps + 1):
        events += [StepStarted(step=step), *(CodeDelta(text=f"x = {i}\n") for i in range(per_step - 2))]
        events.append(step_finished(step, usage=USED))
    run = records(*events, finished(usage=USED))
    chance = random.Random(0)
    seen = page.evaluate(
        f"""([text, counts]) => {{
            const records = JSON.parse(text), run = ({WATCHED})(records), playhead = new agentui.Playhead(run);
            playhead.goTo(records.length);
            let applied = 0;
            const apply = agentui.RunView.prototype.apply;
            agentui.RunView.prototype.apply = function (record) {{
                applied++;
                return apply.call(this, record);
            }};
            const before = performance.now();
            const most = Math.max(...counts.map((count) => (applied = 0, playhead.goTo(count), applied)));
            const each = (performance.now() - before) / counts.length;
            agentui.RunView.prototype.apply = apply;
            return {{ most, each }};
        }}""",
        [sent(run), [chance.randrange(len(run)) for _ in range(500)]],
    )
    assert len(run) > 10_000
    assert seen["most"] <= per_step
    print(f"a seek in {len(run):,} records: {seen['each']:.3f} ms")


PLAYED = f"""([text, {{ speed, skips, frame }}]) => {{
    const show = {VIEW}, run = ({WATCHED})(JSON.parse(text)), playhead = new agentui.Playhead(run);
    Object.assign(playhead, {{ speed, skips }});
    playhead.goTo(run.records.length);
    playhead.play();
    const seen = [];
    let at = 100;
    for (; playhead.playing && seen.length < 20_000; at += frame) {{
        playhead.tick(at);
        seen.push(playhead.t);
        const all = run.records.filter((record) => record.t <= playhead.t).length;
        if (playhead.count !== Math.max(1, all)) throw new Error(`${{playhead.count}} of ${{all}} at ${{playhead.t}}`);
    }}
    return {{ took: at - 100, first: seen[0], ordered: seen.every((t, index) => !index || t >= seen[index - 1]),
        end: JSON.stringify(show(playhead.view)), atEnd: playhead.atEnd }};
}}"""


@pytest.mark.parametrize("speed", [0.25, 1, 20])
def test_playing_is_in_true_time_and_skips_waits_on_request(page, speed):
    run = a_run(0)
    frame = 0.1
    true, short = (
        page.evaluate(PLAYED, [sent(run), {"speed": speed, "skips": skips, "frame": frame}]) for skips in (False, True)
    )
    waits = [after.t - before.t for before, after in zip(run, run[1:], strict=False)]
    skipped = run[0].t + sum(0.3 if wait > 1 else wait for wait in waits)
    for played, length in ((true, run[-1].t), (short, skipped)):
        assert played["ordered"]
        assert played["atEnd"]
        assert played["first"] == 0
        assert json.loads(played["end"]) == seen_by_python(fold(run))
        assert played["took"] == pytest.approx(length / speed, abs=2.5 * frame)


def test_a_page_that_was_not_drawn_for_a_while_goes_on_where_it_was(page):
    seen = page.evaluate(
        f"""text => {{
            const run = ({WATCHED})(JSON.parse(text)), playhead = new agentui.Playhead(run);
            playhead.seek(0);
            playhead.play();
            for (const at of [1, 1.1, 900]) playhead.tick(at);
            const hidden = playhead.t;
            playhead.pause();
            playhead.tick(901);
            return [hidden, playhead.t];
        }}""",
        sent(a_run(0)),
    )
    assert seen == [pytest.approx(0.35), pytest.approx(0.35)]


def test_records_that_come_late_are_in_every_moment(page):
    run = a_run(1)
    chance = random.Random(3)
    late = sorted(chance.sample(range(1, len(run) - 1), len(run) // 2))
    counts = [0, 5, len(run) // 2, len(run)]
    seen = page.evaluate(
        f"""async ([text, late, counts]) => {{
            const show = {VIEW}, records = JSON.parse(text), run = new agentui.WatchedRun("r");
            const early = records.filter((record) => !late.includes(record.seq));
            run.take({{ from_seq: 0, next_seq: records.length, elapsed: 0, records: early }});
            const playhead = new agentui.Playhead(run);
            playhead.goTo(counts[2]);
            await playhead.whole(async (from) => ({{ next_seq: records.length, records: records.slice(from) }}));
            playhead.forget();
            const first = show(playhead.view);
            const after = counts.map((count) => (playhead.goTo(count), show(playhead.view)));
            return JSON.stringify([first, ...after]);
        }}""",
        [sent(run), late, counts],
    )
    assert json.loads(seen) == [seen_by_python(fold(run[:count])) for count in [counts[2], *counts]]
