"""Drives a real headless browser by WebDriver; tests that need one are skipped, visibly, where it is missing."""

import base64
import contextlib
import shutil
import socket

import httpx
import pytest

from tests.builders.cleanup import launch
from tests.builders.waiting import PATIENCE, poll_until

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the name of a reference, https://www.w3.org/TR/webdriver2/#elements
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--no-first-run"),
)


class Browser:
    """A browser with the screen of a phone: 360 × 640 unless `width` is another, with touch."""

    def __init__(self, folder, width=360):
        self.width = width
        self.driver = shutil.which("chromedriver")
        if not (self.driver and shutil.which("chromium")):
            pytest.skip("no chromium with its driver here")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        log = (folder / "chromedriver.log").open("wb")
        self.process = launch([self.driver, f"--port={port}"], stdout=log, stderr=log)
        log.close()
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE)
        self.folder = folder

    def __enter__(self):
        poll_until(self.listens, lambda: "chromedriver does not listen")
        phone = {"deviceMetrics": {"width": self.width, "height": 640, "pixelRatio": 2.0, "touch": True}}
        options = {"args": [*_FLAGS, f"--user-data-dir={self.folder}/chromium"], "mobileEmulation": phone}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        answer = self.http.post("/session", json={"capabilities": {"alwaysMatch": wanted}}).json()["value"]
        assert "sessionId" in answer, answer
        self.session = f"/session/{answer['sessionId']}"
        return self

    def __exit__(self, *_):
        if hasattr(self, "session"):
            self.http.delete(self.session)
        self.http.close()
        self.process.terminate()
        self.process.wait(PATIENCE)

    def listens(self):
        with contextlib.suppress(httpx.TransportError):
            return self.http.get("/status").status_code == 200

    def say(self, command, **facts):
        answer = self.http.post(f"{self.session}/{command}", json=facts)
        assert answer.status_code == 200, answer.text
        return answer.json()["value"]

    def go(self, url):
        self.say("url", url=url)

    def element(self, css):
        return f"element/{self.say('element', using='css selector', value=css)[_ELEMENT]}"

    def type(self, css, text):
        self.say(f"{self.element(css)}/value", text=text)

    def tap(self, css):
        self.say(f"{self.element(css)}/click")

    def run(self, script):
        return self.say("execute/sync", script=script, args=[])

    def text(self):
        return self.run("return document.body.innerText")

    def wait(self, words):
        poll_until(lambda: words in self.text(), self.text)

    def network(self, *, offline=False, bytes_per_second=-1):
        conditions = {"offline": offline, "latency": 0, "throughput": bytes_per_second}
        self.say("chromium/network_conditions", network_conditions=conditions)

    def complaints(self):
        """Returns the messages that the page has written to the console."""
        return [line["message"] for line in self.say("se/log", type="browser")]

    def picture(self, path):
        path.write_bytes(base64.b64decode(self.http.get(f"{self.session}/screenshot").json()["value"]))
