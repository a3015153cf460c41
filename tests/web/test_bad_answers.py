"""Whatever the server, the network or the browser does: it has a state and words, and no report is lost."""

import hashlib
import io
import json
from contextlib import closing

import pytest
from PIL import Image

from tests.builders.api import body
from tests.builders.phone import Phone
from tests.builders.waiting import poll_until

OURS = {"X-Request-ID": "0123456789", "Content-Type": "application/problem+json"}


def problem(status, code, **more):
    body = {"type": "about:blank", "title": "说明", "status": status, "code": code, "detail": "说明", **more}
    return {"status": status, "headers": OURS, "body": json.dumps(body)}


PORTAL = {"status": 200, "headers": {"Content-Type": "text/html"}, "body": "<html>请登录 Wi-Fi</html>"}
WAITS = [
    (PORTAL, "网络需要先登录"),
    (problem(429, "requests.too_many"), "服务器正忙"),
    (problem(503, "store.unavailable"), "服务器正忙"),
    (problem(507, "store.full"), "服务器存储已满"),
    ({"status": 502, "headers": {"Content-Type": "text/html"}, "body": "Bad Gateway"}, "网络需要先登录"),
    (None, "服务器暂时连不上"),
]


@pytest.fixture
def phone(chromium, server):
    with chromium.context() as context:
        yield Phone(context, server.address).open().sign_in("inspector").wait_for_reference()


def answer_reports(phone, answer):
    def handle(route):
        if route.request.method != "POST":
            route.fallback()
        elif answer is None:
            route.abort()
        else:
            route.fulfill(**answer)

    phone.page.route("**/api/v1/hazards", handle)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_does_not_make_a_hazard_look_gone(phone, server, status):
    with closing(server.client("inspector")) as inspector:
        made = inspector.post("/hazards", json=body(place="忙时也在")).json()["hazard"]
    address = f"**/api/v1/hazards/{made['id']}"
    phone.go(f"hazards/{made['id']}")
    phone.page.wait_for_selector("text=忙时也在")
    phone.page.route(address, lambda route: route.fulfill(**problem(status, "busy")))
    phone.go("mine")
    phone.go(f"hazards/{made['id']}")
    phone.page.wait_for_selector("text=服务器暂时连不上")
    assert phone.page.locator("text=忙时也在").count() > 0
    assert phone.page.locator("text=没有这起隐患").count() == 0
    phone.page.route(address, lambda route: route.fulfill(**problem(404, "hazard.not_found")))
    phone.go("mine")
    phone.go(f"hazards/{made['id']}")
    phone.page.wait_for_selector("text=没有这起隐患")


@pytest.mark.parametrize(("answer", "words"), WAITS, ids=["portal", "429", "503", "507", "502", "nothing"])
def test_what_is_no_refusal_is_kept_said_and_sent_later(phone, drawn, answer, words):
    answer_reports(phone, answer)
    phone.report(*drawn(1))
    phone.page.wait_for_selector(f"text={words}")
    assert [each["state"] for each in phone.queue()] == ["waiting"]
    phone.page.unroute("**/api/v1/hazards")
    phone.wait_until_sent()


REFUSED = [(409, "id.conflict"), (413, "body.too_large"), (422, "step.needs"), (403, "role.forbidden")]


@pytest.mark.parametrize(("status", "code"), REFUSED)
def test_a_refused_report_is_shown_with_its_reason_and_can_be_changed(phone, drawn, status, code):
    answer_reports(phone, problem(status, code, detail="该社区不在您的管辖范围"))
    phone.report(*drawn(1))
    phone.go("outbox").page.wait_for_selector("text=未被接收：该社区不在您的管辖范围")
    phone.page.unroute("**/api/v1/hazards")
    phone.page.click("text=改后重发")
    phone.page.wait_for_selector(".photos:not(.take) li img")
    phone.page.fill("#place", "9幢")
    phone.page.click("button[type=submit]")
    phone.wait_until_sent()
    assert [each["place"] for each in phone.queue()] == ["9幢"]


def test_a_sign_in_that_has_ended_keeps_what_waits(phone, server, drawn):
    phone.page.context.set_offline(True)
    phone.report(*drawn(1))
    with closing(server.client("inspector")) as client:
        assert client.post("/me/devices/revoke").status_code == 200
        poll_until(lambda: client.get("/me").status_code == 401)  # within a second
    phone.page.context.set_offline(False)
    phone.page.wait_for_selector("text=未发送的 1 条仍在本机")
    phone.go("sign-in").sign_in("inspector").wait_until_sent()


def test_a_browser_that_stores_nothing_says_so_before_the_first_photo(chromium, server, drawn):
    with chromium.context() as context:
        context.add_init_script("IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); }")
        phone = Phone(context, server.address).open()
        phone.page.wait_for_selector("text=浏览器不允许保存（无痕模式？）")
        phone.sign_in("inspector").report(*drawn(1))
        phone.page.wait_for_selector("text=已送达 · XJ-")


def test_a_full_disk_says_which_photo_was_not_kept(chromium, server, drawn):
    with chromium.context() as context:
        context.add_init_script(
            "const put = IDBObjectStore.prototype.put; IDBObjectStore.prototype.put = function (...given) {"
            " if (window.full && this.name === 'blobs') throw new DOMException('full', 'QuotaExceededError');"
            " return put.apply(this, given); };"
        )
        phone = Phone(context, server.address).open().sign_in("inspector")
        first, second = drawn(2)
        phone.add_photos(first)
        phone.page.evaluate("window.full = true")
        phone.page.set_input_files("[data-photo=before]", second)
        phone.page.wait_for_selector("text=手机存储已满，这一张没有存下")
        phone.page.evaluate("window.full = false")
        phone.report()
        phone.wait_until_sent()


def test_a_cleared_storage_is_noticed(phone, drawn):
    phone.page.context.set_offline(True)
    phone.report(*drawn(1))
    phone.page.context.set_offline(False)
    phone.page.goto("about:blank")
    phone.open()
    phone.page.evaluate(
        "new Promise(done => { indexedDB.deleteDatabase('anxun').onblocked = done; setTimeout(done, 500); })"
    )
    phone.page.goto("about:blank")
    phone.open()
    phone.page.wait_for_selector("text=还有 1 条没有发送，已经不在本机")


def test_a_phone_whose_clock_is_a_year_ahead_reports_by_the_time_of_the_server(chromium, server, drawn):
    with chromium.context() as context:
        context.clock.set_system_time("2027-12-24T10:00:00+08:00")
        phone = Phone(context, server.address).open().sign_in("inspector")
        phone.page.wait_for_selector("text=手机时间与服务器相差")
        phone.report(*drawn(1), place="钟错的地方").wait_until_sent()
    with closing(server.client("officer")) as officer:
        (kept,) = officer.get("/hazards", params={"q": "钟错的地方"}).json()["items"]
    assert abs(int(kept["found_at"][:4]) * 12 + int(kept["found_at"][5:7]) - month(server)) <= 1


def month(server):
    now = server.ask("GET", "/api/v1/limits").json()["server_time"]
    return int(now[:4]) * 12 + int(now[5:7])


def test_a_heic_that_this_browser_cannot_scale_is_sent_as_it_is(phone, samples):
    file = samples / "photos" / "IMG_1034.heic"
    phone.report(file).wait_until_sent()
    (photo,) = phone.queue()[0]["photos"]
    assert photo["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_picture_of_fifty_megapixels_is_scaled_on_the_phone(phone, server, tmp_path):
    file = tmp_path / "large.jpg"
    Image.effect_noise((8192, 6144), 40).convert("RGB").save(file, quality=60)
    phone.report(file).wait_until_sent()
    (photo,) = phone.queue()[0]["photos"]
    assert photo["bytes"] < file.stat().st_size
    with closing(server.client("inspector")) as client:
        kept = client.get(f"/photos/{photo['sha256']}").content
    assert Image.open(io.BytesIO(kept)).size == (2560, 1920)


def test_a_position_chooses_nothing_wrong_and_goes_with_the_report(chromium, server, drawn):
    place = {"latitude": 30.7522, "longitude": 120.7405, "accuracy": 12}
    with chromium.context(geolocation=place, permissions=["geolocation"]) as context:
        phone = Phone(context, server.address).open().sign_in("inspector")
        phone.page.wait_for_selector("text=位置：误差约 12 米")
        phone.report(*drawn(1)).wait_until_sent()
        assert phone.queue()[0]["body"]["point"]["accuracy_m"] == 12
        assert phone.queue()[0]["body"]["community"] == "330402009036"  # what the person chose


def test_the_second_report_of_the_same_thing_is_noticed_before_it_is_sent_and_joins_the_first(phone, server, drawn):
    phone.report(*drawn(1), place="同一个门厅").wait_until_sent()
    first = phone.queue()[0]["hazard"]
    phone.add_photos(*drawn(1, "EV-03"))
    phone.page.fill("#place", "同一个门厅")
    phone.page.click("text=附近有一起相像的（同一地点")
    phone.page.wait_for_selector("section .picture img")
    phone.page.click("text=是，把照片并进去")
    phone.wait_until_sent(2)
    with closing(server.client("officer")) as officer:
        items = officer.get("/hazards", params={"q": "同一个门厅"}).json()["items"]
    assert [(each["id"], len(each["photos"]), each["missing_photos"]) for each in items] == [(first, 2, [])]


def test_a_fix_on_the_spot_goes_after_its_photos(phone, server, drawn):
    before, after = drawn(1)[0], drawn(1, "EV-03")[0]
    phone.page.click("text=当场整改")
    phone.add_photos(after, stage="after")
    phone.page.fill("#method", "当场移走")
    phone.report(before, place="即查即改处").wait_until_sent()
    with closing(server.client("officer")) as officer:
        (kept,) = officer.get("/hazards", params={"q": "即查即改处"}).json()["items"]
    assert (kept["fixed_on_spot"], kept["missing_photos"]) == (True, [])
    assert sorted(each["stage"] for each in kept["photos"]) == ["after", "before"]
