"""Proves that English clients get English titles and messages, and everybody else Chinese ones."""

import ast
import asyncio
import re
import uuid
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.request_limits import limit_requests
from api.messages.english import ENGLISH
from api.messages.languages import Language, find_english, preferred_language
from api.settings import Settings
from tests.builders.api import body

ROOT = Path(__file__).parents[3]
HAN = re.compile("[\u4e00-\u9fff]")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "zh-CN"),
        ("", "zh-CN"),
        ("en", "en"),
        ("EN-us", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("zh", "zh-CN"),
        ("zh-Hans-CN, en;q=0.8", "zh-CN"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("en;q=0.8, zh;q=0.9", "zh-CN"),
        ("en;q=0.801 , zh;Q=0.8", "en"),
        ("fr, en;q=0.1", "en"),
        ("fr, de;q=0.5", "zh-CN"),
        ("*", "zh-CN"),
        ("*, en;q=0.5", "zh-CN"),
        ("*;q=0.5, en", "en"),
        ("*;q=0.5, zh;q=0", "en"),
        ("en, *", "en"),
        ("en, zh", "en"),
        ("zh, en", "zh-CN"),
        ("en;q=0", "zh-CN"),
        ("en;q=0, zh;q=0", "zh-CN"),
        ("en;q=2", "zh-CN"),
        ("en;q=0.1234", "zh-CN"),
        ("en;q=, ,;;,en-", "zh-CN"),
        ("english-speaking", "zh-CN"),
        ("zh;q=0.5\t,\ten", "en"),
    ],
)
def test_the_preferred_language_follows_the_q_values(header, language):
    assert preferred_language([] if header is None else [header]) == language


def test_a_header_in_several_lines_is_one_list():
    assert preferred_language(["zh;q=0.5", "en"]) is Language.ENGLISH


@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_any_header_is_answered_in_one_of_the_languages(header):
    assert preferred_language([header]) in Language


def ask(api, language, method="POST", path="/hazards", sent=None, **headers):
    if language:
        headers["Accept-Language"] = language
    return api.call("inspector", method, path, json={} if sent is None else sent, headers=headers)


def test_an_english_client_reads_every_message_in_english(api):
    answer = ask(api, "en-US,en;q=0.9", sent=body(quantity=0, surprise=1))
    assert answer.json() == {
        "request_id": answer.headers["x-request-id"],
        "type": "urn:anxun:problem:step.needs",
        "title": "The request does not meet the requirements",
        "status": 422,
        "code": "step.needs",
        "detail": "Must not be less than 1; There is no such field",
        "errors": [
            {"field": "quantity", "message": "Must not be less than 1"},
            {"field": "surprise", "message": "There is no such field"},
        ],
    }
    assert answer.headers["content-language"] == "en"
    assert answer.headers["vary"] == "Accept-Language"


def test_code_and_facts_are_the_same_in_both_languages(api):
    chinese, english = (ask(api, language, sent=body(quantity=0)) for language in ("zh", "en"))
    assert (chinese.headers["content-language"], english.headers["content-language"]) == ("zh-CN", "en")
    assert HAN.search(chinese.json()["title"])
    assert not HAN.search(english.text)
    shared = ("type", "status", "code")
    assert [chinese.json()[name] for name in shared] == [english.json()[name] for name in shared]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/nothing", {}, 404),
        ("DELETE", "/hazards", {}, 405),
        ("BREW", "/hazards", {}, 405),
        ("GET", "/hazards?limit=ten&colour=red", {}, 422),
        ("GET", "/hazards?limit=ten", {}, 422),
        ("GET", "/hazards/01900000-0000-7000-8000-000000000000", {}, 404),
        ("POST", "/people", {}, 403),
        ("GET", "/hazards", {"Authorization": "Bearer x"}, 401),
        ("POST", "/uploads", {"Tus-Resumable": "0.2"}, 412),
        ("POST", "/uploads", {"Tus-Resumable": "1.0.0"}, 400),
    ],
)
def test_every_kind_of_problem_is_translated(api, method, path, headers, status):
    answer = api.client.request(
        method,
        f"/api/v1{path}",
        headers={"Authorization": f"Bearer {api.tokens['inspector']}", "Accept-Language": "en", **headers},
    )
    assert answer.status_code == status, answer.text
    assert answer.headers["content-language"] == "en"
    assert "Accept-Language" in answer.headers["vary"]
    assert answer.json()["title"]
    assert not HAN.search(answer.text)


def test_what_is_refused_before_the_application_is_translated(api):
    async def get():
        transport = httpx.ASGITransport(limit_requests(api.client.app, Settings(), lambda _: b""))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get("/x" * 1100, headers={"Accept-Language": "en"})

    answer = asyncio.run(get())
    assert (answer.status_code, answer.json()["title"]) == (414, "The request target is too long")
    assert (answer.headers["content-language"], answer.headers["vary"]) == ("en", "Accept-Language")


def test_an_item_of_a_batch_has_its_problem_in_the_same_language(api):
    batch = {"items": [{"hazard": str(uuid.uuid4()), "step": {"step": "fly"}}]}
    answer = api.call("officer", "POST", "/hazards/steps", json=batch, headers={"Accept-Language": "en"})
    (item,) = answer.json()["items"]
    ((field, message),) = [each.values() for each in item["problem"]["errors"]]
    assert (field, message[:45]) == ("step.step", "Not one of the allowed values: accept, reject")


def test_a_link_that_does_not_exist_is_told_in_the_language_of_a_program(api):
    headers = {"Accept": "application/json", "Accept-Language": "en"}
    answer = api.call(None, "GET", "/f/" + "A" * 43, root=True, headers=headers)
    assert (answer.status_code, answer.json()["title"]) == (404, "Not found")


def test_a_fault_is_told_in_english_too(api, monkeypatch):
    monkeypatch.setattr(api.client.app.state.context.database, "read", None)
    answer = api.call("officer", "GET", "/hazards", headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.json()["title"]) == (500, "Internal error")
    assert not HAN.search(answer.text)
    assert answer.headers["content-language"] == "en"


# the table ----------------------------------------------------------------------------------------------------------

NO_MESSAGES = {
    "api/commands", "api/demo", "api/messages/english.py", "api/http/documents", "api/http/pages.py",
    "api/accounts/sign_in/totp.py", "api/notices/channels.py", "api/notices/robots.py",
    "api/monitoring/alert_metrics.py", "api/statistics/briefings.py", "api/statistics/routes.py",
    "inspections/hazards", "inspections/fix_links/links.py", "inspections/monitoring/alert_metrics.py",
    "inspections/monitoring/vendors.py", "inspections/monitoring/message_fields.py", "inspections/notices/templates.py",
    "inspections/office/categories.py", "inspections/photos/evidence.py", "inspections/places/communities.py",
    "inspections/remediation/fix_origins.py", "inspections/statistics/briefing.py", "inspections/statistics/metrics.py",
    "inspections/text.py", "storage/ledger/rows.py", "storage/ledger/thumbnails.py",
    "storage/office/published_calendar.py",
}  # fmt: skip
"""Files whose Chinese words are data, pages, notices or reports."""
NOT_A_MESSAGE = {
    "用电监测", "次", "辆", "系统", "剩余电流", "线缆温度", "故障电弧", "电压", "电流", "离线", "识别到电动自行车",
    "预警值", "报警值", "危险值", "{} {} {}，上升过快", "{} {} {}，达到{} {} {}", "{}，已通过的复查抽中再次复查",
    "系统未设置公开网址，此链接和二维码只能在服务器本机打开。{}。", "{}。{}。", "（已删除）", "中秋节",
    "请在整改期限前消除上述隐患，拍摄整改后照片并填写整改情况。", "链接无效",
    "街道工作人员将进行复查，请保持现场整改状态。复查结果由街道告知，无需再次提交。",
    "事项刚有更新，请核对以下内容后再次提交。", "时间：{}", "地点：{} {}", "编号：{}", "上报人：{}", "{}（{}）",
    "整改责任主体", "拍摄", "上报", "表{}!", "延期{}次{}", "，原期限 {}", "是", "否", "隐患台账", "隐患台账-{}.{}",
    "# {} 行\n{}  ledger.{}\n", "感谢您的评价。", "办结后可通过本链接评价一次。", "本事项已办结，不再接受评价。",
    "请对本次办理情况作出评价，每件只能评价一次。", "评价已收到", "编号 {}。{}",
    "本链接已提交过整改情况。如需再次提交，请联系街道重新开具。",
}  # fmt: skip
"""Words of an alert, a notice, a page or an answer without a refusal."""


def has_messages(path):
    return not any(str(path).startswith(each) for each in NO_MESSAGES)


def chinese_words(tree):
    """Yields the Chinese texts of a module but descriptions and tables of modules; `{}` where a value is put in."""
    skipped = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            skipped.add(node.value)
        if isinstance(node, ast.JoinedStr):
            skipped.update(node.values)
    for node in tree.body:  # tables, such as the titles of columns, but not a single text
        if isinstance(node, ast.Assign | ast.AnnAssign) and not isinstance(node.value, ast.Constant):
            skipped.update(ast.walk(node))
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            yield "".join(each.value if isinstance(each, ast.Constant) else "{}" for each in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def all_messages():
    for room in ("inspections", "storage", "api"):
        for path in (ROOT / room).rglob("*.py"):
            if has_messages(path.relative_to(ROOT)):
                for words in chinese_words(ast.parse(path.read_text())):
                    text = re.sub(r"\A[\w{}]+：(?=.)", "", words) if re.match(r"[a-z_{}]+：", words) else words
                    if HAN.search(text) and text not in NOT_A_MESSAGE and not text.startswith("<!DOCTYPE"):
                        yield str(path.relative_to(ROOT)), text


def test_every_message_of_the_code_has_english_words():
    found = list(all_messages())
    assert len(found) > 200
    assert not [(path, text) for path, text in found if text not in ENGLISH]


def test_the_table_has_no_line_that_the_code_does_not_use():
    tables = [(ROOT / "inspections" / "calendar.py").read_text(), (ROOT / "api/messages/type_words.py").read_text()]
    used = {text for _, text in all_messages()}
    assert not [text for text in ENGLISH if text not in used and text.split("{}")[0] not in "".join(tables)]


def test_english_words_are_english_and_fill_the_same_gaps():
    for chinese, english in ENGLISH.items():
        assert HAN.search(chinese), chinese
        assert not HAN.search(english), english
        assert chinese.count("{}") == english.count("{}"), chinese


@given(st.sampled_from([text for text in ENGLISH if "{}" in text]), st.data())
def test_what_is_put_in_appears_in_the_english_words(chinese, data):
    values = [
        data.draw(st.text(st.characters(categories=("L", "N")), min_size=1, max_size=9))
        for _ in range(chinese.count("{}"))
    ]
    said = find_english(chinese.format(*values))
    assert said is not None
    assert all(find_english(value) or value in said for value in values)
