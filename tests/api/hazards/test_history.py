"""A hazard's history is chained, digested daily, exported, verified, and erased on request."""

import asyncio
import json
import uuid
from datetime import timedelta

from structlog.testing import capture_logs

from api.process.scheduler import run_history_digest
from inspections.hazards.history import ERASED_TEXT
from storage.database import open_database
from tests.builders.api import HERE, MONDAY, body, on_both, problem
from tests.builders.commands import anxun
from tests.builders.process import Process

PARTY = {"kind": "merchant", "name": "陈记小吃", "phone": "0573-8200123"}


def erasure_request(*fields, **more):
    return {"id": str(uuid.uuid4()), "fields": fields, "reason": "当事人要求删除个人信息", **more}


def history(api, hazard, who="officer"):
    return api.get(who, f"/hazards/{hazard['id']}/history").json()["items"]


def test_each_history_entry_shows_its_digest_and_the_hazard_shows_the_last_one(api):
    hazard = api.close_report()
    lines = history(api, hazard)
    assert (hazard["history_length"], hazard["history_head"]) == (len(lines), lines[-1]["digest"])
    assert len({line["digest"] for line in lines}) == len(lines)
    assert all(line["digest"].startswith("sha256:") for line in lines)
    assert "salts" not in lines[0]


@on_both
def test_an_administrator_erases_a_party_and_everybody_sees_the_erasure(api):
    photos = [{"sha256": api.photo("inspector"), "stage": "before"}]
    hazard = api.report("inspector", responsible_party=PARTY, photos=photos)
    erasure = erasure_request("responsible_party")
    path = f"/hazards/{hazard['id']}/erasures"
    problem(api.post("officer", path, erasure), 403, "role.forbidden")
    answer = api.post("admin", path, erasure)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["step"], answer.json()["by"]) == ("erase", "admin")
    again = api.post("admin", path, erasure)
    assert (again.status_code, again.json()) == (200, answer.json())
    seen = api.get("officer", f"/hazards/{hazard['id']}").json()
    assert seen["responsible_party"] == {"kind": "merchant", "name": ERASED_TEXT}
    assert seen["version"] == hazard["version"]
    first, last = history(api, hazard)
    assert first["facts"]["responsible_party"] == {"kind": "merchant", "name": None, "phone": None}
    assert first["erased"] == ["responsible_party.name", "responsible_party.phone"]
    assert last["facts"]["erased"] == [{"entry": hazard["id"], "fields": first["erased"]}]
    assert PARTY["name"] not in json.dumps(history(api, hazard), ensure_ascii=False)
    sent = {
        "id": hazard["id"],
        "community": HERE,
        "category": "EB-01",
        "description": "楼梯间给电动车充电",
        "place": "3幢2单元",
        "quantity": 1,
        "found_at": "2026-11-23T09:00:00+08:00",
        "photos": photos,
        "responsible_party": PARTY,
    }
    repeated = api.post("inspector", "/hazards", sent)
    assert (repeated.status_code, repeated.json()["hazard"]["id"]) == (200, hazard["id"])


def test_an_impossible_erasure_is_refused_with_its_reason(api):
    hazard = api.report("inspector")
    path = f"/hazards/{hazard['id']}/erasures"
    refusal = problem(api.post("admin", path, erasure_request("description", "responsible_party")), 422, "step.needs")
    assert [error["field"] for error in refusal["errors"]] == ["fields[1]"]
    problem(api.post("admin", path, erasure_request("description", entries=[str(uuid.uuid4())])), 422, "step.needs")
    problem(api.post("admin", path, erasure_request()), 422, "step.needs")
    problem(
        api.post("admin", f"/hazards/{uuid.uuid4()}/erasures", erasure_request("description")), 404, "hazard.not_found"
    )
    erasure = erasure_request("description")
    assert api.post("admin", path, erasure).status_code == 201
    problem(api.post("admin", path, {**erasure, "reason": "别的"}), 409, "id.conflict")


def test_a_digest_is_written_once_per_shanghai_day_and_the_next_one_covers_missed_days(api, tmp_path):
    api.report("inspector")
    folder = tmp_path / "elsewhere"
    database = open_database(f"sqlite:///{api.folder}/anxun.db")

    def at(**delta):
        return asyncio.run(run_history_digest(database, folder, MONDAY + timedelta(days=365) + timedelta(**delta)))

    with capture_logs() as logs:
        assert at() == 1
    (path,) = folder.iterdir()
    assert logs[-1].items() >= {"event": "history digest", "file": path.name, "hazards": 1}.items()
    assert at(minutes=5) == 0
    assert at(hours=14, minutes=59) == 0
    assert at(hours=15) == 1  # midnight in Shanghai
    assert at(days=5) == 1
    assert sorted(each.name for each in folder.iterdir()) == ["2027-11-23.txt", "2027-11-24.txt", "2027-11-28.txt"]
    asyncio.run(database.close())


def test_a_digest_that_another_process_is_writing_is_not_written_twice(api, tmp_path):
    database = open_database(f"sqlite:///{api.folder}/anxun.db")
    now = MONDAY + timedelta(days=365)
    assert asyncio.run(run_history_digest(database, tmp_path / "one", now)) == 1
    assert asyncio.run(run_history_digest(database, tmp_path / "other", now)) == 0
    assert asyncio.run(run_history_digest(database, tmp_path / "other", now + timedelta(hours=1))) == 1
    asyncio.run(database.close())


def test_a_history_is_exported_and_checked_without_the_database(tmp_path):
    process = Process(tmp_path / "data").start()
    inspector = process.client("inspector")
    for _ in range(3):
        assert inspector.post("/hazards", json=body()).status_code == 201
    inspector.close()
    export = tmp_path / "all.ndjson"
    assert "3 lines of 3 hazards" in anxun(process, "history", "export", str(export))  # beside the running server
    process.stop()
    digests = ("--digests", str(process.folder / "digests"))
    assert "every history is whole" in anxun(process, "history", "verify", str(export), *digests)
    assert "everything is whole" in anxun(process, "verify")
    lines = export.read_text().splitlines(keepends=True)
    export.write_text("".join(lines).replace("楼梯间", "地下室", 1))
    assert "line is not what was written: XJ-" in anxun(process, "history", "verify", str(export), code=1)
    anxun(process, "history", "verify", str(tmp_path / "nothing"), code=2)
