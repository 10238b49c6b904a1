"""Make the pictures of the README from the demo: `python scripts/screenshots.py [FOLDER]`.

Nothing is staged: the page is served, an example is clicked in Chromium, and the picture is taken when what it is
to show is there. The files are kept small: the 256 colours that are there most often stand for all.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from agentui.settings import Settings
from agentui.ui.app import launch

ASSETS = Path(__file__).parent.parent / "assets"
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
CHROMIUM_ARGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


@contextmanager
def visitor(browser: Browser, url: str, scheme: str, size: dict[str, int]) -> Iterator[Page]:
    """A fresh visitor's page."""
    context = browser.new_context(viewport=size, color_scheme=scheme, device_scale_factor=1.5, reduced_motion="reduce")
    page = context.new_page()
    page.goto(url)
    expect(page.locator("body[data-run]")).to_be_attached(timeout=30_000)
    expect(page.locator("#examples button b").first).to_be_visible()
    yield page
    context.close()


def start(page: Page, example: str) -> None:
    """Click an example."""
    page.get_by_role("button", name=example).click()
    expect(page.locator("body[data-run=running]")).to_be_attached(timeout=30_000)


def finish(page: Page) -> None:
    """Wait for the end of the run."""
    expect(page.locator("#run-bar")).to_contain_text("Completed", timeout=90_000)
    pictures = page.locator("#chat .au-picture img")
    for index in range(pictures.count()):
        pictures.nth(index).evaluate("image => image.decode()")


def take(page: Page, path: Path) -> None:
    """Take a picture of what is in sight."""
    page.screenshot(path=path)
    with Image.open(path) as picture:
        picture = picture.convert("RGB")
    colours = sorted(picture.getcolors(picture.width * picture.height) or [], reverse=True)[:256]
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for _, colour in colours for part in colour])
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)


def race(page: Page) -> None:
    """Race the demo in two lanes, to the comparison of both."""
    page.locator("#task-input textarea").fill("What is 17 * 23?")
    page.get_by_role("button", name="Race", exact=True).click()
    page.get_by_role("dialog", name="Race").get_by_role("button", name="Start race").click()
    expect(page.get_by_role("region", name="Comparison")).to_be_visible(timeout=90_000)


def ask(page: Page) -> None:
    """Have the agent wait for a decision about its code, with a message in line."""
    page.get_by_label("Ask before code runs").check()
    start(page, "bakery")
    expect(page.get_by_role("button", name="Reject")).to_be_visible(timeout=60_000)
    page.locator("#task-input textarea").fill("Use the colours of the shop.")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Send now")).to_be_visible()


def main(folder: Path) -> None:
    """Take all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = dataclasses.replace(Settings(), port=None)
    demo = launch(settings, prevent_thread_lock=True, quiet=True)
    with sync_playwright() as playwright:
        chromium = os.environ.get("CHROMIUM") or "/usr/bin/chromium"
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        for scheme in ("light", "dark"):
            with visitor(browser, demo.local_url, scheme, DESKTOP) as page:
                start(page, "Three doors")
                expect(page.locator("#live-step code.language-python")).to_contain_text("switch_wins", timeout=60_000)
                take(page, folder / f"running-{scheme}.png")
                finish(page)
            with visitor(browser, demo.local_url, scheme, DESKTOP) as page:
                start(page, "bakery")
                finish(page)
                page.locator("#steps button").nth(1).click()
                take(page, folder / f"desktop-{scheme}.png")
            with visitor(browser, demo.local_url, scheme, PHONE) as page:
                start(page, "bakery")
                finish(page)
                take(page, folder / f"phone-{scheme}.png")
        with visitor(browser, demo.local_url, "light", DESKTOP) as page:
            race(page)
            take(page, folder / "race-light.png")
        with visitor(browser, demo.local_url, "dark", DESKTOP) as page:
            ask(page)
            take(page, folder / "asking-dark.png")
        browser.close()
    demo.close(verbose=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ASSETS)
