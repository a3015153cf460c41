"""Officers at the board: a Monday by keyboard alone, two officers on one case, and rights that end meanwhile."""

import json
import uuid
from contextlib import ExitStack, closing
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.builders.board import Board, report_hazards, send_photo, take_step
from tests.builders.phone import DESK
from tests.builders.process import Process
from tests.builders.waiting import poll_until

HERE, NEXT = "330402009036", "330402009037"


@pytest.fixture
def office(tmp_path):
    """A server of its own, whose counts no other test changes."""
    server = Process(tmp_path / "data").start()
    yield server
    server.stop()


@pytest.fixture
def desk(chromium, office):
    """Opens boards of officers: `desk("officer")`."""
    with ExitStack() as stack:
        boards = []

        def open_board(username, path=""):
            context = stack.enter_context(chromium.context(**DESK))
            boards.append(Board(context, office.address).open(path).sign_in(username).wait_until_read())
            return boards[-1]

        yield open_board
        assert not [error for board in boards for error in board.errors]


def add_rule(server, community, lead):
    with closing(server.client("admin")) as admin:
        rule = {"id": str(uuid.uuid4()), "community": community, "lead": lead, "accepts": False}
        assert admin.post("/dispatch-rules", json=rule).status_code == 201


def statistics(server):
    with closing(server.client("officer")) as officer:
        return officer.get("/statistics/communities").json()["total"]


def test_forty_hazards_are_accepted_and_assigned_by_five_keys(desk, office):
    """Thirty of them by a dispatch rule, and ten by the choice of the officer."""
    add_rule(office, HERE, "handler")
    report_hazards(office, 30, community=HERE)
    report_hazards(office, 10, community=NEXT)
    board = desk("officer")
    assert board.count("reported") == statistics(office)["waiting"] == 40
    board.page.wait_for_selector("[role=option]:focus")
    board.press("X", "a")
    board.page.wait_for_selector("text=按派单规则：整改人（演示） 30 起")
    board.page.wait_for_selector("text=没有匹配的规则：10 起")
    board.page.wait_for_selector("dialog kbd:text-is('1')")
    assert statistics(office)["waiting"] == 40  # a preview stores nothing
    board.press("1", "Enter")
    board.page.wait_for_selector("text=已受理 40 起")
    board.press("Enter")
    board.page.wait_for_selector("dialog", state="detached")
    assert board.presses == 5
    board.wait_for_count("reported", 0)
    with closing(office.client("officer")) as officer:
        assigned = officer.get("/hazards", params={"state": "assigned", "count": True, "limit": 1}).json()
    assert assigned["total"] == 40


def test_a_hazard_is_accepted_assigned_and_rechecked_from_its_page_without_a_mouse(desk, office):
    (hazard,) = report_hazards(office, 1, photos=1)
    board = desk("officer")
    board.press("Enter")
    board.page.wait_for_selector(".story li")
    board.press("a")
    board.page.wait_for_selector(".step-form")
    board.page.locator(".step-form button.main").press("Enter")
    board.page.wait_for_selector(".case .state:text-is('已受理')")
    board.press("s")
    board.page.wait_for_selector("#step-lead:enabled option[value=handler]", state="attached")
    board.page.select_option("#step-lead", "handler")
    board.page.locator(".step-form button.main").press("Enter")
    board.page.wait_for_selector(".case .state:text-is('已派单')")
    with closing(office.client("handler")) as handler:
        after = send_photo(handler, "after", "after")
    take_step(office, "handler", hazard, "submit_fix", method="移走", quantity_done=1, photos=[after])
    board.page.wait_for_selector(".case .state:text-is('待复查')")  # live
    board.page.wait_for_selector(".after .picture img")
    board.press("w")
    board.page.wait_for_selector(".frames.overlaid")
    board.press("+", "+", "0", "c", ".")
    assert board.page.evaluate("document.activeElement.textContent") == "复查通过"
    board.press("Enter")
    board.page.wait_for_selector("#step-note")
    board.page.fill("#step-note", "已清空")
    board.page.locator(".step-form button.main").press("Enter")
    board.page.wait_for_selector(".case .state:text-is('已销号')")
    board.page.wait_for_selector(".story li:last-child p:has-text('复查通过')")
    board.press("Escape")
    board.page.wait_for_selector(".case", state="detached")
    board.wait_for_count("recheck", 0)


def test_the_counts_agree_with_the_statistics(desk, office):
    made = report_hazards(office, 9)
    for each in made[:7]:
        take_step(office, "officer", each, "accept")
    for each in made[:5]:
        take_step(office, "officer", each, "assign", lead="handler")
    take_step(office, "handler", made[0], "return", reason="不归我管")
    with closing(office.client("handler")) as handler:
        after = send_photo(handler, "after", "after")
    take_step(office, "handler", made[1], "submit_fix", method="移走", quantity_done=1, photos=[after])
    take_step(office, "officer", made[2], "propose_major", basis="判定标准")
    figures = statistics(office)
    counts = desk("officer").counts()
    assert (counts["reported"], counts["recheck"], counts["late"]) == (
        figures["waiting"],
        figures["pending_recheck"],
        figures["overdue"],
    )
    assert counts == {"reported": 2, "toAssign": 2, "late": 0, "recheck": 1, "alarms": 0, "sentBack": 1, "majors": 1}


def test_a_case_is_assigned_to_a_party_that_then_gets_a_link(desk, office):
    (hazard,) = report_hazards(office, 1)
    take_step(office, "officer", hazard, "accept")
    page = desk("officer", f"#/hazards/{hazard['id']}/steps/assign").page
    page.wait_for_selector(".step-form #step-name")
    page.fill("#step-name", "老王面馆")
    page.locator(".step-form button.main").press("Enter")
    page.wait_for_selector("text=请填写：责任主体类型")
    page.check("input[name=step-kind][value=merchant]")
    page.locator(".step-form button.main").press("Enter")
    page.click("text=生成链接和通知书")
    page.wait_for_selector("#link-address")
    assert "/f/" in page.input_value("#link-address")
    with closing(office.client("officer")) as officer:
        assigned = officer.get(f"/hazards/{hazard['id']}").json()
    assert (assigned["state"], assigned["responsible_party"]["name"]) == ("assigned", "老王面馆")


def test_two_officers_on_one_case_see_what_the_other_did(desk, office):
    (hazard,) = report_hazards(office, 1)
    first = desk("officer", f"#/hazards/{hazard['id']}/steps/reject")
    first.page.wait_for_selector(".step-form")
    first.page.fill("#step-reason", "不属实")
    first.page.context.set_offline(True)
    first.page.route("**/api/v1/live", lambda route: route.abort())  # the news does not come in time
    take_step(office, "officer", hazard, "accept")
    take_step(office, "officer", hazard, "assign", lead="handler")
    first.page.context.set_offline(False)
    first.page.locator(".step-form button.main").press("Enter")
    first.page.wait_for_selector("text=没有提交：别人已先处理")
    lines = first.page.locator(".conflict p").all_inner_texts()
    assert ["受理" in lines[0], "派单" in lines[1], "现在是“已派单”" in lines[2]] == [True] * 3
    assert "安全专管员（演示）" in lines[0]
    with closing(office.client("officer")) as officer:
        assert officer.get(f"/hazards/{hazard['id']}").json()["state"] == "assigned"


def test_items_of_a_batch_that_others_were_faster_with_are_answered_by_themselves(desk, office):
    made = report_hazards(office, 3)
    board = desk("officer")
    board.press("X", "a")
    board.page.wait_for_selector("dialog kbd:text-is('1')")
    take_step(office, "officer", made[0], "reject", reason="不属实")
    board.press("Enter")
    board.page.wait_for_selector("text=已受理 2 起")
    board.page.wait_for_selector("text=未成功 1 起")
    assert board.page.locator("tr.late").inner_text().startswith(made[0]["number"])


def test_filters_live_in_the_address_and_a_wrong_one_is_said_and_left_out(desk, office):
    report_hazards(office, 2, community=HERE, place="锦绣新村")
    report_hazards(office, 3, community=NEXT)
    board = desk("officer", f"#/?community={HERE}")
    assert board.count("reported") == 2
    board.press("/")
    board.page.keyboard.type("锦绣")
    board.press("Enter")
    board.page.wait_for_function("location.hash.includes('q=')")
    board.wait_for_count("reported", 2)
    board.page.select_option("#filter-community", NEXT)
    board.wait_for_count("reported", 0)
    board.page.go_back()
    board.wait_for_count("reported", 2)
    board.page.evaluate("location.hash = '#/?community=330402009999&colour=red&q=%E9%94%A6%E7%BB%A3'")
    board.page.wait_for_selector("text=地址里的社区“330402009999”已不存在或不在您的范围内，未使用")
    board.page.wait_for_selector("text=地址里的“colour”不是工作台的筛选项，未使用")
    board.wait_for_count("reported", 2)
    board.page.click("text=知道了")
    board.page.click("text=清除筛选")
    board.wait_for_count("reported", 5)


def test_selected_hazards_are_merged_into_the_one_with_the_cursor(desk, office):
    report_hazards(office, 3, place="同一个门厅")
    board = desk("officer")
    board.page.wait_for_selector("[role=option]:focus")
    board.press("j", "x", "j", "x", "k", "k", "m")
    board.page.wait_for_selector("text=把选中的 2 起并入")
    board.press("Enter")
    board.page.wait_for_selector("text=已并案 2 起")
    board.press("Enter")
    board.wait_for_count("reported", 1)
    board.press("Enter")
    board.page.wait_for_selector("aside li:has-text('已并入本起') >> nth=1")


def test_a_name_with_markup_is_text(desk, office):
    report_hazards(office, 1, place="<img src=x onerror=alert(1)><b>3幢</b>", description="<script>alert(2)</script>")
    board = desk("officer")
    assert "<b>3幢</b>" in board.page.locator("[role=option] .where").inner_text()
    board.press("Enter")
    board.page.wait_for_selector("text=<script>alert(2)</script>")


def test_the_board_follows_the_office_over_a_restart_of_the_server(desk, office):
    board = desk("officer")
    board.page.wait_for_selector("text=没有等待处理的隐患")
    report_hazards(office, 1)
    board.wait_for_count("reported", 1)
    office.stop()
    board.page.wait_for_selector("text=连接中断，正在重连")
    office.start()
    report_hazards(office, 1, place="重启之后")
    board.wait_for_count("reported", 2)
    board.page.wait_for_selector(".live:not(.off)")


def test_rights_that_end_while_the_board_is_open_lead_to_words_and_to_the_same_screen(desk, office):
    (hazard,) = report_hazards(office, 1)
    board = desk("officer", f"#/hazards/{hazard['id']}?community={HERE}")
    board.page.wait_for_selector(".story li")
    with closing(office.client("officer")) as client:
        assert client.post("/me/devices/revoke").status_code == 200
        poll_until(lambda: client.get("/me").status_code == 401)
    board.page.keyboard.press("r")
    board.page.wait_for_selector("text=登录已失效")
    assert hazard["number"] not in board.page.content()
    board.sign_in("officer").wait_until_read()
    board.page.wait_for_selector(".story li")
    assert board.count("reported") == 1


def test_who_is_no_officer_is_told_so(chromium, office):
    with chromium.context(**DESK) as context:
        board = Board(context, office.address).open().sign_in("inspector")
        board.page.wait_for_selector("text=工作台供安全专管员和分管领导使用")
        assert not [url for url in board.requests if "/hazards" in url]


def test_ten_thousand_rows_are_scrolled_and_a_few_are_drawn(chromium, office):
    """The pages of the column are those of one hazard, many times under other ids."""
    (known,) = report_hazards(office, 1)
    pages = 20

    def answer(route):
        query = parse_qs(urlsplit(route.request.url).query)
        page = int(query.get("cursor", ["0"])[0])
        items = [
            known | {"id": str(uuid.UUID(int=page * 500 + at)), "place": f"{page * 500 + at}号"} for at in range(500)
        ]
        after = str(page + 1) if page + 1 < pages else None
        body = json.dumps({"items": items, "next_cursor": after, "total": 500 * pages})
        route.fulfill(status=200, headers={"X-Request-ID": "1", "Content-Type": "application/json"}, body=body)

    with chromium.context(**DESK) as context:
        board = Board(context, office.address).open()
        board.page.route("**/api/v1/hazards?*counted_as=waiting*", answer)
        board.sign_in("officer").wait_until_read()
        rows = board.page.locator(".of-reported [role=option]")
        for _ in range(pages + 5):
            board.press("G")
            board.page.wait_for_timeout(50)
            if board.page.locator("[aria-posinset='10000']").count():
                break
            board.page.wait_for_selector(".more", state="detached")
        board.page.wait_for_selector("[aria-posinset='10000']:focus")
        assert rows.count() < 40
        assert board.page.locator("[aria-posinset='10000'] .where").inner_text().startswith("9999号")
        board.press("g")
        board.page.wait_for_selector("[aria-posinset='1']:focus")
        assert not board.errors
