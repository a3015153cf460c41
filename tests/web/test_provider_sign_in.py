"""Phones that WeChat opens with its code, which it exchanges once: sign-in, linking, and words where linking fails."""

from contextlib import closing
from itertools import count

import pyotp
import pytest

from tests.builders.phone import Phone, require_pages
from tests.builders.platforms import OWN, Platform
from tests.builders.process import PASSWORD, Process
from tests.builders.sink import run_server

HERE = "330402009036"
NUMBERS = count()
LINK = "**/api/v1/me/identities/wechat"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    require_pages()
    with run_server(Platform()) as platform:
        at = f"wechat=http://app:s3cret%2F@127.0.0.1:{platform.port}/wx"
        folder = tmp_path_factory.mktemp("providers") / "data"
        process = Process(folder, ANXUN_SIGN_IN=at, ANXUN_INTRANET="127.0.0.0/8").start()
        process.platform = platform
        yield process
        process.stop()


@pytest.fixture
def phone(chromium, server):
    with chromium.context() as context:
        phone = Phone(context, server.address)
        yield phone
        assert not phone.errors


@pytest.fixture
def person(server):
    """Make an account whose owner is at WeChat. Accounts of the demo office cannot be linked."""
    username = f"wang{next(NUMBERS)}"
    server.platform.people[username] = f"o-{username}"
    with closing(server.client("admin")) as admin:
        grants = [{"role": "inspector", "scope": HERE}]
        new = {"username": username, "name": "王巡查", "password": OWN, "grants": grants}
        assert admin.post("/people", json=new).status_code == 201
    return username


def arrive(phone, person):
    """Opens the page as WeChat does, as a new document."""
    phone.page.goto("about:blank")
    return phone.open(f"?provider=wechat&code={person}/{next(NUMBERS)}")


def arrive_first(phone, person):
    arrive(phone, person).page.wait_for_selector("text=还没有关联，请用密码登录一次")
    assert "code" not in phone.page.url
    return phone


def test_the_first_visit_links_the_identity_and_the_next_one_needs_no_password(phone, person):
    arrive_first(phone, person).sign_in(person, OWN)
    phone.page.wait_for_selector("text=已关联微信")
    phone.wait_for_reference()
    arrive(phone, person).wait_for_reference()
    phone.go("mine").page.click("text=关联账号")
    phone.page.click("text=解除关联")
    phone.page.wait_for_selector("text=没有关联。从微信打开本页")
    arrive_first(phone, person)


def test_a_link_that_is_refused_is_said_and_the_person_goes_on(phone, person):
    arrive_first(phone, person).sign_in("inspector", PASSWORD)
    phone.page.wait_for_selector("text=已登录，但没有关联上微信：演示账号不能绑定外部账号")
    phone.page.wait_for_selector("text=看“我的”里的“关联账号”")
    assert phone.page.locator("main button").all_inner_texts() == ["继续"]
    phone.page.click("text=继续")
    phone.wait_for_reference().go("mine").page.click("text=关联账号")
    phone.page.wait_for_selector("text=没有关联。从微信打开本页")


def test_a_link_that_is_lost_on_the_way_can_be_sent_again(phone, person):
    arrive_first(phone, person)
    phone.page.route(LINK, lambda route: route.abort())
    phone.sign_in(person, OWN)
    phone.page.wait_for_selector("text=没有关联上微信：服务器暂时连不上")
    assert phone.page.evaluate("document.activeElement.innerText") == "再关联一次"
    phone.page.unroute(LINK)
    phone.page.click("text=再关联一次")
    phone.page.wait_for_selector("text=已关联微信")


def test_a_code_that_was_used_already_is_said_and_the_password_opens(phone, server, person):
    server.platform.spent.add(("wechat", f"{person}/old"))
    phone.open(f"?provider=wechat&code={person}/old").page.wait_for_selector("text=微信给的登录码已失效")
    phone.sign_in(person, OWN).wait_for_reference()


def test_without_the_provider_the_password_opens_and_the_identity_is_linked_later(phone, server, person):
    server.platform.says = (500, {})
    try:
        arrive(phone, person).page.wait_for_selector("text=外部登录服务暂时无法使用")
        phone.sign_in(person, OWN).page.wait_for_selector("text=没有关联上微信：外部登录服务暂时无法使用")
    finally:
        server.platform.says = None
    phone.page.click("text=再关联一次")
    phone.page.wait_for_selector("text=已关联微信")


def test_a_linked_person_with_a_second_factor_enters_that_code_alone(phone, server, person):
    arrive_first(phone, person).sign_in(person, OWN).page.wait_for_selector("text=已关联微信")
    with closing(server.client("inspector")) as client:
        login = client.post("/auth/login", json={"username": person, "password": OWN}).json()
        client.headers["Authorization"] = f"Bearer {login['access_token']}"
        totp = pyotp.TOTP(client.post("/me/totp", json={"password": OWN}).json()["secret"])
        recovery = client.post("/me/totp/confirm", json={"code": totp.now()}).json()["recovery_codes"]
    page = arrive(phone, person).page
    page.wait_for_selector("#code")
    assert page.locator("form input").count() == 1
    page.fill("#code", "wrong")
    page.click("form button.main")
    page.wait_for_selector(".note.late")
    page.fill("#code", recovery[0])
    page.click("form button.main")
    phone.wait_for_reference()
