"""Every screen at 320 pixels, light and dark, Chinese and English: readable, and without faults that axe finds.

With ANXUN_PICTURES=1 the pictures in docs/pictures/ are made anew; then somebody has to look at them.
"""

import io
import os
import uuid
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from tests.builders.phone import ENQUEUE, Phone, queued_reports

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
SMALL = {"width": 320, "height": 640}
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def look(phone, name):
    """Checks what is on the screen now, and takes its picture where pictures are wanted."""
    phone.page.wait_for_timeout(400)
    wide = phone.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, (name, "scrolls sideways")
    found = phone.page.evaluate("tags => axe.run({runOnly: tags})", AXE_RULES)["violations"]
    assert not [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found], name
    if os.environ.get("ANXUN_PICTURES"):
        PICTURES.mkdir(exist_ok=True)
        shot = Image.open(io.BytesIO(phone.page.screenshot())).convert("P", palette=Image.Palette.ADAPTIVE, colors=64)
        shot.save(PICTURES / f"phone-{name}.png", optimize=True)


@pytest.fixture(params=["light", "dark"])
def phone(chromium, server, request):
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in web/")
    with chromium.context(viewport=SMALL, color_scheme=request.param) as context:
        context.add_init_script(AXE.read_text())
        phone = Phone(context, server.address)
        phone.theme = "" if request.param == "light" else "-dark"
        yield phone
        assert not phone.errors


def test_the_screens_of_a_report_are_readable(phone, drawn):
    theme, page = phone.theme, phone.page
    phone.open()
    look(phone, f"sign-in{theme}")
    page.fill("#username", "inspector")
    page.fill("#password", "wrong")
    page.click("form button.main")
    page.wait_for_selector(".note.late")
    look(phone, f"sign-in-wrong{theme}")
    phone.sign_in("inspector").wait_for_reference()
    look(phone, f"report{theme}")
    page.click("button[type=submit]")
    page.wait_for_selector(".note.late")
    look(phone, f"report-incomplete{theme}")
    page.click("text=更多…")
    look(phone, f"categories{theme}")
    page.click(".group button >> nth=0")
    phone.add_photos(*drawn(2))
    page.fill("#place", "3幢2单元")
    page.select_option("#community", "330402009036")
    look(phone, f"report-filled{theme}")
    page.click("text=当场整改")
    page.wait_for_selector("#method")
    page.locator("#method").scroll_into_view_if_needed()
    look(phone, f"report-on-spot{theme}")
    page.click("text=当场整改")
    page.context.set_offline(True)
    page.click("button[type=submit]")
    page.wait_for_selector("text=待发送 1")
    look(phone, f"offline{theme}")
    phone.go("outbox").page.wait_for_selector(".row")
    look(phone, f"outbox-waiting{theme}")
    page.context.set_offline(False)
    phone.wait_until_sent()
    phone.go("mine").go("outbox")
    look(phone, f"outbox-sent{theme}")
    (refused,), _ = queued_reports(1, 0)
    problem = {"title": "该社区不在您的管辖范围", "status": 422, "code": "step.needs"}
    page.evaluate(ENQUEUE, {"items": [refused | {"state": "refused", "problem": problem}], "pictures": {}})
    page.reload()
    phone.go("sign-in").sign_in("inspector").go("outbox")
    phone.page.wait_for_selector("text=被退回")
    look(phone, f"outbox-refused{theme}")


def test_the_screens_of_work_are_readable(phone, server, drawn):
    theme, page = phone.theme, phone.page
    phone.open().sign_in("inspector").report(*drawn(1)).wait_until_sent()
    hazard = phone.queue()[0]["hazard"]
    phone.go("mine").page.wait_for_selector("main .list .row")
    look(phone, f"mine{theme}")
    phone.go("devices").page.wait_for_selector(".row")
    look(phone, f"devices{theme}")
    phone.go("password").page.wait_for_selector("#old")
    look(phone, f"password{theme}")
    phone.go("identities").page.wait_for_selector("text=没有接入微信或浙政钉")
    look(phone, f"identities{theme}")
    close_by_others(server, hazard)
    phone.go("work").page.wait_for_selector(".row")
    look(phone, f"work{theme}")
    phone.go(f"hazards/{hazard}").page.wait_for_selector(".history li:nth-child(5)")
    page.wait_for_selector(".pictures img")
    look(phone, f"hazard{theme}")
    phone.go(f"hazards/{hazard}/steps/recheck.fail").page.wait_for_selector("form .foot")
    look(phone, f"step{theme}")
    phone.go("inbox").page.wait_for_selector("main .list li, main p")
    look(phone, f"inbox{theme}")
    confirm_as_major(server, hazard)
    phone.go(f"hazards/{hazard}/steps/supervise").page.wait_for_selector("#step-plan")
    page.click("form button.main")
    page.wait_for_selector(".note.late")
    look(phone, f"step-supervise{theme}")


def close_by_others(server, hazard):
    """Brings the hazard to its re-check, which is what waits for the inspector."""
    steps = [
        ("officer", "accept", {}),
        ("officer", "assign", {"lead": "handler"}),
        ("handler", "start", {}),
        (
            "handler",
            "submit_fix",
            {"method": "车辆移出", "quantity_done": 1, "photos": [{"sha256": "0" * 64, "stage": "after"}]},
        ),
    ]
    take_steps(server, hazard, steps)


def confirm_as_major(server, hazard):
    """Makes the hazard a major one, after the steps above."""
    confirmed = {"authority": "街道", "document": "新街〔2026〕1号"}
    steps = [("officer", "propose_major", {"basis": "合用场所住人"}), ("supervisor", "confirm_major", confirmed)]
    take_steps(server, hazard, steps, first=5)


def take_steps(server, hazard, steps, first=1):
    for version, (who, step, more) in enumerate(steps, first):
        with closing(server.client(who)) as client:
            body = {"id": str(uuid.uuid4()), "version": version, "step": step}
            answer = client.post(f"/hazards/{hazard}/steps", json=body | more)
            assert answer.status_code == 200, answer.text


def test_the_interface_speaks_english_and_large_letters_fit(phone):
    phone.open().sign_in("officer")
    phone.go("mine").page.click("text=English")
    phone.page.wait_for_selector("text=Sign out")
    assert phone.page.evaluate("document.documentElement.lang") == "en"
    phone.page.evaluate("document.documentElement.style.fontSize = '200%'")
    for screen in ("mine", "work", "report", "inbox"):
        phone.go(screen).page.wait_for_selector("h1")
        look(phone, f"large-{screen}{phone.theme}")
    phone.page.reload()
    phone.page.wait_for_selector("text=Username")  # the choice lasts


def test_the_keyboard_reaches_the_form_and_focus_begins_at_the_heading(phone):
    phone.open().sign_in("inspector").wait_for_reference()
    phone.go("work").page.wait_for_selector("#find")
    phone.page.wait_for_timeout(200)
    assert phone.page.evaluate("document.activeElement.tagName") == "H1"
    phone.go("report").page.wait_for_selector("[data-photo=before]", state="attached")
    reached = set()
    for _ in range(40):
        phone.page.keyboard.press("Tab")
        reached.add(phone.page.evaluate("document.activeElement.id || document.activeElement.type"))
    assert {"file", "radio", "community", "place", "quantity", "description", "submit"} <= reached
