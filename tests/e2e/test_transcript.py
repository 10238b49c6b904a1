"""What the transcript makes of answers that are large, wide or odd, and of what was typed."""

import pytest
from playwright.sync_api import expect

from agentui.demo import EXAMPLES, DemoModel
from tests.e2e.conftest import send

pytestmark = pytest.mark.browser


def test_a_task_is_shown_as_it_was_typed(page, stage):
    stage.plays("<code>final_answer('ok')</code>")
    task = "# *Not* a **title**\n\n  1. indented\n<b>x</b> $a$ `c` https://example.com\n- [ ] a_b_c"
    send(page, task)
    typed = page.locator("#chat .au-task")
    assert typed.inner_text() == task
    assert typed.locator("*").count() == 0


def test_a_long_answer_is_folded_and_shown_as_a_whole_on_request(page, stage):
    stage.plays("<code>final_answer('word ' * 39_998 + 'THE END')</code>")
    send(page, "Write")
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    button = page.get_by_role("button", name="Show all 199,997 characters")
    expect(button).to_be_visible()
    assert len(page.locator("#chat").text_content()) < 20_000
    button.click()
    expect(page.locator("#chat .au-whole")).to_contain_text("THE END")


def test_a_dataframe_is_a_table(page, stage):
    stage.plays(
        "<code>import pandas as pd\n"
        "final_answer(pd.DataFrame({'name': ['<i>Ann</i>', 'B*b*'], 'score': [1.5, 2.25]}))</code>"
    )
    send(page, "Table")
    table = page.locator("#chat .au-table table")
    expect(table.locator("thead th")).to_have_text(["", "name", "score"])
    expect(table.locator("tbody tr").first).to_contain_text("<i>Ann</i>")
    expect(table.locator("tbody td").last).to_have_text("2.25")
    expect(page.locator("#chat")).to_contain_text("2 rows, 2 columns")


@pytest.mark.parametrize("kind", ["frame", "markdown"])
def test_a_wide_table_scrolls_inside_itself_on_a_phone_under_its_head(visitors, stage, kind):
    frame = "import pandas as pd\nfinal_answer(pd.DataFrame({f'column {i}': range(60) for i in range(12)}))"
    rows = "'\\n'.join(['|'.join(['a long cell'] * 12)] * 60)"
    markdown = (
        f"final_answer('|'.join(f'head {{i}}' for i in range(12)) + '\\n' + '|'.join(['-'] * 12) + '\\n' + {rows})"
    )
    phone = visitors.open(viewport={"width": 390, "height": 844}, has_touch=True)
    stage.plays(f"<code>{frame if kind == 'frame' else markdown}</code>")
    send(phone, "Table")
    expect(phone.locator("#run-bar")).to_contain_text("Completed")
    head = phone.locator("#chat thead th").nth(1)
    expect(head).to_be_attached()
    seen = phone.evaluate(
        """() => {
            const table = document.querySelector("#chat .md table");
            const box = table.closest(".au-table") ?? table;
            box.scrollLeft = 200; box.scrollTop = 300;
            const head = table.querySelector("thead th:nth-child(4)").getBoundingClientRect();
            return { left: box.scrollLeft, top: box.scrollTop, wide: box.getBoundingClientRect().width,
                page: document.documentElement.scrollWidth, under: head.top - box.getBoundingClientRect().top };
        }"""
    )
    assert seen["left"] == 200
    assert seen["top"] == 300
    assert seen["wide"] <= 390
    assert seen["page"] <= 390
    assert 0 <= seen["under"] <= 2


def test_the_copy_button_lies_beside_the_code(page, stage):
    stage.plays("<code>final_answer('x' * 5) # " + "a long comment " * 20 + "</code>")
    send(page, "Code")
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    code = page.locator("#chat .code_wrap pre").first.bounding_box()
    button = page.locator("#chat .code_wrap > button").first.bounding_box()
    assert button["x"] >= code["x"] + code["width"] - 1


def test_every_example_is_offered_and_the_one_with_a_follow_up_goes_on(page, stage):
    expect(page.locator("#examples .au-chip")).to_have_count(len(EXAMPLES))
    stage.model = DemoModel(delta_delay_s=0)
    page.get_by_role("button", name="A crowd of random walkers").click()
    chip = page.locator("#chat .au-follow-up")
    expect(chip).to_have_text("How does their distance from the start grow with time?", timeout=30_000)
    chip.click()
    expect(page.locator(".au-runs option")).to_have_count(2)
    expect(page.locator("#run-bar")).to_contain_text("Completed", timeout=30_000)
    expect(page.locator("#chat .au-task").last).to_have_text("How does their distance from the start grow with time?")
    expect(chip).to_have_count(0)


@pytest.mark.parametrize(("seconds", "ticks"), [(0.3, "0 0.2 s 0.4 s 0.6 s 0.8 s"), (7, "0 2 s 4 s 6 s 8 s")])
def test_the_axis_has_ticks_at_round_times(page, seconds, ticks):
    said = page.evaluate(
        """seconds => {
            const timeline = new agentui.Timeline(() => {});
            timeline.scale(seconds);
            return [...timeline.axis.children].map((tick) => tick.textContent).join(" ");
        }""",
        seconds,
    )
    assert said == ticks


def test_ticks_stay_round_however_long_a_run_is(page):
    seen = page.evaluate(
        """() => {
            const timeline = new agentui.Timeline(() => {});
            const texts = [];
            for (let t = 0.05; t < 200000; t *= 1.07) {
                timeline.scale(t);
                texts.push([timeline.end >= t, ...[...timeline.axis.children].map((tick) => tick.textContent)]);
            }
            return texts;
        }"""
    )
    for covers, zero, *ticks in seen:
        assert covers
        assert zero == "0"
        assert 3 <= len(ticks) <= 5
        assert all(float(tick.split()[0]) * 10 % 1 == 0 and len(tick) <= 8 for tick in ticks), ticks


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_short_answer_is_seen_and_every_message_has_a_plain_name(visitors, stage, scheme):
    page = visitors.open(viewport={"width": 1440, "height": 900}, color_scheme=scheme)
    stage.plays("I multiply.\n<code>print(17 * 23)\nfinal_answer(17 * 23)</code>")
    send(page, "What is 17 * 23?")
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    answer = page.locator("#chat .au-answer")
    expect(answer).to_have_text("391")
    expect(answer.locator("code")).to_have_count(0)
    look = answer.evaluate(
        """answer => {
            const edge = getComputedStyle(answer.closest(".message")).borderLeftWidth;
            return [parseFloat(getComputedStyle(answer).fontSize), edge];
        }"""
    )
    assert look == [15, "4px"]
    labelled = "[...document.querySelectorAll('#chat [aria-label]')].map((node) => node.getAttribute('aria-label'))"
    page.wait_for_function(f"['Your task', 'Step 1', 'Answer'].every((name) => ({labelled}).includes(name))")
    assert not [label for label in page.evaluate(labelled) if "<" in label or "message:" in label]


def test_the_choice_of_runs_leaves_room_for_the_legend(page, stage):
    stage.plays("<code>final_answer('first')</code>", "<code>final_answer('second')</code>")
    for task in ("first", "second"):
        send(page, task)
        expect(page.locator("#chat .au-answer").last).to_have_text(task)
        expect(page.locator("body[data-run=idle]")).to_be_attached()
    box, legend = page.locator(".au-runs").bounding_box(), page.locator(".au-legend").bounding_box()
    assert box["height"] <= 24
    assert box["width"] <= 170
    assert legend["height"] <= 24
