"""What the browser says when it compares runs."""

import random

import pytest

pytestmark = pytest.mark.browser

DIFF = "([a, b]) => agentui.compare.lineDiff(a, b)"
RIBBONS = "all => agentui.compare.ribbons(all)"
ANSWERS = """runs => {
    const views = runs.map((end) => end && { end });
    const groups = agentui.compare.answerGroups(views);
    return [groups, agentui.compare.verdict(groups)];
}"""
ALIGNED = """runs => {
    const views = runs.map((numbers) => numbers && { steps: numbers.map((number) => ({ number })) });
    return agentui.compare.alignSteps(views).map(({ number, steps }) => [number, steps.map(Boolean)]);
}"""
OUTCOMES = """ends => ends.map(([kind, end]) => agentui.compare.outcome({ kind, end }))"""


def run(seconds, tokens, usd, steps, completed=True):
    return {"seconds": seconds, "tokens": tokens, "usd": usd, "steps": steps, "completed": completed}


def common(a, b):
    """Length of the longest common subsequence."""
    row = [0] * (len(b) + 1)
    for x in a:
        row, before = [0], row
        for j, y in enumerate(b):
            row.append(before[j] + 1 if x == y else max(before[j + 1], row[j]))
    return row[-1]


def test_two_codes_differ_in_as_few_lines_as_can_be(page):
    rng = random.Random(5)
    pairs = [["", ""], ["a", ""], ["", "a"], ["a\n\nb", "a\nb"], ["a\nb", "b\na"]]
    pairs += [["\n".join(rng.choices("abcd", k=rng.randint(1, 12))) for _ in range(2)] for _ in range(60)]
    for before, after in pairs:
        lines = page.evaluate(DIFF, [before, after])
        a, b = (text.split("\n") if text else [] for text in (before, after))
        assert [line["text"] for line in lines if line["mark"] != "new"] == a
        assert [line["text"] for line in lines if line["mark"] != "gone"] == b
        assert sum(line["mark"] == "same" for line in lines) == common(a, b)
    long = "\n".join(map(str, range(50_000)))
    assert len(page.evaluate(DIFF, [long, f"{long}\nend"])) == 50_001  # only what lies between is looked at
    assert page.evaluate(DIFF, [long, "\n".join(map(str, range(1, 100_000, 2)))]) is None


@pytest.mark.parametrize(
    ("runs", "won"),
    [
        (
            [run(2.0, 10, 0.5, 3), run(1.0, 20, 0.1, 3)],
            {"seconds": ([1], False), "tokens": ([0], False), "usd": ([1], False)},
        ),
        (
            [run(1.0, 5, None, 1), run(2.0, 9, 0.2, 2), run(3.0, 5, 0.1, 2)],
            {"seconds": ([0], False), "tokens": ([0, 2], True), "usd": ([2], False), "steps": ([0], False)},
        ),
        ([run(0.1, 1, 0.0, 1, completed=False), run(2.0, 9, 0.2, 2)], {}),
        (
            [run(0.1, 1, 0.0, 1, completed=False), run(2.0, 9, 0.2, 2), None, run(3.0, 9, 0.2, 3)],
            {"seconds": ([1], False), "steps": ([1], False)},
        ),
        ([run(1.01, 9, None, 2), run(1.04, None, 0.2, 2)], {}),
        ([None, None], {}),
    ],
    ids=["each its own", "ties, unknown cost", "one finisher", "failed and absent", "equal as shown", "nobody"],
)
def test_who_was_best_at_what(page, runs, won):
    assert page.evaluate(RIBBONS, runs) == {
        metric: {"lanes": lanes, "tie": tie} for metric, (lanes, tie) in won.items()
    }


def test_answers_steps_and_outcomes_are_compared(page):
    def done(output, status="completed"):
        return {"status": status, "output": output}

    for runs, groups, verdict in (
        ([done(391), done(" 391 ")], [0, 0], "Same answer"),
        ([done({"a": 1, "b": [2]}), done({"b": [2], "a": 1})], [0, 0], "Same answer"),
        ([done("yes"), done("no"), done("yes")], [0, 1, 0], "Different answers: 2 of 3 agree"),
        ([done(None), done("null x")], [0, 1], "Different answers"),
        ([done(1), done(1, "failed"), None], [0, None, None], "Only one answer"),
        ([None, done(1, "stopped")], [None, None], "No answer"),
    ):
        assert page.evaluate(ANSWERS, runs) == [groups, verdict]
    assert page.evaluate(ALIGNED, [[1, 2, 3], None, [2, 4]]) == [
        [1, [True, False, False]],
        [2, [True, False, True]],
        [3, [True, False, False]],
        [4, [False, False, True]],
    ]
    ends = [
        ["action", None],
        ["action", {"error": None, "is_final": True, "code": "x"}],
        ["action", {"error": "ValueError: x", "code": "x"}],
        ["action", {"error": "stopped before it was done", "code": "x", "usage": {}}],
        ["action", {"error": "stopped before it began", "code": None, "usage": None}],
        ["planning", {"error": None, "code": None}],
        ["action", {"error": None, "code": None}],
        ["action", {"error": None, "code": "x"}],
    ]
    said = ["goes on", "answered", "failed", "cut short", "not begun", "planned", "no code", "ran"]
    assert page.evaluate(OUTCOMES, ends) == said


TABLE = """outputs => {
    const views = outputs.map((output, index) => ({
        end: { status: "completed", output, duration_s: index + 1 },
        usage: { total_tokens: 7, source: "estimated" }, cost: null, actions: 1, step: null, steps: [], t: index + 1,
    }));
    const lanes = outputs.map((_, index) => ({ name: "abc"[index], problem: null }));
    const table = agentui.raceTable(lanes, views, lanes.map(() => ""));
    return [...table.querySelectorAll("tr")].map((row) => [...row.children].map((cell) => cell.textContent));
}"""


def test_the_table_says_what_is_equal_what_nobody_knows_and_how_answers_differ(page):
    rows = page.evaluate(TABLE, ["one\ntwo", "one\n<b>2</b>", "one\ntwo"])
    cells = {row[0]: row[1:] for row in rows if len(row) > 1}
    assert cells["Time"] == ["1.0 s fastest", "2.0 s", "3.0 s"]
    assert cells["Tokensall equal"] == ["≈7"] * 3
    assert cells["Cost"] == ["unknown"] * 3
    assert cells["Stepsall equal"] == ["1"] * 3
    first, second, third = cells["Answer"]
    assert "What differs" not in first
    assert second.endswith("What differs from aCompared with a  one\n− two\n+ <b>2</b>\n")
    assert third == "The same as a's."
    assert rows[-3][0] == "Different answers: 2 of 3 agree"
    assert page.evaluate(TABLE, [None, {"b": 1, "a": [2]}])[-2][1:] == ["null", '{\n  "b": 1,\n  "a": [\n    2\n  ]\n}']
