"""Token to glass: from the byte on the model's socket to the text in a real Chromium.

The model server writes into every token when it was sent. One page is open in Chromium, which looks after each
change, in the frame that paints it, which tokens have appeared; other visitors, each with a run of its own, read what
their pages would be sent (`crowd.py`). Server, pages, crowd and Chromium are processes of their own on one machine.
smolagents' page gets the same stream, for one visitor: its pages share one agent.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.server import chunk, serve, serving
from benchmarks.table import print_table

VISITORS = (1, 10, 50)
TOKENS_PER_S = 30
TOKENS = 300
_LOADS = 5
_LOOK = """() => {
  window.delays = [];
  let seen = 0;
  let due = false;
  const look = () => {
    due = false;
    const now = Date.now();
    const stamps = document.body.textContent.slice(-40000).match(/t\\d{13}(?=\\D)/g) ?? [];
    for (const stamp of stamps) {
      const sent = Number(stamp.slice(1));
      if (sent > seen) {
        seen = sent;
        window.delays.push(now - sent);
      }
    }
  };
  new MutationObserver(() => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => setTimeout(look, 0));
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""


async def respond(path: str, writer: asyncio.StreamWriter) -> None:
    """Stamped words, each on time, in paragraphs."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    for number in range(TOKENS):
        await asyncio.sleep(started + number / TOKENS_PER_S - loop.time())
        if writer.is_closing():
            return
        end = "\n\n" if number % 40 == 39 else " "
        word = f"t{time.time() * 1000:.0f}{end}"
        writer.write(chunk({"choices": [{"index": 0, "delta": {"content": word}}]}))
    writer.write(chunk({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
    writer.write(chunk({"choices": [], "usage": {"prompt_tokens": 8, "completion_tokens": TOKENS}}))


@contextmanager
def page_server(command: Sequence[str]) -> Iterator[tuple[str, int]]:
    """A server of pages; gives its address and process id."""
    environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False"}
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True, env=environment) as server:
        if server.stdout is None:
            raise SystemExit("the server has no output")
        try:
            line = next(line for line in server.stdout if "http://" in line)
            url = next(word for word in line.split() if word.startswith("http://")).rstrip("/;")
            urllib.request.urlopen(url).close()
            yield url, server.pid
        finally:
            server.terminate()


def cpu_seconds(pid: int) -> float:
    """What a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ours(browser: Browser, url: str, model_url: str, visitors: int, pid: int) -> list[object]:
    """A row: `visitors` runs at once, one of them in Chromium."""
    crowd = [sys.executable, "-m", "benchmarks.crowd", url, model_url, str(visitors - 1)]
    page = browser.new_page()
    try:
        page.goto(url)
        page.wait_for_selector("body[data-run]")
        fill(page, "#base-url", model_url)
        fill(page, "#model-id", "bench")
        fill(page, "#max-steps", "1")
        page.evaluate(_LOOK)
        before, began = cpu_seconds(pid), time.monotonic()
        with subprocess.Popen(crowd, stdout=subprocess.PIPE, text=True) as others:
            fill(page, "#task-input", "Count.")
            page.click("#send")
            page.wait_for_selector(
                "#run-status [data-state=limit], #run-status [data-state=completed]", timeout=120_000
            )
            share = (cpu_seconds(pid) - before) / (time.monotonic() - began)
            sent = json.loads(others.communicate(timeout=120)[0])
        return row("agentui", visitors, page.evaluate("window.delays"), sent, share)
    finally:
        page.close()


def theirs(browser: Browser, model_url: str) -> list[object]:
    """The row of smolagents' page, for one visitor."""
    with page_server(["-m", "benchmarks.peer_page", model_url]) as (url, pid):
        page = browser.new_page()
        page.goto(url)
        box = page.get_by_role("textbox").last
        box.fill("Count.")
        page.evaluate(_LOOK)
        before, began = cpu_seconds(pid), time.monotonic()
        box.press("Enter")
        page.wait_for_timeout(1000 * (TOKENS / TOKENS_PER_S + 4))
        share = (cpu_seconds(pid) - before) / (time.monotonic() - began)
        return row("smolagents GradioUI", 1, page.evaluate("window.delays"), [], share)


def fill(page: Page, place: str, text: str) -> None:
    """Type into a field of the page."""
    field = page.locator(f"{place} input, {place} textarea").first
    field.fill(text)
    field.blur()


def row(name: str, visitors: int, glass: list[float], sent: list[float], share: float) -> list[object]:
    """A row of the table."""
    seen = f"{len(glass):,} of {TOKENS:,}"
    return [name, visitors, *spread(glass), seen, *spread(sent), f"{share:.0%}", f"{share / visitors:.1%}"]


def spread(milliseconds: list[float]) -> list[str]:
    """Median and 95th percentile."""
    if len(milliseconds) < 2:
        return ["–", "–"]
    return [f"{statistics.median(milliseconds):.0f}", f"{statistics.quantiles(milliseconds, n=20)[-1]:.0f}"]


def load_times(browser: Browser, url: str) -> list[float]:
    """Seconds from the address to a page that takes a task, with an empty cache."""
    found: list[float] = []
    for _ in range(_LOADS):
        with browser.new_context() as context:
            page = context.new_page()
            began = time.monotonic()
            page.goto(url)
            page.wait_for_selector("body[data-run] #task-input textarea:not([disabled])")
            found.append(time.monotonic() - began)
    return found


def main() -> None:
    """Print the tables."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("there is no Chromium: install it, or say where it is with CHROMIUM=…")
    with serving("benchmarks.glass") as port, sync_playwright() as playwright:
        model_url = f"http://127.0.0.1:{port}/v1"
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        rows: list[list[object]] = []
        with page_server(["-m", "agentui", "serve", "--no-browser"]) as (url, pid):
            loads = load_times(browser, url)
            rows += [ours(browser, url, model_url, visitors, pid) for visitors in VISITORS]
        rows.append(theirs(browser, model_url))
        browser.close()
    print_table(
        f"Token to glass: runs at {TOKENS_PER_S} tokens a second each, milliseconds from the model's socket",
        ["", "runs", "glass p50", "p95", "tokens seen", "others' sockets p50", "p95", "server CPU", "a run"],
        rows,
    )
    print(f"First load to usable, empty cache: median {statistics.median(loads):.2f} s of {_LOADS}")


if __name__ == "__main__":
    asyncio.run(serve(respond)) if sys.argv[1:] == ["serve"] else main()
