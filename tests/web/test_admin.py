"""Administrators and supervisors at the admin pages: accounts, rules, the calendar, keys, deliveries."""

import contextlib
import io
import json
import os
import re
import sqlite3
import subprocess
from contextlib import closing
from functools import partial
from pathlib import Path

import pyotp
import pytest
from PIL import Image

from inspections.accounts.policy import POLICY
from tests.builders.api import body
from tests.builders.desk import Desk
from tests.builders.phone import BUILT, DESK, Phone
from tests.builders.process import ANXUN, Process
from tests.builders.sink import sink
from tests.builders.waiting import poll_until

ROOT = Path(__file__).parents[2]
RIGHTS = ROOT / "web" / "src" / "admin" / "rights.ts"
PICTURES = ROOT / "docs" / "pictures"
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SCREENS = (
    *("accounts", "admin-requests", "delegations", "account-devices/admin", "account"),
    *("categories", "rules", "dispatch-rules", "calendar/2026/10", "templates", "communities", "import-communities"),
    *("devices", "import-devices", "keys", "deliveries", "security-log", "import-ledger", "health", "no-such-page"),
)
KEPT = {"accounts", "calendar/2026/10"}
FIRST, OWN = "Given to them 1", "Chosen by them 2"
THREE = {"ben": "system_admin", "qin": "security_admin", "shen": "audit_admin"}
XIMAQIAO, YUEHE = "330402009036", "330402009037"
MARKUP = "<img src=x onerror=alert(1)><b>王</b>"
NEW_PASSWORD = "Given to them 1"


@pytest.fixture
def desks(chromium, server):
    """Opens admin pages, each in a browser of its own; afterwards none has thrown or asked a foreign host."""
    with contextlib.ExitStack() as stack:
        opened = []

        def open_desk(address=server.address):
            desk = Desk(stack.enter_context(chromium.context(**DESK)), address)
            opened.append(desk)
            return desk.open()

        yield open_desk
        for desk in opened:
            assert not desk.errors
            assert all(url.startswith((desk.address, "data:")) for url in desk.requests), desk.requests


def test_an_administrator_creates_an_officer_who_then_signs_in(desks, chromium, server):
    desk = desks().sign_in("admin")
    desk.start("新建账号").fill(username="Li Wei", name="", password="short").grant(1, "officer")
    assert desk.refuse() == ["请选择社区"]
    desk.page.select_option("[aria-label='第 1 项添加社区']", XIMAQIAO)
    wrong = desk.refuse()
    assert wrong == ["含有不允许的字符或格式不正确", "长度至少为 1", "长度至少为 12"]
    assert desk.page.locator("#field-username").get_attribute("aria-describedby").endswith("-wrong")
    desk.fill(username="liwei", name=MARKUP, password=NEW_PASSWORD).confirm()
    row = desk.page.locator("tr[data-row=liwei]")
    row.wait_for()
    assert row.locator("td").first.inner_text().startswith(MARKUP)  # as text
    assert "安全专管员：" in row.inner_text()
    assert not desk.page.locator("main img, main tbody b").count()
    with chromium.context() as context:
        officer = Phone(context, server.address).open().sign_in("liwei", NEW_PASSWORD)
        officer.go("mine").page.wait_for_selector(f"text={MARKUP}")
        assert not officer.errors


def test_an_account_gets_roles_a_password_and_is_deactivated_only_by_its_name(desks, server):
    desk = desks().sign_in("admin")
    desk.start("新建账号").fill(username="zhao", name="赵某", password=NEW_PASSWORD).confirm()
    desk.act("zhao", "角色").grant(1, "handler", XIMAQIAO, YUEHE).grant(2, "inspector", XIMAQIAO).confirm()
    desk.wait_for_text("角色已保存")
    desk.act("zhao", "重置密码").fill(password="Another one 22").confirm()
    other = server.ask("POST", "/api/v1/auth/login", json={"username": "zhao", "password": "Another one 22"})
    assert sorted((each["role"], each["scope"]) for each in other.json()["user"]["grants"]) == [
        ("handler", XIMAQIAO),
        ("handler", YUEHE),
        ("inspector", XIMAQIAO),
    ]
    desk.act("zhao", "停用")
    assert desk.page.locator("dialog footer .danger").is_disabled()
    desk.confirm(retyped="zhao")
    desk.page.wait_for_selector("tr[data-row=zhao]", state="detached")
    me = server.ask("GET", "/api/v1/me", headers={"Authorization": f"Bearer {other.json()['access_token']}"})
    assert me.status_code == 401
    desk.page.select_option("#filter-active", "false")
    desk.page.wait_for_selector("tr[data-row=zhao]")
    assert desk.page.evaluate("location.hash") == "#/accounts?active=false"


def test_an_administrator_signs_a_device_out(desks, server):
    with closing(server.client("handler")) as client:
        desk = desks().sign_in("admin")
        desk.page.locator("tr[data-row=handler] summary").click()
        desk.page.locator("tr[data-row=handler] .menu button", has_text="设备").click()
        desk.page.wait_for_selector("h1:text-is('登录的设备')")
        desk.start("注销全部设备").confirm()
        desk.wait_for_text("全部设备已注销")
        poll_until(lambda: client.get("/me").status_code == 401)


def test_the_menu_shows_what_the_person_may_see(desks):
    shown = {}
    for who in ("admin", "supervisor", "inspector"):
        page = desks().sign_in(who).page
        page.wait_for_selector("nav a, .note.late")
        shown[who] = page.locator("nav a").all_inner_texts()
    assert {"账号", "接口密钥", "安全日志", "导入台账"} < set(shown["admin"])
    assert {"委托", "规则", "工作日历", "派单规则"} < set(shown["supervisor"])
    assert not {"接口密钥", "安全日志", "待确认变更", "导入社区"} & set(shown["supervisor"])
    assert shown["inspector"] == []


def test_the_rights_of_the_pages_are_those_of_the_policy():
    text = RIGHTS.read_text()
    lists = re.findall(r"^const (\w+) = \[([^\]]*?),?\s*\];", text, re.MULTILINE)
    named = {name: json.loads(f"[{found}]") for name, found in lists}

    def roles(written):
        parts = [named[each] if each in named else [each.strip('"')] for each in re.findall(r'[A-Z]+|"\w+"', written)]
        return {role for part in parts for role in part}

    table = text[text.index("RIGHTS = {") : text.index("} as const")]
    found = {action: roles(written) for action, written in re.findall(r'^  "([a-z_.]+)": (.+),$', table, re.MULTILINE)}
    assert len(found) == table.count('": ')
    assert found == {action: {str(role) for role in POLICY[action]} for action in found}


def test_a_rule_is_changed_and_a_wrong_one_refused_beside_its_field(desks, server):
    desk = desks().sign_in("admin").choose("规则")
    amount = desk.page.locator("#field-rules-acceptance-urgent input")
    amount.fill("0")
    desk.page.locator("#field-rules-office_hours-0 input").first.fill("25:00")
    desk.page.click("form.document .main")
    wrong = desk.page.locator("#field-rules-acceptance-urgent .wrong")
    wrong.wait_for()
    assert wrong.inner_text() == "不得小于 1"
    assert desk.page.locator("#field-rules-office_hours-0 .wrong").count()
    amount.fill("45")
    desk.page.locator("#field-rules-office_hours-0 input").first.fill("8:00")
    desk.page.click("form.document .main")
    desk.wait_for_text("规则已保存")
    desk.wait_for_text("第 1 版")
    with closing(server.client("supervisor")) as client:
        rules = client.get("/rules").json()["rules"]
    assert rules["acceptance"]["urgent"] == {"amount": 45, "unit": "min"}
    assert rules["office_hours"] == [["08:00:00", "12:00:00"], ["13:30:00", "17:30:00"]]
    assert len(rules["ladders"]["general"]) > 10
    reader = desks().sign_in("supervisor").choose("规则")
    reader.wait_for_text("您可以查看，不能修改")
    assert reader.page.locator("#field-rules-acceptance-urgent input").input_value() == "45"
    assert reader.page.locator("#field-rules-acceptance-urgent input").is_disabled()


def test_two_editors_of_the_rules_do_not_overwrite_each_other(desks):
    one, other = (desks().sign_in("admin").choose("规则") for _ in range(2))
    for desk, days in ((one, "31"), (other, "32")):
        desk.page.fill("#field-rules-reopen_within_days", days)
        desk.page.click("form.document .main")
        desk.page.wait_for_selector(".said:not(:empty), form .note.late")
    assert "已保存" in one.page.locator(".said").inner_text()
    other.page.wait_for_selector("form .note.late")
    other.page.click("text=放弃修改，重新读取")
    other.page.wait_for_function("document.querySelector('#field-rules-reopen_within_days').value === '31'")


def test_a_holiday_is_moved_on_the_grid_of_its_month(desks, server):
    desk = desks().sign_in("admin").choose("工作日历").go("calendar/2026/10")
    page = desk.page
    page.wait_for_selector("[data-day='2026-10-07'] .mark")
    before = page.locator("[data-day='2026-10-08']").inner_text()
    assert "上班" in before
    page.click("[data-day='2026-10-08']")
    page.click("dialog label:has-text('放假')")
    page.fill("#day-name", "国庆节")
    page.click("dialog footer .main")
    desk.wait_for_text("有 1 天改动还没有保存")
    assert "未保存" in page.locator("[data-day='2026-10-08']").inner_text()
    page.fill("#source", "")
    page.click("form.document .main")
    page.wait_for_selector("#source ~ .wrong")
    page.fill("#source", "国办发明电〔2025〕7号 补充")
    page.click("form.document .main")
    desk.wait_for_text("2026 年日历已保存")
    with closing(server.client("officer")) as client:
        days = {each["day"]: each for each in client.get("/calendar/2026").json()["days"]}
    assert (days["2026-10-08"]["working"], days["2026-10-08"]["name"]) == (False, "国庆节")


def test_a_key_is_shown_once_and_revoked_by_its_name(desks, server):
    desk = desks().sign_in("admin").choose("接口密钥")
    desk.start("新建密钥").fill(name="街道大屏", scope=XIMAQIAO).confirm()
    (token,) = desk.take_secret()
    key = {"Authorization": f"Bearer {token}"}
    assert server.ask("GET", "/api/v1/statistics/summary", headers=key).status_code == 200
    desk.page.reload()
    desk.page.wait_for_selector("#username")
    desk.sign_in("admin").page.wait_for_selector("text=街道大屏")
    assert token not in desk.page.content()
    desk.act("街道大屏", "吊销").confirm(retyped="街道大屏")
    desk.wait_for_text("密钥已吊销")
    poll_until(lambda: server.ask("GET", "/api/v1/statistics/summary", headers=key).status_code == 401)


def test_communities_are_previewed_before_they_are_imported(desks, tmp_path):
    desk = desks().sign_in("admin").choose("导入社区")
    wrong, right = tmp_path / "wrong.csv", tmp_path / "right.csv"
    wrong.write_text("code,name\n33,短\n", "utf-8")
    right.write_text(f"code,name\n{XIMAQIAO},西马桥社区（新）\n", "utf-8")
    desk.page.set_input_files("#file", wrong)
    desk.wait_for_text("现在什么也没有导入")
    assert desk.page.locator("main tbody td").all_inner_texts() == ["2", "code", "格式不正确"]
    desk.page.set_input_files("#file", right)
    desk.wait_for_text("这是预览")
    desk.page.click("main .main")
    desk.page.wait_for_selector(".note.good")
    desk.choose("社区").wait_for_text("西马桥社区（新）")


def test_a_device_is_registered_and_gets_thresholds(desks):
    desk = desks().sign_in("admin").choose("监测设备")
    desk.start("登记设备").fill(id="D-1", name="3幢总表", community=XIMAQIAO, place="3幢配电间")
    cells = desk.page.locator("#field-thresholds tbody tr").first.locator("input")
    for number, value in enumerate(("500", "400", "600")):
        cells.nth(number).fill(value)
    assert desk.refuse() == ["须不大于 alarm，alarm 须不大于 critical"]
    cells.nth(0).fill("200")
    desk.confirm()
    (secret,) = desk.take_secret()
    assert len(secret) > 20
    desk.wait_for_text("200 / 400 / 600 mA")
    desk.act("D-1", "停用").confirm(retyped="D-1")
    desk.wait_for_text("已停用")


def test_a_dead_letter_is_sent_again(desks, tmp_path):
    with sink(lambda _: 500) as hook:
        given = {"ANXUN_WEBHOOK": hook.url, "ANXUN_WEBHOOK_SECRET": "s" * 20, "ANXUN_INTRANET": "127.0.0.0/8"}
        process = Process(tmp_path / "data", **given).start()
        try:
            photos = [{"sha256": "0" * 64, "stage": "before"}]
            with closing(process.client("inspector")) as client:
                assert client.post("/hazards", json=body(photos=photos)).status_code == 201
            with closing(process.client("admin")) as client:
                poll_until(lambda: client.get("/deliveries?state=failing").json()["items"])
            process.stop()
            give_up_deliveries(process)
            process.start()
            hook.answer = lambda _: 204
            desk = desks(process.address).sign_in("admin").choose("通知投递")
            desk.act("answered 500", "重新投递").confirm()
            desk.wait_for_text("没有失败的投递")
            assert hook.wait_for_bodies(1)
        finally:
            process.stop()


def give_up_deliveries(process):
    """Makes deliveries dead, as a day of failures would."""
    (file,) = process.folder.glob("*.db")
    with closing(sqlite3.connect(file)) as database, database:
        now = database.execute("SELECT max(next_try_at) FROM deliveries").fetchone()[0]
        changed = database.execute("UPDATE deliveries SET dead_at = ? WHERE delivered_at IS NULL", (now,))
        assert changed.rowcount


def test_a_session_that_ends_leads_to_the_sign_in_with_words_and_back(desks, server):
    desk = desks().sign_in("admin").choose("隐患类别")
    with closing(server.client("admin")) as client:
        assert client.post("/people/admin/devices/revoke").status_code == 200
    ended = desk.page.locator("text=登录已失效")
    poll_until(lambda: ended.count() or (desk.go("keys").go("accounts") and ended.count()))  # known within a second
    desk.sign_in("admin").page.wait_for_selector("h1:text-is('账号')")
    desk.page.wait_for_selector("tr[data-row=officer]")


def test_a_role_that_ends_while_the_page_is_open_takes_its_pages_away(desks):
    boss = desks().sign_in("admin")
    boss.start("新建账号").fill(username="qian", name="钱某", password=NEW_PASSWORD).grant(
        1, "officer", XIMAQIAO
    ).confirm()
    desk = desks().sign_in("qian", NEW_PASSWORD).choose("规则")
    boss.act("qian", "角色").page.click("[aria-label='删除第 1 项角色']")
    boss.grant(1, "inspector", XIMAQIAO).confirm()
    poll_until(lambda: desk.go("rules").go("categories").go("dispatch-rules").page.locator("nav a").count() == 0)
    desk.wait_for_text("您的账号没有管理权限")


def test_the_first_load_of_the_admin_pages_is_small():
    (name,) = re.findall(r'src="%BASE%/m/assets/([^"]+)"', (BUILT / "admin.html").read_text())
    assert (BUILT / "assets" / f"{name}.gz").stat().st_size <= 150_000


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 1024)])
def test_every_page_is_readable_and_without_faults(chromium, server, scheme, width):
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in web/")
    options = {**DESK, "viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    with chromium.context(**options) as context:
        context.add_init_script(AXE.read_text())
        desk = Desk(context, server.address).open()
        look(desk, "sign-in")
        desk.sign_in("admin")
        for page in SCREENS:
            desk.go(page).page.wait_for_selector("main tbody, main form, main dl, main .none, main input, main .note")
            look(desk, page, keep=scheme == "light" and page in KEPT)
        desk.go("accounts").start("新建账号").grant(1, "officer", XIMAQIAO)
        look(desk, "new-account")
        assert not desk.errors


def look(desk, name, *, keep=False):
    """Checks what is on the screen now, and takes its picture where pictures are wanted."""
    desk.page.wait_for_timeout(300)
    wide = desk.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, (name, "scrolls sideways")
    found = desk.page.evaluate("tags => axe.run({runOnly: tags})", AXE_RULES)["violations"]
    assert not [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found], name
    if keep and os.environ.get("ANXUN_PICTURES"):
        shot = Image.open(io.BytesIO(desk.page.screenshot())).convert("P", palette=Image.Palette.ADAPTIVE, colors=64)
        shot.save(PICTURES / f"admin-{name.partition('/')[0]}.png", optimize=True)


@pytest.fixture(scope="module")
def strict_server(tmp_path_factory):
    """An office under the strict profile, with its three administrators."""
    folder = tmp_path_factory.mktemp("strict")
    people, password = folder / "communities.csv", folder / "password"
    people.write_text(f"code,name,street,abbreviation\n{XIMAQIAO},西马桥社区,新嘉街道,XJ\n", "utf-8")
    password.write_text(FIRST)
    process = Process(folder / "data", "serve", ANXUN_PROFILE="strict", ANXUN_DEMO_PASSWORD=None)
    run = partial(subprocess.run, env=process.environment, check=True, capture_output=True)
    run([ANXUN, "migrate"])
    run([ANXUN, "import", "communities", people])
    for name, role in THREE.items():
        run([ANXUN, "user", "add", name, "--name", name, "--role", f"{role}:", "--password-file", password])
    process.start()
    yield process
    process.stop()


def test_a_second_administrator_confirms_what_the_first_has_requested(desks, strict_server):
    """Each sets an own password and a second factor at the first sign-in, on the page; then they check each other."""
    qin, ben = (enroll(desks(strict_server.address), name) for name in ("qin", "ben"))
    qin.choose("账号").act("shen", "重置密码").fill(password="Given once again 3").confirm()
    qin.wait_for_text("须由另一位管理员确认")
    qin.choose("待确认变更").wait_for_text("设置新密码")
    assert not qin.page.get_by_role("button", name="确认", exact=True).count()  # nobody confirms the own request
    ben.choose("待确认变更").act("shen", "确认").confirm()
    ben.wait_for_text("已确认（ben）")
    given = {"username": "shen", "password": "Given once again 3"}
    assert strict_server.ask("POST", "/api/v1/auth/login", json=given).status_code == 200
    qin.choose("账号").act("shen", "移除二次验证").confirm()
    ben.choose("账号").choose("待确认变更").act("待确认", "驳回").confirm()
    ben.wait_for_text("已驳回（ben）")


def enroll(desk, name):
    desk.sign_in(name, FIRST).wait_for_text("请先改成自己的密码")
    desk.fill(password=FIRST, new_password="short")
    desk.page.click("form .main")
    desk.page.wait_for_selector("#field-new_password-wrong")
    desk.fill(new_password=OWN).page.click("form .main")
    desk.wait_for_text("请先在下面开通")
    desk.fill(own__password=OWN).page.click("text=开通二次验证")
    code = pyotp.TOTP(desk.page.locator("form code").inner_text()).now()
    assert desk.page.locator(".qr").evaluate("async image => { await image.decode(); return image.naturalWidth > 50; }")
    desk.fill(code=code).page.click("text=确认开通")
    assert len(desk.take_secret()) > 5
    desk.page.wait_for_selector("nav a")
    return desk
