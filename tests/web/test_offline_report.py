"""Reports made without a network arrive once, with all their photos, also after the browser was closed."""

from contextlib import closing

from tests.builders.phone import Phone

REAL = ("Apple_iPhone_5.jpg", "Oppo_R7_Plus.jpg", "Issue_525.jpg")


def reported(server):
    with closing(server.client("officer")) as officer:
        return officer.get("/hazards").json()["items"]


def test_a_report_with_three_real_photos_survives_reloads_and_a_closed_browser(chromium, server, samples, tmp_path):
    photos = [samples / "photos" / name for name in REAL]
    with chromium.lasting(tmp_path / "browser") as context:
        phone = Phone(context, server.address, context.pages[0]).open().sign_in("inspector").wait_for_reference()
        phone.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        context.set_offline(True)
        phone.report(*photos)
        phone.page.wait_for_selector("text=待发送 1")
        phone.page.reload()  # the service worker opens the page
        phone.page.wait_for_selector("text=待发送 1")
        assert reported(server) == []
        assert not phone.errors
    with chromium.lasting(tmp_path / "browser") as context:
        context.set_offline(True)
        phone = Phone(context, server.address, context.pages[0]).open()
        phone.page.wait_for_selector("text=待发送 1")
        assert "3幢2单元" not in phone.go("outbox").page.inner_text("main")  # nothing is shown before the sign-in
        context.set_offline(False)
        phone.go("sign-in").sign_in("inspector").wait_until_sent()
        phone.go("outbox").page.wait_for_selector("text=已送达 · XJ-")
        assert not phone.errors
    (hazard,) = reported(server)
    assert hazard["missing_photos"] == []
    assert len(hazard["photos"]) == 3
    located = [each for each in hazard["photos"] if each["point"]]
    assert len(located) == 2  # EXIF that scaling by canvas removes goes beside the picture
    assert all(each["taken_at"] for each in hazard["photos"])


def test_what_one_person_has_queued_is_a_number_to_another(chromium, server, drawn):
    with chromium.context() as context:
        phone = Phone(context, server.address).open().sign_in("inspector").wait_for_reference()
        context.set_offline(True)
        phone.report(*drawn(1), place="秘密地点")
        context.route("**/api/v1/hazards", lambda route: route.abort())
        context.set_offline(False)
        phone.go("mine").page.click("text=退出登录")
        phone.sign_in("officer").go("outbox")
        words = phone.page.wait_for_selector("text=本机另有他人的 1 条待发送").evaluate(
            "each => each.closest('main').innerText"
        )
        assert "秘密地点" not in words
        context.unroute("**/api/v1/hazards")
        phone.go("mine").page.click("text=退出登录")
        phone.sign_in("inspector").wait_until_sent()
        assert "秘密地点" in phone.go("outbox").page.inner_text("main")


def test_a_draft_survives_a_reload_and_the_back_button(chromium, server, drawn):
    with chromium.context() as context:
        phone = Phone(context, server.address).open().sign_in("inspector").wait_for_reference()
        phone.add_photos(*drawn(2))
        phone.page.fill("#place", "7幢1单元")
        phone.go("work").page.wait_for_selector("#find")
        phone.page.go_back()
        phone.page.wait_for_selector(".photos:not(.take) li:nth-child(2)")
        phone.page.wait_for_timeout(500)  # what is typed is kept after a moment
        phone.page.reload()
        phone.go("report").page.wait_for_selector(".photos:not(.take) li:nth-child(2)")
        assert phone.page.input_value("#place") == "7幢1单元"
