"""Leaders before the dashboard: its page in a real Chromium, and an office with a year of work."""

import io
import os
import subprocess
from pathlib import Path

from PIL import Image

from tests.builders.phone import Phone
from tests.builders.process import ANXUN, Process

YEAR = "from=2024-01-01&to=2024-12-31"
_FOLLOW = """async href => {
  const followed = new Promise(resolve => addEventListener("hashchange", resolve, { once: true }));
  location.hash = href;
  await followed;
  await new Promise(resolve => setTimeout(resolve));
}"""
"""Follows a link and waits until the page has taken away what it showed before."""
_NUMBERS = """() => [...document.querySelectorAll("a[data-counts]")].map(
  each => [each.getAttribute("href"), Number(each.dataset.counts), each.innerText])"""


class Dashboard(Phone):
    """One person's dashboard. `failures`: answers of the server with a status of 500 or more."""

    def __init__(self, context, address):
        super().__init__(context, address)
        self.failures = []
        self.page.on("response", lambda answer: answer.status >= 500 and self.failures.append(answer.url))

    def open(self, path=""):
        self.page.goto(f"{self.address}/dashboard{path}")
        self.page.wait_for_selector("h1")
        return self

    def sign_in(self, username, **options):
        super().sign_in(username, **options)
        self.page.wait_for_selector(".overview, .wall-frame, .cases, .briefing")
        return self

    def wait_for_charts(self):
        self.page.wait_for_function("() => document.querySelectorAll('.chart canvas').length === 2")
        return self

    def follow(self, href):
        if self.page.evaluate("() => location.hash") != href:
            self.page.evaluate(_FOLLOW, href)
        return self

    def numbers(self):
        """Returns link → number of every number on the screen that opens its cases."""
        found = {}
        for href, number, words in self.page.evaluate(_NUMBERS):
            assert found.setdefault(href, number) == number, (href, words)
        return found

    def opened(self, href):
        """Opens the cases of a number, reads all of them, and returns (total, rows of the list, sum of quantities)."""
        self.follow(href)
        self.page.wait_for_selector(".cases .total")
        while self.page.locator(".cases .more").count():
            self.page.click(".cases .more")
            self.page.wait_for_selector(".cases [role=status]", state="detached")
        total = self.page.locator(".cases .total")
        added = total.get_attribute("data-sum")
        rows = self.page.locator(".cases tbody tr").count()
        return int(total.get_attribute("data-total")), rows, None if added is None else int(added)


def serve_simulated_year(folder):
    """Starts a server with the demo office and its simulated year 2024."""
    process = Process(folder / "data")
    run = [ANXUN, "demo", "--year", "2024"]
    subprocess.run(run, env=process.environment, capture_output=True, check=True)
    return process.start()


def keep_picture(picture, name):
    """Writes a picture for the documentation, where pictures are wanted."""
    if os.environ.get("ANXUN_PICTURES"):
        shot = Image.open(io.BytesIO(picture)).convert("P", palette=Image.Palette.ADAPTIVE, colors=64)
        shot.save(Path(__file__).parents[2] / "docs" / "pictures" / f"{name}.png", optimize=True)
