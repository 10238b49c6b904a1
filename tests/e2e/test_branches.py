"""Forking after a step, re-running from the recording and repeating live, as somebody at the page does it."""

import pytest
from playwright.sync_api import expect

from agentui.events import Diverged
from agentui.testing import ScriptedModel
from tests.e2e.conftest import send

pytestmark = pytest.mark.browser


def code(body, thought="Go on."):
    return f"{thought}\n<code>\n{body}\n</code>"


def newest(service, page):
    return service.visitors.by_chat(page.evaluate("agentui.inspector.chat"))


def card(page, text):
    return page.locator("#chat .message:has(.au-head)").filter(has_text=text)


X = [code("y = 0"), code("x = 1"), code("y = x"), code("x = 9"), code("final_answer(f'the first: {x}')")]


def test_a_fork_sees_the_variables_of_its_step_and_the_ways_can_be_switched(page, stage, visitors):
    stage.plays(*X, code("final_answer(f'the fork: {x}')"))
    send(page, "Count to nine.")
    chat = page.locator("#chat")
    expect(chat.locator(".au-answer")).to_have_text("the first: 9")
    second = card(page, "Step 2").first
    second.get_by_role("button", name="Fork here").click()
    dialog = page.get_by_role("dialog", name="Fork after step 2")
    area = dialog.get_by_role("textbox", name="Run this code next")
    expect(area).to_have_value("y = x")
    expect(area).to_be_focused()
    area.fill("print('seen:', x)")
    dialog.get_by_role("button", name="Fork", exact=True).click()
    expect(dialog).to_have_count(0)
    expect(chat.locator(".au-answer")).to_have_text("the fork: 1")
    expect(chat).to_contain_text("seen: 1")
    expect(chat).to_contain_text("Forked: other code")
    expect(card(page, "x = 9")).to_have_count(0)
    expect(chat.locator(".au-branch-at")).to_contain_text("2/2")
    visitors.reload(page)
    expect(chat.locator(".au-answer")).to_have_text("the fork: 1")
    chat.get_by_role("button", name="Earlier branch").click()
    expect(chat.locator(".au-answer")).to_have_text("the first: 9")
    expect(card(page, "x = 9")).to_have_count(1)
    expect(chat.locator(".au-branch-at")).to_contain_text("1/2")
    expect(page.locator("#usage-table tbody tr:visible")).to_have_count(5)
    visitors.reload(page)
    expect(chat.locator(".au-answer")).to_have_text("the first: 9")
    chat.get_by_role("button", name="Later branch").click()
    expect(chat.locator(".au-answer")).to_have_text("the fork: 1")
    expect(page.locator("#usage-table tbody tr:visible")).to_have_count(1)


def test_a_rerun_calls_no_model_and_marks_the_first_difference_and_a_repetition_calls_it(page, stage, service):
    model: ScriptedModel = stage.plays(
        code("import uuid\nprint(uuid.uuid4())"), code("final_answer('done')"), code("final_answer('live')")
    )
    send(page, "Draw a lot.")
    chat = page.locator("#chat")
    expect(chat.locator(".au-answer")).to_have_text("done")
    chat.get_by_role("button", name="Re-run from recording").click()
    expect(chat).to_contain_text("Re-run from the recording, without the model")
    expect(chat.locator(".au-answer")).to_have_text("done")
    expect(card(page, "Step 1")).to_contain_text("not as recorded")
    expect(card(page, "Step 1")).to_contain_text("It printed something else than was recorded")
    expect(card(page, "Step 2")).not_to_contain_text("recorded")
    assert len(model.requests) == 2
    expect(page.locator("#run-status")).to_contain_text("nothing paid")
    expect(page.locator("#inspector")).to_contain_text("no model is called")
    chat.get_by_role("button", name="Run again live").click()
    expect(chat.locator(".au-answer")).to_have_text("live")
    assert len(model.requests) == 3
    expect(chat.locator(".au-branch-at")).to_contain_text("3/3")
    runs = newest(service, page).all_runs
    found = [[record.event for record in run.records if isinstance(record.event, Diverged)] for run in runs]
    assert [len(events) for events in found] == [0, 1, 0]
