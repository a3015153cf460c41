"""Proves the fix link: an officer prints a code, a shop without an account sends the fix, the officer rechecks."""

import asyncio
import base64
import hashlib
import random
import re
import uuid
from datetime import UTC, datetime
from functools import partial
from io import BytesIO

import pytest
from PIL import Image
from structlog.testing import capture_logs

from api.http.pages import format_shanghai_time
from api.settings import BadSettings, load_settings
from inspections.accounts.throttling import PER_LINK, WINDOW
from inspections.fix_links.actions.party_links import evaluate_by_link, submit_fix_by_link
from inspections.fix_links.links import MAX_SUBMISSIONS
from inspections.photos.records import PhotoDeclaration, Stage
from inspections.remediation.steps import Evaluate, SubmitFix
from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import MONDAY, on_both, problem
from tests.builders.shops import SHOP
from tests.builders.waiting import poll_until

AFTER = draw_sample_photo("after the fix", "EV-03", MONDAY)
JSON = {"Accept": "application/json"}
TUS = {"Tus-Resumable": "1.0.0"}
OCTETS = {**TUS, "Content-Type": "application/offset+octet-stream"}


class Party:
    """A party that holds the URL of a fix link."""

    def __init__(self, api, hazard, **facts):
        self.api, self.hazard = api, hazard
        made = api.post("officer", f"/hazards/{hazard['id']}/links", {"id": str(uuid.uuid4()), **facts})
        assert made.status_code == 201, made.text
        self.link, self.addresses = made.json()["link"], made.json()["addresses"]
        self.path = "/f/" + self.addresses["url"].rpartition("/")[2]

    def call(self, method, more="", **options):
        return self.api.call(None, method, self.path + more, root=True, **options)

    def page(self):
        answer = self.call("GET")
        assert answer.status_code == 200, answer.text
        return answer.text

    def notice(self):
        return self.call("GET", headers=JSON).json()

    def hidden_field(self, name):
        return re.search(rf'name="{name}"[^>]* value="([^"]*)"', self.page()).group(1)

    def upload(self, data=AFTER, cuts=()):
        """Upload by tus in pieces that end at `cuts`; return the digest, or the answer that refuses it."""
        begun = self.call("POST", "/uploads", headers={**TUS, "Upload-Length": str(len(data))})
        assert begun.status_code == 201, begun.text
        where = begun.headers["location"].removeprefix(self.path)
        answer = begun
        for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
            headers = {**OCTETS, "Upload-Offset": str(start)}
            answer = self.call("PATCH", where, headers=headers, content=data[start:end])
            if answer.status_code != 204:
                return answer
        assert_private(answer)
        return answer.headers["anxun-photo"]

    def step(self, *digests, **facts):
        fields = {
            "id": str(uuid.uuid4()),
            "step": "submit_fix",
            "version": self.notice().get("version", 1),
            "method": "清理",
            "quantity_done": 1,
            "photos": [{"sha256": digest, "stage": "after"} for digest in digests],
            **facts,
        }
        return self.call("POST", "/steps", json=fields)

    def form(self, *photos, **fields):
        fields = {"method": "搬走电动车", "quantity_done": "1", "note": "", "outcome": "removed", **fields}
        fields = {
            "id": fields.pop("id", None) or self.hidden_field("id"),
            "version": fields.pop("version", None) or self.hidden_field("version"),
            **fields,
        }
        files = [("photo", ("image.jpg", data, "image/jpeg")) for data in photos or (b"",)]
        return self.call("POST", data=fields, files=files)

    def listed_link(self):
        (found,) = self.api.get("officer", f"/hazards/{self.hazard['id']}/links").json()["items"]
        return found


def assert_private(answer):
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "noindex" in answer.headers["x-robots-tag"]


def assert_refused(answer, status, words):
    """Check that the page says why, and nothing of the case."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert_private(answer)
    assert words in answer.text
    assert not re.search(r"XJ-\d|3幢|楼梯间|小王", answer.text)


@pytest.fixture
def hazard(api):
    return api.assign_report(responsible_party=SHOP)


@pytest.fixture
def party(api, hazard):
    return Party(api, hazard)


@on_both
def test_a_fix_sent_through_a_link_leads_to_a_closed_hazard(api, hazard):
    party = Party(api, hazard, measures="搬走电动车")
    assert "搬走电动车" in party.page()
    digest = party.upload(cuts=(100, 5000))
    answer = party.step(digest, outcome="removed", note="已搬到集中充电点")
    assert answer.status_code == 200, answer.text
    assert answer.json()["number"] == hazard["number"]
    seen = api.get("officer", f"/hazards/{hazard['id']}").json()
    assert (seen["state"], seen["fixed_by"], seen["missing_photos"]) == ("pending_recheck", "小王早餐店", [])
    assert api.get("officer", f"/photos/{digest}").content == AFTER
    closed = api.take_step("officer", seen, "recheck", result="pass", note="已整改")
    assert (closed["state"], closed["outcome"]) == ("closed", "fixed")
    lines = api.get("officer", f"/hazards/{hazard['id']}/history").json()["items"]
    made, fixed = lines[-3:-1]
    assert (made["step"], made["by"], made["facts"]["measures"]) == ("make_link", "officer", "搬走电动车")
    assert (fixed["step"], fixed["by"]) == ("submit_fix", f"link:{uuid.UUID(party.link['id']).hex}")
    assert fixed["facts"]["on_behalf_of"] == "小王早餐店"
    used = party.listed_link()
    assert (used["opened"], used["sent"], bool(used["used_at"])) == (2, 2, True)
    problem(party.step(digest), 410, "link.used")


@on_both
def test_a_plain_form_works_without_a_script(api, party, hazard):
    answer = party.form(AFTER, note="已搬走")
    assert answer.status_code == 200
    assert "街道工作人员将进行复查" in answer.text
    seen = api.get("officer", f"/hazards/{hazard['id']}").json()
    assert (seen["state"], seen["fix_method"], seen["fix_outcome"]) == ("pending_recheck", "搬走电动车", "removed")
    assert [photo["stage"] for photo in seen["photos"]] == ["before", "after"]
    assert "待街道复查" in party.page()


def test_the_page_is_small_and_self_contained(party):
    answer = party.call("GET")
    assert len(answer.content) < 30_000
    assert_private(answer)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy
    for tag in ("style", "script"):
        text = re.search(rf"<{tag}>(.*?)</{tag}>", answer.text, re.DOTALL).group(1)
        assert f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in policy
    addresses = re.findall(r'(?:src|href|action)="([^"]*)"', answer.text)
    assert len(addresses) == 4
    assert all(each == "data:," or f"{each}/".startswith(f"{party.path}/") for each in addresses)
    assert 'type="module"' not in answer.text
    assert not re.search(
        r"\?\.|\?\?|=>|`|async ", re.search(r"<script>(.*?)</script>", answer.text, re.DOTALL).group(1)
    )


def test_the_page_shows_the_notice_and_nothing_else(api, party, hazard):
    notice = party.notice()
    assert set(notice) == {
        *("number", "community", "place", "category", "description", "quantity", "quantity_done", "unit", "measures"),
        *("due_at", "overdue", "expires_at", "version", "waiting", "photos"),
    }
    assert (notice["number"], notice["place"], notice["overdue"]) == (hazard["number"], "3幢2单元", False)
    page = party.page()
    assert "2026年11月24日 09:00" in page  # 24 hours for a blocked staircase, as Shanghai's clock says
    for secret in ("inspector", "officer", "handler", "13800000000", hazard["id"], party.link["id"]):
        assert secret not in page
    api.clock.advance(days=2)
    assert party.notice()["overdue"]
    assert "已逾期" in party.page()


def test_only_the_notice_s_photos_are_served_without_metadata(api, party, hazard):
    (photo,) = party.notice()["photos"]
    for name, longest in (("small", 320), ("large", 1280)):
        answer = party.call("GET", f"/{photo[name]}")
        assert answer.headers["content-type"] == "image/jpeg"
        assert_private(answer)
        picture = Image.open(BytesIO(answer.content))
        assert max(picture.size) <= longest
        assert not picture.getexif()
    other = api.report("inspector")
    foreign = other["photos"][0]["sha256"]
    mine = api.photo("handler")
    api.take_step("handler", hazard, "attach", photos=[{"sha256": mine, "stage": "after"}])
    for digest in (foreign, mine, "0" * 64, "x"):
        assert party.call("GET", f"/photos/{digest}/320").status_code == 404
    own = hazard["photos"][0]["sha256"]
    assert party.call("GET", f"/photos/{own}/original").status_code == 404


def test_a_digest_alone_does_not_count_as_a_sent_photo(api, party, hazard):
    foreign = api.report("inspector")["photos"][0]["sha256"]
    for digest in (foreign, hazard["photos"][0]["sha256"]):
        problem(party.step(digest), 409, "photo.missing")
        assert "尚有照片未上传完成" in party.form(sha256=digest).text
    assert api.get("officer", f"/hazards/{hazard['id']}").json()["state"] == "assigned"


def test_a_party_does_not_learn_that_others_sent_the_same_photo(api, party):
    """The answers are those for an unknown photo, and the fix with the reused photo is flagged."""
    known = draw_sample_photo("seen before", "EB-01", MONDAY)
    api.report("inspector", photos=[{"sha256": api.photo("inspector", known), "stage": "before"}])
    assert party.upload(known) == hashlib.sha256(known).hexdigest()
    assert party.step(hashlib.sha256(known).hexdigest()).status_code == 200
    flags = poll_until(lambda: api.get("officer", f"/hazards/{party.hazard['id']}").json()["photos"][-1]["flags"])
    assert [flag["kind"] for flag in flags] == ["reused"]


# progress and evaluation ----------------------------------------------------------------------------------------


def close_by(api, party):
    """Closes the case by a fix that the party sends; returns the hazard."""
    assert party.step(party.upload()).status_code == 200
    seen = api.get("officer", f"/hazards/{party.hazard['id']}").json()
    return api.take_step("officer", seen, "recheck", result="pass", note="已整改")


def evaluate(party, **facts):
    fields = {"id": str(uuid.uuid4()), "step": "evaluate", "version": party.notice()["version"], "score": 5}
    return party.call("POST", "/steps", json={**fields, **facts})


@on_both
def test_a_used_link_shows_the_state_and_takes_one_evaluation(api, hazard):
    party = Party(api, hazard)
    problem(evaluate(party), 409, "hazard.state")
    closed = close_by(api, party)
    assert set(party.notice()) == {
        *("number", "state", "progress", "hint", "submitted_at", "closed_at", "expires_at", "version"),
        *("may_evaluate", "evaluated"),
    }
    assert (party.notice()["progress"], party.notice()["may_evaluate"]) == ("已办结（已整改）", True)
    sent = {"id": str(uuid.uuid4()), "version": closed["version"], "score": 4, "words": "及\u200b时"}
    answers = [evaluate(party, **sent) for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 200]
    assert (
        answers[0].json() == answers[1].json() == {"number": hazard["number"], "score": 4, "thanks": "感谢您的评价。"}
    )
    assert_private(answers[0])
    problem(evaluate(party, version=closed["version"] + 1), 409, "hazard.state")
    seen = api.get("officer", f"/hazards/{hazard['id']}").json()["evaluation"]
    assert (seen["score"], seen["words"], seen["by"]) == (4, "及时", f"link:{uuid.UUID(party.link['id']).hex}")
    assert (party.notice()["may_evaluate"], party.notice()["evaluated"]) == (False, True)
    for wrong in ({"score": 0}, {"score": 6}, {"score": 4.5}, {"score": None}, {"words": 1}, {"photos": []}):
        problem(evaluate(party, **wrong), 422, "step.needs")


def test_the_page_of_a_used_link_shows_nothing_of_the_place(api, party, hazard):
    close_by(api, party)
    page = party.page()
    for words in ("办理进度", hazard["number"], "已办结（已整改）", "<form"):
        assert words in page
    for secret in ("小王", "3幢", "楼梯间", "officer", hazard["id"], party.link["id"], "<script"):
        assert secret not in page
    for more in ("/qr.png", "/notice", f"/photos/{hazard['photos'][0]['sha256']}/320"):
        assert party.call("GET", more).status_code == 410


def test_the_evaluation_form_works_without_a_script(api, party, hazard):
    def send(**fields):
        known = {"id": party.hidden_field("id"), "version": party.hidden_field("version"), **fields}
        files = [(name, (None, value)) for name, value in known.items()]
        return party.call("POST", "/evaluation", files=files), known

    version = str(party.notice()["version"])
    early = party.call("POST", "/evaluation", files=[("id", (None, str(uuid.uuid4()))), ("version", (None, version)),
                                                     ("score", (None, "5"))])  # fmt: skip
    assert (early.status_code, "当前状态不能进行此操作" in early.text) == (409, True)
    close_by(api, party)
    unchosen, _ = send(words="好")
    assert (unchosen.status_code, "评分：请选择" in unchosen.text, ">好</textarea>" in unchosen.text) == (
        422,
        True,
        True,
    )
    assert send(score="9")[0].status_code == 422
    api.take_step("officer", api.get("officer", f"/hazards/{hazard['id']}").json(), "note", note="已电话回访")
    stale, _ = send(score="2", version="3")
    assert (stale.status_code, "事项刚有更新" in stale.text, 'value="2" selected' in stale.text) == (409, True, True)
    done, fields = send(score="5", words="很及时")
    assert (done.status_code, "感谢您的评价" in done.text) == (200, True)
    files = [(name, (None, value)) for name, value in fields.items()]
    assert party.call("POST", "/evaluation", files=files).text == done.text
    again = party.page()
    assert "感谢您的评价" in again
    assert "<form" not in again
    other = [("id", (None, str(uuid.uuid4()))), *files[1:]]
    assert party.call("POST", "/evaluation", files=other).status_code == 409
    assert api.get("officer", f"/hazards/{hazard['id']}").json()["evaluation"]["words"] == "很及时"


@on_both
def test_only_one_of_several_evaluations_sent_at_the_same_time_is_accepted(api, hazard):
    party = Party(api, hazard)
    closed = close_by(api, party)
    digest = hashlib.sha256(party.path.rsplit("/", 1)[1].encode()).hexdigest()
    steps = [Evaluate(id=uuid.uuid4(), version=closed["version"], score=1 + at % 5) for at in range(6)]

    async def together():
        transact = api.client.app.state.context.database.transact
        tries = [transact(partial(evaluate_by_link, digest=digest, step=step, now=MONDAY)) for step in steps]
        return await asyncio.gather(*tries, return_exceptions=True)

    answers = api.client.blocking_portal.call(together)
    assert [each.code for each in answers if isinstance(each, Exception)] == ["hazard.stale"] * 5
    lines = api.get("officer", f"/hazards/{hazard['id']}/history").json()["items"]
    assert [line["step"] for line in lines].count("evaluate") == 1


@on_both
def test_evaluations_are_counted_with_their_cases(api):
    party = Party(api, api.assign_report(responsible_party=SHOP))
    close_by(api, party)
    assert evaluate(party, score=5).status_code == 200
    by_reporter = api.take_step("inspector", api.close_report(), "evaluate", score=2)
    api.close_report()
    row = api.get("analyst", "/statistics/communities").json()["total"]
    names = ("closed_then", "evaluated", "satisfied", "score_total")
    assert [row[name] for name in names] == [3, 2, 1, 7]
    assert (row["satisfaction_rate"], row["mean_score"], row["evaluation_rate"]) == (0.5, 3.5, 0.666667)
    for name, number in zip(names, (3, 2, 1, 2), strict=True):
        found = api.get("officer", "/hazards", params={"counted_as": name}).json()["items"]
        assert len(found) == number, name
    figures = {each["metric"]: each for each in api.get("analyst", "/statistics/summary").json()["items"]}
    assert "4 分及以上" in figures["satisfied"]["meaning"]
    path = figures["evaluated"]["cases"].removeprefix("/api/v1")
    assert len(api.get("officer", path).json()["items"]) == 2
    text = api.get("analyst", "/statistics/briefing").json()["text"]
    assert "期间销号的隐患收到评价2件，平均3.5分，满意（4分及以上）1件，满意率50%。" in text
    api.take_step("supervisor", by_reporter, "reopen", reason="复发", due_at="2026-12-20T09:00:00+08:00")
    row = api.get("analyst", "/statistics/communities").json()["total"]
    assert [row[name] for name in names] == [2, 1, 1, 5]


# the office -----------------------------------------------------------------------------------------------------


def test_a_retried_link_request_makes_one_link_and_shows_its_token_once(api, hazard):
    wanted = {"id": str(uuid.uuid4()), "days": 3}
    path = f"/hazards/{hazard['id']}/links"
    first, again = api.post("officer", path, wanted), api.post("officer", path, wanted)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == {"link": first.json()["link"], "addresses": None}
    assert problem(api.post("officer", path, {**wanted, "days": 4}), 409, "id.conflict")["fields"] == ["days"]
    token = first.json()["addresses"]["url"].rsplit("/", 1)[1]
    assert len(base64.urlsafe_b64decode(token + "=")) == 32
    kept = (api.folder / "anxun.db").read_bytes() + (api.folder / "anxun.db-wal").read_bytes()
    assert token.encode() not in kept
    assert hashlib.sha256(token.encode()).hexdigest().encode() in kept
    assert "url" not in api.get("officer", path).json()["items"][0]


def test_only_an_officer_of_the_community_may_make_a_link(api, hazard, party):
    path = f"/hazards/{hazard['id']}/links"
    wanted = {"id": str(uuid.uuid4())}
    for who in ("inspector", "handler", "supervisor", "analyst", "admin"):
        problem(api.post(who, path, wanted), 403, "role.forbidden")
    problem(api.post("officer2", path, wanted), 404, "hazard.not_found")
    problem(api.post("officer2", f"{path}/{party.link['id']}/revoke", {}), 404, "hazard.not_found")
    problem(api.post("officer", f"{path}/{uuid.uuid4()}/revoke", {}), 404, "link.not_found")
    assert api.get("supervisor", path).status_code == 200
    bare = api.assign_report()
    refusal = problem(api.post("officer", f"/hazards/{bare['id']}/links", wanted), 422, "step.needs")
    assert refusal["errors"][0]["field"] == "responsible_party"
    for wrong in ({"days": 0}, {"days": 61}, {"measures": ""}, {"token": "x"}, {"id": "1"}):
        problem(api.post("officer", path, {**wanted, **wrong}), 422, "step.needs")


def test_the_code_leads_to_the_public_address(api, hazard):
    api.change_settings(public_url="https://anxun.example/aq/")
    party = Party(api, hazard)
    assert party.addresses["url"].startswith("https://anxun.example/aq/f/")
    assert party.addresses["qr_png"] == party.addresses["url"] + "/qr.png"
    assert party.addresses["warning"] is None
    png, svg = party.call("GET", "/qr.png"), party.call("GET", "/qr.svg")
    assert (png.headers["content-type"], svg.headers["content-type"]) == ("image/png", "image/svg+xml")
    assert Image.open(BytesIO(png.content)).size[0] > 200
    assert svg.content.startswith(b"<?xml")
    assert party.addresses["url"] in party.call("GET", "/notice").text


@pytest.mark.parametrize("url", ["ftp://x", "https://", "https://x/?a=1", "https://x#y", "//x"])
def test_an_invalid_public_url_is_refused(url):
    assert load_settings({"ANXUN_PUBLIC_URL": "https://x.example:8443/aq"}).public_url
    with pytest.raises(BadSettings):
        load_settings({"ANXUN_PUBLIC_URL": url})


def test_the_printed_notice_shows_the_code_and_no_phone_number(api, hazard):
    api.change_settings(public_url="https://anxun.example")
    party = Party(api, hazard)
    answer = party.call("GET", "/notice")
    assert_private(answer)
    for words in ("整改告知单", hazard["number"], "小王早餐店", "新嘉街道", "<svg", "viewBox", party.addresses["url"]):
        assert words in answer.text
    assert "13800000000" not in answer.text


# refusals -------------------------------------------------------------------------------------------------------


def test_guessed_expired_revoked_and_ended_links_are_refused(api, hazard):
    party = Party(api, hazard)
    guessed = [api.call(None, "GET", f"/f/{token}", root=True) for token in ("x", "A" * 43, "%00", "a" * 3000, "é")]
    for answer in guessed:
        assert_refused(answer, 404, "没有这个链接")
    assert len({answer.text for answer in guessed}) == 1
    problem(api.call(None, "GET", "/f/x", root=True, headers=JSON), 404, "link.not_found")
    problem(api.call(None, "POST", "/f/x/uploads", root=True, headers=TUS), 404, "link.not_found")
    short = Party(api, hazard, days=1)
    assert api.post("officer", f"/hazards/{hazard['id']}/links/{party.link['id']}/revoke", {}).json()["revoked_at"]
    assert_refused(party.call("GET"), 410, "已作废")
    other = api.assign_report(responsible_party=SHOP)
    last = Party(api, other)
    api.take_step("supervisor", other, "cancel", reason="误建")
    assert_refused(last.call("GET"), 410, "已经办结")
    problem(last.step("0" * 64), 410, "link.ended")
    api.clock.advance(days=1)
    assert_refused(short.call("GET"), 410, "已过期")
    for more in ("/qr.png", "/notice", f"/photos/{hazard['photos'][0]['sha256']}/320"):
        assert_refused(short.call("GET", more), 410, "已过期")
    problem(short.call("GET", headers=JSON), 410, "link.expired")
    problem(short.call("POST", "/uploads", headers={**TUS, "Upload-Length": "9"}), 410, "link.expired")


@on_both
def test_only_one_of_several_fixes_sent_at_the_same_time_is_accepted(api, hazard):
    """One fix is accepted; the others get the answer that the link is used."""
    party = Party(api, hazard)
    photos = (PhotoDeclaration(party.upload(), Stage.AFTER),)
    fields = {"version": party.notice()["version"], "quantity_done": 1, "photos": photos}
    steps = [SubmitFix(id=uuid.uuid4(), method=f"办法{at}", **fields) for at in range(6)]
    digest = hashlib.sha256(party.path.rsplit("/", 1)[1].encode()).hexdigest()

    async def together():
        transact = api.client.app.state.context.database.transact
        tries = [transact(partial(submit_fix_by_link, digest=digest, step=step, now=MONDAY)) for step in steps]
        return await asyncio.gather(*tries, return_exceptions=True)

    answers = api.client.blocking_portal.call(together)
    assert [each.code for each in answers if isinstance(each, Exception)] == ["link.used"] * 5
    lines = api.get("officer", f"/hazards/{hazard['id']}/history").json()["items"]
    assert [line["step"] for line in lines].count("submit_fix") == 1


def test_the_same_post_again_gets_the_same_answer(party):
    known, version = party.hidden_field("id"), party.hidden_field("version")
    first = party.form(AFTER, id=known)
    again = party.call(
        "POST",
        data={"id": known, "version": version, "method": "搬走电动车", "quantity_done": "1", "outcome": "removed"},
        files=[("photo", ("image.jpg", AFTER, "image/jpeg"))],
    )
    assert (again.status_code, again.text) == (200, first.text)
    other = party.call("POST", data={"id": str(uuid.uuid4()), "version": version, "method": "x", "quantity_done": "1"},
                       files=[("photo", ("i.jpg", AFTER, "image/jpeg"))])  # fmt: skip
    assert_refused(other, 410, "不能再次使用")


def test_words_of_the_office_are_no_markup_on_the_page_and_on_paper(api):
    hostile = '"><script>alert(1)</script><a href="javascript:x">{{ 7*7 }}'
    shop = {"kind": "merchant", "name": hostile}
    found = api.assign_report(responsible_party=shop, place=hostile, description=hostile)
    holder = Party(api, found, measures=hostile)
    for shown in (holder.page(), holder.call("GET", "/notice").text):
        assert "<script>alert" not in shown
        assert 'href="javascript:' not in shown
        assert "{{ 7*7 }}" in shown
        assert "&lt;script&gt;alert(1)" in shown


def test_an_invalid_form_is_shown_again_as_it_was_filled_in(api, party, hazard):
    hostile = "<script>alert(1)</script>'; drop table hazards; --"
    answer = party.form(note=hostile)
    assert answer.status_code == 422
    assert "整改后照片：请附整改后照片" in answer.text
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
    assert "搬走电动车" in answer.text
    broken = party.form(AFTER[: len(AFTER) // 2])
    assert broken.status_code == 422
    assert "照片文件不完整" in broken.text
    assert party.form(b"<svg xmlns='http://www.w3.org/2000/svg'/>").status_code == 415
    wrong = party.form(AFTER, quantity_done="7")
    assert wrong.status_code == 422
    digest = hashlib.sha256(AFTER).hexdigest()
    assert f'value="{digest}"' in wrong.text  # the photo has arrived and need not be sent again
    assert party.form(quantity_done="x").status_code == 422
    assert party.form(sha256="../../x").status_code == 422
    assert party.form(surprise="x").status_code == 422
    api.take_step("officer", hazard, "note", note="电话催办")
    stale = party.form(AFTER, version="3")
    assert stale.status_code == 409
    assert "刚有更新" in stale.text
    done = party.form(sha256=digest, note=hostile)
    assert done.status_code == 200
    line = api.get("officer", f"/hazards/{hazard['id']}/history").json()["items"][-1]
    assert line["facts"]["note"] == hostile


def test_every_photo_of_a_form_counts(party):
    pictures = [draw_sample_photo(f"part {at}", "EV-03", MONDAY) for at in range(3)]
    assert party.form(*pictures, quantity_done="7").status_code == 422
    assert party.listed_link()["sent"] == 3
    digests = ",".join(hashlib.sha256(str(at).encode()).hexdigest() for at in range(31))
    assert party.form(sha256=digests).status_code == 422


FORM = (
    b'--x\r\nContent-Disposition: form-data; name="id"\r\n\r\n01900000-0000-7000-8000-000000000000\r\n'
    b'--x\r\nContent-Disposition: form-data; name="version"\r\n\r\n3\r\n'
    b'--x\r\nContent-Disposition: form-data; name="method"\r\n\r\n\xe6\xb8\x85\xe7\x90\x86\r\n'
    b'--x\r\nContent-Disposition: form-data; name="quantity_done"\r\n\r\n1\r\n'
    b'--x\r\nContent-Disposition: form-data; name="sha256"\r\n\r\n' + b"0" * 64 + b"\r\n--x--\r\n"
)


def test_a_form_with_changed_bytes_is_refused(api, party):
    """Each change gets a 4xx; no fix is accepted, since the photo it names was never sent."""
    chance = random.Random(7)  # noqa: S311
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    for _ in range(50):
        changed = bytearray(FORM)
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(len(changed))] = chance.choice(b'\x00\xff\r\n-;="ax9')
        status = party.call("POST", content=bytes(changed), headers=kind).status_code
        assert status in {400, 409, 413, 422}, bytes(changed)
    assert api.get("officer", f"/hazards/{party.hazard['id']}").json()["state"] == "assigned"


def test_bytes_that_are_not_a_form_are_refused(party):
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    text = b'--x\r\nContent-Disposition: form-data; name="note"\r\n\r\n\xff\xfe\r\n--x--\r\n'
    assert party.call("POST", content=text, headers=kind).status_code == 400
    assert party.call("POST", content=b"--x", headers=kind).status_code == 400
    assert party.call("POST", content=b"a=b").status_code == 400
    problem(party.call("POST", "/steps", content=b"{"), 400, "body.unparsable")
    problem(party.step("0" * 64, step="recheck"), 422, "step.needs")
    problem(party.step("0" * 64, on_behalf_of="别人"), 422, "step.needs")


def test_a_photo_that_is_too_large_is_refused(party):
    answer = party.call("POST", "/uploads", headers={**TUS, "Upload-Length": "20000001"})
    problem(answer, 413, "photo.too_large")
    assert_private(answer)
    assert party.form(b"x" * 20_000_001).status_code == 413


def test_a_broken_picture_is_refused_at_its_end(party):
    problem(party.upload(AFTER[:-100]), 422, "photo.damaged")


def test_an_upload_belongs_to_its_own_link_only(api, party, hazard):
    begun = party.call("POST", "/uploads", headers={**TUS, "Upload-Length": str(len(AFTER))})
    where = begun.headers["location"].removeprefix(party.path)
    assert party.call("HEAD", where, headers=TUS).headers["upload-offset"] == "0"
    other = Party(api, hazard)
    assert other.call("HEAD", where, headers=TUS).status_code == 404
    assert api.call("handler", "HEAD", where, headers=TUS).status_code == 404


@pytest.mark.parametrize(
    ("who", "step", "facts", "words"),
    [
        (
            "supervisor",
            "suspend",
            {"reason": "停工", "measures": "断电", "review_at": "2026-12-01T09:00:00+08:00"},
            "暂缓",
        ),
        ("handler", "return", {"reason": "不是本店"}, "正在派单"),
        ("supervisor", "transfer", {"to": "消防", "reason": "职责"}, "移交"),
    ],
)
def test_the_page_explains_that_the_hazard_has_moved_on(api, party, hazard, who, step, facts, words):
    digest = party.upload()
    api.take_step(who, hazard, step, **facts)
    page = party.page()
    assert words in page
    assert "<form" not in page
    problem(party.step(digest), 409, "hazard.state")
    late = party.form(id=str(uuid.uuid4()), version=str(party.notice()["version"]), sha256=digest)
    assert late.status_code == 409
    assert words in late.text


def test_query_parameters_that_messengers_add_are_ignored(party):
    assert party.call("GET", "?from=singlemessage&isappinstalled=0").status_code == 200


# rate limits ----------------------------------------------------------------------------------------------------


@on_both
def test_requests_to_one_link_are_rate_limited(api, hazard):
    party = Party(api, hazard)
    for _ in range(PER_LINK):
        assert party.call("GET", headers=JSON).status_code == 200
    answer = party.call("GET")
    assert_refused(answer, 429, "过于频繁")
    assert 0 < int(answer.headers["retry-after"]) <= WINDOW.total_seconds() + 1
    (photo,) = Party(api, hazard).notice()["photos"]
    assert party.call("GET", f"/{photo['small']}").status_code == 200
    api.clock.now += WINDOW
    assert party.call("GET").status_code == 200


def test_the_uploads_of_one_link_are_limited(party):
    for _ in range(MAX_SUBMISSIONS):
        assert party.call("POST", "/uploads", headers={**TUS, "Upload-Length": "9"}).status_code == 201
    problem(party.call("POST", "/uploads", headers={**TUS, "Upload-Length": "9"}), 429, "requests.too_many")


def test_a_token_is_never_logged(party, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("a fault")

    monkeypatch.setattr("api.fix_links.party_routes.load_party_case", fails)
    with capture_logs() as logs:
        assert party.call("GET").status_code == 500
    assert logs[0]["path"] == "/f/…"
    assert party.path.rsplit("/", 1)[1] not in repr(logs)


def test_times_are_written_as_people_say_them():
    assert format_shanghai_time(datetime(2026, 11, 24, 16, 0, tzinfo=UTC)) == "2026年11月24日24时"
    assert format_shanghai_time(datetime(2026, 11, 24, 16, 1, tzinfo=UTC)) == "2026年11月25日 00:01"
