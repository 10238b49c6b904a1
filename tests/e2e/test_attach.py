"""Files of a task in a browser: attached, removed, kept over a reload, and seen in the transcript."""

import base64
import io

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.e2e.conftest import send

pytestmark = pytest.mark.browser

DROP = """(text) => {
  const data = new DataTransfer();
  data.items.add(new File([text], "dropped.csv", { type: "text/csv" }));
  const picture = Uint8Array.from(atob(PNG), (letter) => letter.charCodeAt(0));
  data.items.add(new File([picture], "map.png", { type: "image/png" }));
  for (const type of ["dragover", "drop"])
    document
      .getElementById("chat")
      .dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def test_files_are_dropped_removed_kept_over_a_reload_and_stay_in_the_transcript(page, stage, visitors):
    model = stage.plays("<code>final_answer(open('dropped.csv').read())</code>")
    drawn = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(drawn, format="PNG")
    page.evaluate(DROP.replace("PNG", repr(base64.b64encode(drawn.getvalue()).decode()), 1), "a,b\n1,2")
    page.locator("#composer input[type=file]").set_input_files({"name": "gone.txt", "mimeType": "", "buffer": b"x"})
    chips = page.locator(".au-chips")
    for name in ("dropped.csv", "map.png", "gone.txt"):
        expect(chips.get_by_role("button", name=f"Remove {name}")).to_be_visible()
    expect(page.locator(".au-see")).to_contain_text("not known to take pictures")
    chips.get_by_role("button", name="Remove gone.txt").click()
    expect(chips.locator("li")).to_have_count(2)
    visitors.reload(page)
    expect(chips.locator("li")).to_have_count(2)
    page.get_by_role("checkbox", name="Show the pictures").check()
    expect(page.locator(".au-see")).to_contain_text("The model is shown the pictures")
    send(page, "Read it")
    expect(page.locator("#run-bar")).to_contain_text("Completed")
    expect(page.locator("#chat")).to_contain_text("1,2")
    expect(chips).to_be_hidden()
    expect(page.locator(".au-attached")).to_contain_text("dropped.csv")
    picture = page.locator(".au-attached img")
    assert picture.evaluate("async (image) => { await image.decode(); return image.naturalWidth; }") == 40
    assert "data:image/png;base64," in str(model.requests[0])
