"""What a person does to a run on the page: decide about its code, and say something while it goes on."""

import pytest
from playwright.sync_api import expect

from agentui.testing import Gate
from tests.e2e.conftest import send

pytestmark = pytest.mark.browser


def code(body):
    return f"Go.\n<code>\n{body}\n</code>"


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def test_code_is_edited_rejected_and_allowed_also_after_a_reload(visitors, page, stage):
    model = stage.plays(
        code("print('as written')"),
        code("import os\nprint('never')"),
        code("import math\nprint('asked about')"),
        code("import math\nprint('not asked about')"),
        code("open('a.txt', 'w')"),
    )
    page.locator("#au-ask-first").check()
    send(page, "Work")
    card = page.locator(".au-approval")
    expect(card).to_contain_text("Run this code?")
    expect(page.locator("#run-status")).to_contain_text("Waiting for your approval")
    visitors.reload(page)
    expect(page.locator("#au-ask-first")).to_be_checked()
    press(page, "Edit")
    page.locator(".au-approval-edit").fill("print('as edited')")
    press(page, "Run the edited code")
    expect(card).to_contain_text("imports")
    expect(page.locator("#chat")).to_contain_text("You edited this code before it ran")
    expect(page.locator("#chat")).to_contain_text("as edited")
    press(page, "Reject")
    page.locator(".au-approval-reason").fill("not that module")
    press(page, "Reject the code")
    expect(card).to_contain_text("math")
    assert "not that module" in model.requests[2][-1].text
    spans = page.evaluate("agentui.inspector.shown.view.steps.map((step) => step.spans(99).map((span) => span.kind))")
    assert spans[0] == ["waiting", "generating", "person", "running"]
    assert spans[-1] == ["waiting", "generating", "person"]
    page.get_by_label("imports math").check()
    press(page, "Run")
    expect(card).to_contain_text("a.txt")
    expect(page.locator("#chat")).to_contain_text("not asked about")
    page.locator("#stop").click()
    expect(card).to_have_count(0)
    page.locator("#au-ask-first").uncheck()


def test_an_example_that_is_clicked_before_the_server_heard_of_the_setting_waits_for_it(page, stage):
    stage.plays(code("print(6 * 7)"))
    # In one turn of the page's loop, so that the question about the setting has not even been sent.
    page.evaluate(
        """() => {
            document.getElementById("au-ask-first").click();
            document.querySelector("#examples button").click();
        }"""
    )
    expect(page.locator(".au-approval")).to_contain_text("Run this code?")
    expect(page.locator("#chat")).not_to_contain_text("42")
    page.locator("#stop").click()
    expect(page.locator(".au-approval")).to_have_count(0)
    page.locator("#au-ask-first").uncheck()


def test_what_is_typed_while_it_works_waits_in_line_and_can_be_sent_at_once(page, stage):
    never = Gate()
    model = stage.plays(["Let me ", never], code("final_answer('done')"))
    send(page, "Work")
    expect(page.locator("#live-step")).to_contain_text("Let me")
    task, line = page.locator("#task-input textarea"), page.locator(".au-queued")
    for text in ("one", "two", "three"):
        task.fill(text)
        task.press("Enter")
        expect(line.last).to_contain_text(text)
    expect(task).to_have_value("")
    page.get_by_role("button", name="Remove: two").click()
    expect(line).to_have_count(2)
    page.get_by_role("button", name="Edit: three").click()
    expect(task).to_have_value("three")
    page.get_by_role("button", name="Send now: one").click()
    expect(page.locator("#chat")).to_contain_text("done")
    expect(line).to_have_count(0)
    expect(page.locator("#chat")).to_contain_text("cut short for a message")
    assert [message.text for message in model.requests[1] if message.text.endswith("one")]
    expect(page.locator("#send")).to_have_text("Send")


def test_a_draft_is_not_lost_to_a_message_that_nobody_has_read(page, stage):
    stage.plays(["Let me ", Gate()], code("final_answer('later')"))
    send(page, "Work")
    expect(page.locator("#live-step")).to_contain_text("Let me")
    task = page.locator("#task-input textarea")
    task.fill("unread words")
    task.press("Enter")
    expect(page.locator(".au-queued")).to_contain_text("unread words")
    page.locator("#stop").click()
    again = page.get_by_role("button", name="Send as a task: unread words")
    expect(again).to_be_visible()
    task.fill("a draft")
    again.click()
    expect(page.get_by_role("alert").filter(has_text="typed already")).to_be_visible()
    expect(task).to_have_value("a draft")
    task.fill("")
    again.click()
    expect(page.locator("#chat")).to_contain_text("later")
    expect(page.locator(".au-queued")).to_have_count(0)
