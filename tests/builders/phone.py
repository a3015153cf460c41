"""People at their phones: the built pages in a real Chromium, driven by Playwright."""

import base64
import contextlib
import hashlib
import shutil
import uuid
from pathlib import Path

import pytest

from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import MONDAY, body
from tests.builders.process import PASSWORD
from tests.builders.waiting import poll_until

BUILT = Path(__file__).parents[2] / "api" / "pages" / "built"
SCREEN = {"width": 360, "height": 720}
_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking")
_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
QUEUED = """() => new Promise((resolve, reject) => {
  const opening = indexedDB.open("anxun");
  opening.onerror = () => reject(opening.error);
  opening.onsuccess = () => {
    const reading = opening.result.transaction("items").objectStore("items").getAll();
    reading.onsuccess = () => { opening.result.close(); resolve(reading.result); };
    reading.onerror = () => reject(reading.error);
  };
})"""
"""Reads all of the queue, past the page."""


def is_built():
    return (BUILT / "phone.html").exists()


def require_pages():
    """Skips the test, visibly, where the pages are not built."""
    if not is_built():
        pytest.skip("the pages are not built: make pages (npm with Node 20.19)")


@contextlib.contextmanager
def open_browser():
    """Yields a Chromium with nothing of Playwright's own downloads; skips the test, visibly, where it is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("no chromium here")
    require_pages()
    with playwright.sync_playwright() as driver:
        yield _Chromium(driver.chromium, executable)


DESK = {"viewport": {"width": 1440, "height": 900}, "has_touch": False, "is_mobile": False}
"""The options of a context with a screen on a desk and no touch."""


class _Chromium:
    def __init__(self, kind, executable):
        self._kind, self._executable = kind, executable

    @contextlib.contextmanager
    def context(self, film=None, **options):
        """A browser of its own, as another phone. `film`: what its camera sees; without, it has none."""
        camera = (*_CAMERA, f"--use-file-for-fake-video-capture={film}") if film else ()
        browser = self._kind.launch(executable_path=self._executable, args=[*_FLAGS, *camera])
        with contextlib.closing(browser):
            yield _limit(browser.new_context(**_phone(options)))

    @contextlib.contextmanager
    def lasting(self, folder, **options):
        """A browser that keeps what it stores in a folder, as a phone does when its browser is closed."""
        context = self._kind.launch_persistent_context(
            folder, executable_path=self._executable, args=list(_FLAGS), **_phone(options)
        )
        with contextlib.closing(context):
            yield _limit(context)


def _phone(options):
    base = {"viewport": SCREEN, "locale": "zh-CN", "timezone_id": "Asia/Shanghai", "has_touch": True, "is_mobile": True}
    return base | options


def _limit(context):
    context.set_default_timeout(60_000)
    return context


class Phone:
    """One person's page. `errors`: what the page threw or the content security policy stopped."""

    def __init__(self, context, address, page=None):
        self.address = address
        self.errors, self.requests = [], []
        self.page = page or context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda line: self._listen(line.text))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def _listen(self, text):
        if "Content Security Policy" in text or "Content-Security-Policy" in text:
            self.errors.append(text)

    def open(self, path=""):
        self.page.goto(f"{self.address}/m{path}")
        self.page.wait_for_selector("h1")
        return self

    def go(self, path):
        """Follows a link of the page, which keeps what is in its memory."""
        self.page.evaluate("path => { location.hash = path }", f"#/{path}")
        return self

    def sign_in(self, username, password=PASSWORD):
        self.page.fill("#username", username)
        self.page.fill("#password", password)
        self.page.click("form button.main")
        self.page.wait_for_selector("#username", state="detached")
        return self

    def wait_for_reference(self):
        """Waits until categories and communities have been read."""
        self.page.wait_for_selector("#community option:nth-child(2)", state="attached")
        return self

    def add_photos(self, *files, stage="before"):
        for file in files:
            before = self.page.locator(".photos li img, .photos li > span").count()
            self.page.set_input_files(f"[data-photo={stage}]", file)
            self.page.wait_for_function(
                "count => document.querySelectorAll('.photos li img, .photos li > span').length > count"
                " && !document.querySelector('.photos li [role=status]')",
                arg=before,
            )
        return self

    def report(self, *files, place="3幢2单元", community="330402009036"):
        self.wait_for_reference()
        self.add_photos(*files)
        self.page.locator(".chips label").first.click()
        self.page.select_option("#community", community)
        self.page.fill("#place", place)
        self.page.click("button[type=submit]")
        self.page.wait_for_selector(".photos:not(.take) li", state="detached")
        return self

    def queue(self):
        return self.page.evaluate(QUEUED)

    def wait_until_sent(self, number=1):
        """Waits until so many items have arrived and none waits."""
        self.wait_for(
            lambda: self._sent(number), lambda: [(each["state"], each.get("problem")) for each in self.queue()]
        )
        return self

    def _sent(self, number):
        items = self.queue()
        return len(items) >= number and all(each["state"] == "sent" for each in items)

    def wait_for(self, condition, describe):
        """Waits without holding up the page, whose events Playwright hands on only while it is asked."""
        poll_until(lambda: self.page.wait_for_timeout(200) or condition(), describe)
        return self

    def step(self, hazard, step, *files, **fields):
        """Takes a step by its form. A field is a text, a choice or a name of a list."""
        self.go(f"hazards/{hazard}/steps/{step}")
        self.page.wait_for_selector("form .foot")
        if files:
            self.add_photos(*files, stage=self.page.locator("[data-photo]").get_attribute("data-photo"))
        for name, value in fields.items():
            self._fill(f"#step-{name}", name, value)
        self.page.click("form button.main")
        self.page.wait_for_selector("form .foot", state="detached")
        return self

    def _fill(self, place, name, value):
        field = self.page.locator(place)
        if not field.count():
            self.page.locator(f"input[name=step-{name}][value='{value}']").check(force=True)
        elif field.evaluate("each => each.tagName") == "SELECT":
            self.page.wait_for_selector(f"{place}:enabled option[value='{value}']", state="attached")
            field.select_option(value)
        else:
            field.fill(value)

    def wait_for_state(self, words):
        self.page.wait_for_selector(f"main b:text-is('{words}')")
        return self


ENQUEUE = """async ({ items, pictures }) => {
  const database = await new Promise((resolve, reject) => {
    const opening = indexedDB.open("anxun");
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
  const change = database.transaction(["items", "blobs"], "readwrite");
  for (const [key, base64] of Object.entries(pictures)) {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    change.objectStore("blobs").put({ key, blob: new Blob([bytes], { type: "image/jpeg" }) });
  }
  for (const item of items) change.objectStore("items").put(item);
  await new Promise((resolve, reject) => { change.oncomplete = resolve; change.onerror = () => reject(change.error); });
  database.close();
}"""
"""Writes a filled queue, as a day in a cellar leaves it, past the page."""


def queued_reports(count, photos_each, person="inspector"):
    """Returns (items, pictures) of so many reports, as the page itself would have queued them."""
    items, pictures = [], {}
    for number in range(count):
        report = str(uuid.uuid4())
        photos = []
        for _ in range(photos_each):
            picture = draw_sample_photo(str(uuid.uuid4()), "EB-01", MONDAY)
            key, digest = str(uuid.uuid4()), hashlib.sha256(picture).hexdigest()
            pictures[key] = base64.b64encode(picture).decode()
            photos.append(
                {"key": key, "sha256": digest, "stage": "before", "bytes": len(picture), "thumb": "", "sent": False}
            )
        declared = [{"sha256": each["sha256"], "stage": "before"} for each in photos]
        items.append(
            {
                "id": report,
                "hazard": report,
                "person": person,
                "kind": "report",
                "body": body(id=report, place=f"{number}幢", photos=declared),
                "photos": photos,
                "title": "楼道堆物",
                "place": f"{number}幢",
                "createdAt": number + 1,
                "state": "waiting",
                "accepted": False,
                "attempts": 0,
                "nextAt": 0,
            }
        )
    return items, pictures
