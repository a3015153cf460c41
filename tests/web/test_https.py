"""Over https, below the path of a shared host: tokens are cookies that no script reads, and last over a reload."""

from contextlib import closing

from tests.builders.phone import Phone
from tests.builders.process import Process
from tests.builders.proxy import stripping_proxy

PREFIX = "/aq/xinjia"


def test_a_page_over_https_keeps_its_sign_in_and_shows_its_tokens_to_no_script(chromium, drawn, tmp_path):
    with stripping_proxy(PREFIX, tls=True) as proxy:
        settings = {"ANXUN_PUBLIC_URL": proxy.address, "ANXUN_TRUSTED_PROXIES": "127.0.0.1"}
        server = Process(tmp_path / "data", **settings).start()
        proxy.behind = server.port
        with chromium.context(ignore_https_errors=True) as context:
            phone = Phone(context, proxy.address).open().sign_in("inspector").wait_for_reference()
            tokens = {each["name"]: each for each in context.cookies()}
            assert tokens.keys() == {"__Host-anxun-access", "__Host-anxun-refresh", "__Host-anxun-device"}
            assert all(each["httpOnly"] and each["secure"] for each in tokens.values())
            seen = phone.page.evaluate("document.cookie + JSON.stringify(localStorage)")
            assert not [name for name, each in tokens.items() if each["value"] in seen or name in seen]
            context.clear_cookies(name="__Host-anxun-access")  # as after a quarter of an hour
            phone.page.reload()
            phone.report(*drawn(1)).wait_until_sent()
            (hazard,) = [each["hazard"] for each in phone.queue()]
            phone.go(f"hazards/{hazard}").page.wait_for_selector(".pictures img")
            phone.go("mine").page.click("text=退出登录")
            phone.page.wait_for_selector("#username")
            assert not [
                each for each in context.cookies() if each["name"] in {"__Host-anxun-access", "__Host-anxun-refresh"}
            ]
            assert all(url.startswith((proxy.address, "blob:", "data:")) for url in phone.requests)
            assert not phone.errors
        with closing(server.client("officer")) as officer:
            assert [each["missing_photos"] for each in officer.get("/hazards").json()["items"]] == [[]]
        server.stop()
