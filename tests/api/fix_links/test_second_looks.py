"""Proves the second look: a re-check from the device or network of the fix counts, and is drawn for another."""

import hashlib
import re
import sqlite3
import uuid
from contextlib import closing
from datetime import timedelta

import httpx

from api.process.scheduler import run_expiry_cleanup
from inspections.remediation.fix_origins import FixOrigin
from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import MONDAY, PASSWORD, body, on_both
from tests.builders.fix_links import send_fix
from tests.builders.process import NO_TLS, Process
from tests.builders.shops import SHOP
from tests.builders.waiting import PATIENCE

AFTER = draw_sample_photo("after the fix", "EV-03", MONDAY)
OWN = "https://anxun.example"


def path_of(link):
    return re.sub(r"^https?://[^/]+", "", link.json()["addresses"]["url"])


def history(api, hazard):
    return api.get("officer", f"/hazards/{hazard['id']}/history").json()["items"]


@on_both
def test_an_officer_who_sends_the_party_s_fix_from_their_own_browser_is_flagged(api):
    api.client.base_url = OWN
    hazard = api.assign_report(responsible_party=SHOP)
    link = path_of(api.post("officer", f"/hazards/{hazard['id']}/links", {"id": str(uuid.uuid4())}))
    sign_in = {"username": "officer", "password": PASSWORD, "page": True}
    assert api.client.post("/api/v1/auth/login", json=sign_in, headers={"Origin": OWN}).status_code == 200
    sent = send_fix(api.client, link, AFTER, headers={"Origin": OWN})
    assert sent.status_code == 200, sent.text
    waiting = api.get("officer", f"/hazards/{hazard['id']}").json()
    drawn = api.take_step("officer", waiting, "recheck", result="pass", note="已整改")
    assert (drawn["state"], drawn["outcome"]) == ("pending_recheck", None)
    assert (drawn["recheck_flag"]["kinds"], drawn["recheck_flag"]["by"]) == (["same_device"], "officer")
    assert "复查人的账号" in drawn["recheck_flag"]["words"]
    passed, line = history(api, hazard)[-2:]
    assert (passed["step"], passed["by"], passed["state"]) == ("recheck.pass", "officer", "closed")
    assert (line["step"], line["by"], line["facts"]["flags"]) == ("draw", "system", ["same_device"])
    assert "抽中再次复查" in line["facts"]["reason"]
    assert api.get("analyst", f"/hazards/{hazard['id']}").json()["recheck_flag"] is None
    flagged = api.get("supervisor", "/hazards", params={"flagged": "true"}).json()["items"]
    assert [each["id"] for each in flagged] == [hazard["id"]]
    closed = api.take_step("inspector", drawn, "recheck", result="pass", note="再次复查属实")
    assert (closed["state"], closed["recheck_flag"]) == ("closed", drawn["recheck_flag"])


@on_both
def test_the_origin_of_a_fix_is_kept_for_thirty_days(api):
    hazard = api.assign_report(responsible_party=SHOP)
    link = path_of(api.post("officer", f"/hazards/{hazard['id']}/links", {"id": str(uuid.uuid4())}))
    assert send_fix(api.client, link, AFTER).status_code == 200
    database, call = api.client.app.state.context.database, api.client.blocking_portal.call

    def is_kept(repository):
        return repository.get(FixOrigin, uuid.UUID(hazard["id"])) is not None

    kept = []
    for days in (30, 31):
        call(run_expiry_cleanup, database, MONDAY + timedelta(days=days))
        kept.append(call(database.read, is_kept))
    assert kept == [True, False]


@on_both
def test_a_repeated_pass_gets_the_hazard_as_it_is_after_the_draw(api):
    api.client.base_url = OWN
    hazard = api.assign_report(responsible_party=SHOP)
    link = path_of(api.post("officer", f"/hazards/{hazard['id']}/links", {"id": str(uuid.uuid4())}))
    sign_in = {"username": "officer", "password": PASSWORD, "page": True}
    api.client.post("/api/v1/auth/login", json=sign_in, headers={"Origin": OWN})
    send_fix(api.client, link, AFTER, headers={"Origin": OWN})
    version = api.get("officer", f"/hazards/{hazard['id']}").json()["version"]
    passing = {"id": str(uuid.uuid4()), "step": "recheck", "version": version, "result": "pass", "note": "已整改"}
    answers = [api.post("officer", f"/hazards/{hazard['id']}/steps", passing) for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 200]
    first, repeated = ({**each.json(), "photos": []} for each in answers)  # photos are processed meanwhile
    assert first == repeated
    batch = {"items": [{"hazard": hazard["id"], "step": {**passing, "id": str(uuid.uuid4()), "version": version + 2}}]}
    (item,) = api.post("officer", "/hazards/steps", batch).json()["items"]
    assert (item["status"], item["hazard"]["state"]) == (200, "closed")


def test_the_network_of_the_fix_and_of_the_re_check_are_compared_behind_a_proxy(tmp_path):
    process = Process(tmp_path / "data", ANXUN_TRUSTED_PROXIES="127.0.0.1").start()
    clients = {name: process.client(name) for name in ("inspector", "officer")}

    def step(who, hazard, name, address=None, **facts):
        sent = {"id": str(uuid.uuid4()), "step": name, "version": hazard["version"], **facts}
        headers = {"X-Forwarded-For": address} if address else {}
        answer = clients[who].post(f"/hazards/{hazard['id']}/steps", json=sent, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fixed_by_link(address):
        before = draw_sample_photo(str(uuid.uuid4()), "EB-01", MONDAY)
        digest = hashlib.sha256(before).hexdigest()
        assert clients["inspector"].put(f"/photos/{digest}", content=before).status_code == 201
        sent = body(responsible_party=SHOP, photos=[{"sha256": digest, "stage": "before"}])
        hazard = clients["inspector"].post("/hazards", json=sent).json()["hazard"]
        hazard = step("officer", step("officer", hazard, "accept"), "assign", lead="handler")
        link = clients["officer"].post(f"/hazards/{hazard['id']}/links", json={"id": str(uuid.uuid4())})
        seen = {"X-Forwarded-For": address} if address else {}
        with httpx.Client(base_url=process.address, headers=seen, verify=NO_TLS, timeout=PATIENCE) as party:
            assert send_fix(party, path_of(link), AFTER).status_code == 200
        return clients["officer"].get(f"/hazards/{hazard['id']}").json()

    passing = {"result": "pass", "note": "已整改"}
    try:
        cases = [
            ("203.0.113.7", "203.0.113.7", ["same_network"]),
            ("203.0.113.7", "198.51.100.9", None),
            ("2400:3200:1:2::7", "2400:3200:1:2:a:b:c:d", ["same_network"]),
            ("2400:3200:1:2::7", "2400:3200:1:3::7", None),
            (None, None, None),  # a proxy that names nobody
        ]
        for fix, recheck, kinds in cases:
            done = step("officer", fixed_by_link(fix), "recheck", recheck, **passing)
            assert (done["recheck_flag"] or {}).get("kinds") == kinds, (fix, recheck)
            assert done["state"] == ("pending_recheck" if kinds else "closed")
            if kinds:  # also from the same network, as in an office with one connection
                assert step("inspector", done, "recheck", recheck, **passing)["state"] == "closed"
        fixed_by_link("203.0.113.7")
        with closing(sqlite3.connect(tmp_path / "data" / "anxun.db")) as database:
            (kept,) = database.execute("select network, account from fix_origins").fetchall()
        assert re.fullmatch("[0-9a-f]{64}", kept[0])  # a digest of the network, and of nobody signed in
        assert kept[1] is None
    finally:
        for each in clients.values():
            each.close()
        process.stop()
