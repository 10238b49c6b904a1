"""The transcript that the page's own scripts draw: the same however it grew, at every moment, and harmless."""

import random
from dataclasses import replace

import pytest

from agentui.events import (
    ArtifactCreated,
    CodeDelta,
    CodeStarted,
    ContextCompacted,
    ModelRetried,
    OutputDelta,
    ParentRun,
    ReasoningDelta,
    StepStarted,
    StopRequested,
    SubagentEvent,
    TextDelta,
    ToolCallFinished,
    ToolCallStarted,
    UpstreamClosed,
)
from agentui.ui.feed import as_json
from agentui.usage import TokenUsage
from tests.builders import finished, records, started, step_finished

pytestmark = pytest.mark.browser

USED = TokenUsage(100, 7, source="estimated")
MARKDOWN = """# Head in C# ##

Some **bold _both_ text**, `code`, ``a ` b`` and ~~gone~~; snake_case, 2 * 3 * 4, **open.
A [link](https://example.org/a_(b)), https://bare.example/x_y. and <b>html</b> & [no](javascript:alert(1)).

- one
- two `x
  - deep
1. first
3) third

> quoted
> > twice

| a | b |
|---|:-:|
| 1 | *2* |

```python
def f(x):
    \"\"\"Text\"\"\"
    return f"{x}" + 'it\\'s'  # done
```
After\r
the \x1b code \\*escaped\\*

---
~~~
tilde ``` inside
~~~
```
open"""
HOSTILE = [
    "[x](javascript:alert(1)) ![i](data:text/html,x) <img src=x onerror=alert(1)> <script>alert(1)</script>",
    "[a](https://x.example/\"onmouseover=\"alert(1)) <https://y.example> [b]( https://z.example 'q')",
    "**" * 20_000 + "x",
    "*a" * 20_000,
    "[" * 40_000,
    "[a](" * 10_000,
    "`" * 100 + "".join(f"{'`' * (i % 90)}a" for i in range(2_000)),
    "https://" * 10_000,
    "> " * 5_000 + "x",
    "- a\n" * 5_000,
    "".join(f"{' ' * (i % 60)}- x\n" for i in range(3_000)),
    "|" * 20_000 + "\n" + "|-" * 5_000,
    "_" * 30_000 + "\n" + "- " * 20_000 + "x",
    "#" * 10_000 + " " * 10_000 + "x",
    "# a" + "#" * 200_000 + "b",
    "``` " + "x" * 200 + "\n" + "~~~" + " " * 100_000 + "`",
]
GROWN = """([text, cuts]) => {
    const html = (feed) => {
        const node = document.createElement("div"), prose = new agentui.Prose(node);
        feed(prose);
        return node.innerHTML;
    };
    const whole = html((prose) => prose.update(text));
    const grown = html((prose) => [...cuts, text.length].forEach((cut) => prose.update(text.slice(0, cut))));
    const back = html((prose) => [text.length, ...cuts].forEach((cut) => prose.update(text.slice(0, cut))));
    const last = html((prose) => prose.update(text.slice(0, cuts.at(-1) ?? text.length)));
    return { whole, grown: grown === whole, back: back === last };
}"""


@pytest.mark.parametrize("seed", range(3))
def test_prose_is_the_same_however_it_grew_and_shrank(page, seed):
    chance = random.Random(seed)
    cuts = sorted(chance.sample(range(1, len(MARKDOWN)), 80))
    seen = page.evaluate(GROWN, [MARKDOWN, cuts])
    assert seen["grown"]
    assert seen["back"]
    for part in (
        "<h1>Head in C#</h1>",
        "<strong>bold <em>both</em> text</strong>",
        "<code>a ` b</code>",
        "snake_case, 2 * 3 * 4, **open.<br>",
        'href="https://example.org/a_(b)"',
        'rel="noopener noreferrer"',
        "&lt;b&gt;html&lt;/b&gt;",
        "[no](javascript:alert(1))",
        "<ul><li>one</li><li>two `x<ul><li>deep</li></ul></li></ul>",
        "<ol><li>first</li><li>third</li></ol>",
        "<blockquote><p>quoted</p><blockquote><p>twice</p></blockquote></blockquote>",
        "<td><em>2</em></td>",
        '<span class="token function">f</span>',
        "the  code *escaped*",
        "tilde ``` inside",
    ):
        assert part in seen["whole"]


@pytest.mark.parametrize("piece", ["word **bold** ", "x😀", "| a "])
def test_a_line_without_end_is_read_once_and_looks_the_same_however_it_grew(page, piece):
    text = piece * (60_000 // len(piece))
    seen = page.evaluate(
        """(text) => {
            const made = (grows) => {
                const node = document.createElement("div"), prose = new agentui.Prose(node);
                if (grows) for (let at = 0; at < text.length; at += 1_000) prose.update(text.slice(0, at));
                prose.update(text);
                return { node, prose };
            };
            const [grown, whole] = [made(true), made(false)];
            return { same: grown.node.innerHTML === whole.node.innerHTML, text: whole.node.textContent,
                     left: text.length - whole.prose.ends };
        }""",
        text,
    )
    assert seen["same"]
    assert seen["left"] <= 20_000
    assert "".join(seen["text"].split()) == "".join(text.replace("**", "").split())


def test_a_hostile_text_is_shown_and_does_nothing(page):
    found = page.evaluate(
        """texts => texts.map((text) => {
            const node = document.createElement("div");
            const prose = new agentui.Prose(node);
            for (const share of [0.3, 0.7, 1]) prose.update(text.slice(0, text.length * share));
            const nodes = [...node.querySelectorAll("*")];
            const bad = nodes.filter((each) => ["SCRIPT", "IMG", "IFRAME", "STYLE"].includes(each.tagName)
                || [...each.attributes].some(({ name }) => name.startsWith("on"))
                || (each.tagName === "A" && !/^https?:$/.test(each.protocol)));
            return [bad.length, Boolean(node.textContent)];
        })""",
        HOSTILE,
    )
    assert found == [[0, True]] * len(HOSTILE)


def test_highlighting_keeps_every_character_and_knows_where_texts_end(page):
    code = (
        'x = """a\nb \\""" c\n""" + \'q\' # c\n@d\nclass A(B): match = 1\n'
        'match x:\n  a @ b; 0x1f + 1.5e-3j; é = "open\nd\U0001f600 \\'
    )
    seen = page.evaluate(
        """code => {
            let state = "";
            return code.split("\\n").map((line) => {
                const found = agentui.highlight(line, state);
                state = found.state;
                return found.nodes.map((node) => [node.className ?? "", node.textContent]);
            });
        }""",
        code,
    )
    assert ["".join(text for _, text in line) for line in seen] == code.split("\n")
    assert seen[1] == [["token string", 'b \\""" c']]
    assert seen[2][0] == ["token string", '"""']
    assert seen[3] == [["token decorator", "@d"]]
    assert ["token class-name", "A"] in seen[4]
    assert ["token keyword", "match"] not in seen[4]
    assert ["token keyword", "match"] in seen[5]
    assert ["token operator", "@"] in seen[6]


LONG = "".join(f"line {i} \x1b[31mred\x1b[0m\n" for i in range(300))
RUN = [
    started("Do <b>it</b>\nplease"),
    StepStarted(step=1, kind="planning"),
    ReasoningDelta(text="I *think*"),
    TextDelta(text="A plan:\n\n- a"),
    step_finished(reasoning="I *think*", thought="A plan:\n\n- a", usage=USED),
    ContextCompacted(before_tokens=9000, after_tokens=3000, elided_observations=2),
    StepStarted(step=2),
    TextDelta(text="Broken"),
    ModelRetried(attempt=1, wait_s=1.0, reason="the server is busy", usage=USED),
    ModelRetried(attempt=2, wait_s=2.0, reason="the server is busy"),
    TextDelta(text="Right"),
    CodeDelta(text="x = f("),
    CodeDelta(text="1)\nprint(x)"),
    CodeStarted(code="x = f(1)\nprint(x)"),
    ToolCallStarted(call_id="a", name="f", arguments={"n": [1, 2], "s": "é"}),
    ToolCallFinished(call_id="a", result={"k": None}, duration_s=0.2),
    ToolCallStarted(call_id="b", name="helper", arguments={"task": "t"}),
    SubagentEvent(call_id="b", agent="helper", event=started("t")),
    SubagentEvent(call_id="b", agent="helper", event=StepStarted(step=1)),
    SubagentEvent(call_id="b", agent="helper", event=TextDelta(text="inside")),
    SubagentEvent(call_id="b", agent="helper", event=step_finished(thought="inside", usage=USED)),
    ToolCallFinished(call_id="b", error="it broke", duration_s=0.2),
    OutputDelta(stream="stdout", text=LONG[:2000]),
    OutputDelta(stream="stdout", text=LONG[2000:]),
    ArtifactCreated(artifact_id="p", name="p.png", media_type="image/png", size_bytes=9),
    ArtifactCreated(artifact_id="q", name="q.csv", media_type="text/csv", size_bytes=90_000),
    step_finished(
        2, thought="Right", code="x = f(1)\nprint(x)", output=LONG, error="Traceback\n  x\nE: no", usage=USED
    ),
    StepStarted(step=3),
    TextDelta(text="cut"),
    StopRequested(),
    UpstreamClosed(step=3, after_s=0.084, usage=USED),
    step_finished(3, thought="cut", error="stopped before the answer had ended", usage=USED),
    finished("stopped", usage=USED),
]
AT = """([records, moments]) => {
    const fold = (k) => {
        const view = new agentui.RunView("r");
        for (const record of records.slice(0, k)) view.apply(record);
        return view;
    };
    const options = { artifactUrl: (id) => `data:,${id}`, selectable: true };
    const at = (transcript, k) => {
        transcript.update(fold(k), k / 10);
        return transcript.node.outerHTML;
    };
    const kept = new agentui.Transcript(options);
    const grown = new agentui.Transcript(options), view = new agentui.RunView("r");
    const fresh = (k) => at(new agentui.Transcript(options), k);
    const wrong = moments.filter((k) => at(kept, k) !== fresh(k));
    records.forEach((record, index) => {
        view.apply(record);
        grown.update(view, (index + 1) / 10);
        if (grown.node.outerHTML !== fresh(index + 1)) wrong.push(`forward ${index + 1}`);
    });
    return { wrong, text: grown.node.textContent };
}"""


def test_the_transcript_at_any_moment_is_that_of_a_fresh_fold(page):
    run = [as_json(record) for record in records(*RUN)]
    count = len(run)
    moments = [*range(count + 1), *range(count, -1, -1), *random.Random(1).choices(range(count + 1), k=60)]
    seen = page.evaluate(AT, [run, moments])
    assert seen["wrong"] == []
    for said in (
        "Do <b>it</b>\nplease",
        "conversation shortened: ≈9.0k → 3.0k tokens (2 observations elided)",
        "Attempts 1–2 failed: The server is busy. Tried again after 1 s, 2 s.",
        'f(n=[1, 2], s="é") → {"k": null} 0.2 s',
        'helper(task="t") failed: it broke',
        "1 step of the called agent",
        "… 99 lines left out …",
        "q.csv text/csv · 90 kB",
        "cut short",
        "Stopped upstream closed after 84 ms · about 107 tokens billed",
        "Spent: 1 finished step, one cut short · 1.0 s · ≈107 tokens · cost unknown",
    ):
        assert said in seen["text"]
    assert "Broken" not in seen["text"]
    assert "[31m" not in seen["text"]


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        (True, "True"),
        (None, "None"),
        (1e-07, "1e-07"),
        ({"a": [1]}, '{\n  "a": [\n    1\n  ]\n}'),
        ("   a  b\n0  1  2", "   a  b\n0  1  2"),
        ("", "(an empty text)"),
        ("word " * 5_000, "Show all 25,000 characters"),
    ],
)
def test_an_answer_is_what_the_records_have(page, output, shown):
    run = [as_json(record) for record in records(started(), finished(output=output))]
    text = page.evaluate(AT, [run, []])["text"]
    assert text.removeprefix("t").endswith(shown)


def test_a_run_that_goes_on_says_with_what(page):
    first = records(started(), StepStarted(step=1), step_finished(usage=USED), finished("stopped", usage=USED))
    parent = ParentRun(run_id="r", step=1, relation="resumed")
    text = page.evaluate(
        """([first, start]) => {
            const view = new agentui.RunView("r");
            first.forEach((record) => view.apply(record));
            const next = new agentui.RunView("next");
            next.apply(start);
            const transcript = new agentui.Transcript({ runs: new Map([["r", { view }]]) });
            transcript.update(next, 0);
            return transcript.node.textContent;
        }""",
        [[as_json(record) for record in first], as_json(records(replace(started(), parent=parent))[0])],
    )
    assert text == "Goes on after step 1 of the run before"
