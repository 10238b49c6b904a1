"""More tasks than the server runs at once, as their visitors see it."""

import pytest
from playwright.sync_api import expect

from agentui.models.gate import Gate
from tests.e2e.conftest import send

pytestmark = pytest.mark.browser

DONE = "<code>final_answer('done')</code>"


def test_a_task_in_line_shows_its_place_keeps_it_over_a_reload_and_begins_by_itself(page, stage, service, visitors):
    gate = Gate()
    stage.plays(["Working", gate, DONE])
    before, service.worker.line.places = service.worker.line.places, 1
    try:
        send(page, "First")
        expect(page.locator("#chat")).to_contain_text("Working")
        stage.plays(DONE)
        other = visitors.open()
        send(other, "Second")
        expect(other.locator("#run-bar")).to_contain_text("Next in line")
        expect(other.locator("#composer-hint")).to_contain_text("runs 1 task at a time")
        expect(other.locator("#chat")).to_contain_text("Second")
        visitors.reload(other)
        expect(other.locator("#run-bar")).to_contain_text("Next in line")
        expect(other.locator("#chat")).to_contain_text("Second")
        # Stop leaves the line and gives the task back; sent again, it begins when the other one ends.
        other.locator("#stop").click()
        expect(other.locator("#task-input textarea")).to_have_value("Second")
        expect(other.locator("#run-bar")).not_to_contain_text("in line")
        other.locator("#send").click()
        expect(other.locator("#run-bar")).to_contain_text("Next in line")
        gate.open()
        expect(other.locator("#run-bar")).to_contain_text("Completed")
        expect(other.locator("#chat")).to_contain_text("done")
    finally:
        service.worker.line.places = before
        gate.open()
