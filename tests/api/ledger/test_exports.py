"""Ledger exports run in the background: requested, followed, downloaded, and resumed after a killed process."""

import asyncio
import base64
import hashlib
import io
import sys
import time
import uuid
import zipfile
from functools import partial

from PIL import Image
from python_calamine import CalamineWorkbook

from api.ledger import exporter
from api.ledger.exporter import Exporter
from api.photos.processor import PhotoProcessor
from inspections.ledger.actions import exports as actions
from inspections.ledger.actions.exports import claim_export, record_export_progress
from inspections.ledger.exports import LEASE, MAX_OPEN_EXPORTS, RETENTION
from storage.ledger import export_process as ledger_file
from storage.upkeep.orphans import sweep_orphans
from tests.builders.api import HERE, THERE, body, on_both, problem
from tests.builders.ledgers import parse_ledger_file, read_ledger
from tests.builders.waiting import poll_until


def request_export(api, who="officer", query="", **more):
    wanted = {"id": str(uuid.uuid4()), **more}
    answer = api.post(who, f"/ledger/exports{query}", wanted)
    assert answer.status_code == 201, answer.text
    return wanted["id"]


def wait_for_export(api, export, who="officer"):
    def found():
        export_now = api.get(who, f"/ledger/exports/{export}").json()
        return export_now if export_now["state"] in {"made", "failed"} else None

    return poll_until(found)


def read_rows(content):
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()


@on_both
def test_an_export_ends_with_its_last_progress(api, monkeypatch):
    """Its process may tell the last progress, and end, while an earlier one is being recorded."""
    database = api.client.app.state.context.database
    plain = database.transact

    async def transact(action):
        if getattr(action, "func", None) is record_export_progress and not action.keywords["done"]:
            await asyncio.sleep(3)
        return await plain(action)

    monkeypatch.setattr(exporter, "_PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(database, "transact", transact)
    api.report("inspector")
    made = wait_for_export(api, request_export(api))
    assert (made["state"], made["done"], made["total"]) == ("made", 1, 1)


@on_both
def test_a_workbook_is_exported_and_downloaded(api):
    api.close_report(description="=楼道堆物")
    api.report("inspector", category="EB-02")
    api.report("inspector2", community=THERE)
    export = request_export(api)
    made = wait_for_export(api, export)
    assert (made["state"], made["done"], made["total"], made["error"]) == ("made", 2, 2, None)
    file = api.get("officer", f"/ledger/exports/{export}/file")
    assert (file.status_code, len(file.content)) == (200, made["size"])
    assert (
        "filename*=UTF-8''%E9%9A%90%E6%82%A3%E5%8F%B0%E8%B4%A6-2026-11-23.xlsx" in file.headers["content-disposition"]
    )
    digest = hashlib.sha256(file.content)
    assert file.headers["repr-digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    proof = api.get("officer", f"/ledger/exports/{export}/proof")
    assert proof.text == f"# 2 行\n{digest.hexdigest()}  ledger.xlsx\n"
    problem(api.get("supervisor", f"/ledger/exports/{export}/proof"), 404, "export.not_found")
    head, *rows = read_rows(file.content)
    assert head == list(read_ledger(api)[0])
    assert [dict(zip(head, row, strict=True))["编号"] for row in rows] == [line["编号"] for line in read_ledger(api)]
    part = api.get("officer", f"/ledger/exports/{export}/file", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, file.content[10:20])
    events = api.get("admin", "/security/events?event=exported").json()["items"]
    assert events[-1]["facts"] == {"form": "xlsx", "export": export}


@on_both
def test_an_export_keeps_the_filters_and_the_rights_of_the_ledger(api):
    api.close_report(responsible_party={"kind": "owner", "name": "张三", "phone": "13800000000"})
    api.report("inspector", category="EB-02")
    export = request_export(api, "analyst", "?category=EB-01&from=2026-11-01", form="csv")
    wait_for_export(api, export, "analyst")
    (line,) = parse_ledger_file(api.get("analyst", f"/ledger/exports/{export}/file").content)
    assert (line["状态"], line["责任主体"]) == ("已销号", "")
    refused = api.post("officer", "/ledger/exports?community=999999999999", {"id": str(uuid.uuid4())})
    problem(refused, 404, "community.not_found")
    problem(api.post("officer", "/ledger/exports", {"id": export, "form": "csv"}), 409, "id.taken")


def test_each_line_shows_its_first_pictures(api):
    api.close_report()
    api.report("inspector", category="EB-02")
    api.client.blocking_portal.call(api.client.app.state.context.part(PhotoProcessor).process_batch)
    export = request_export(api, pictures=True)
    assert wait_for_export(api, export)["state"] == "made"
    file = api.get("officer", f"/ledger/exports/{export}/file")
    head, *_ = read_rows(file.content)
    assert head[-2:] == ["整改前", "整改后"]
    with zipfile.ZipFile(io.BytesIO(file.content)) as book:
        pictures = [name for name in book.namelist() if name.startswith("xl/media/")]
        sizes = [max(Image.open(io.BytesIO(book.read(name))).size) for name in pictures]
    assert sizes == [120, 120, 120]
    refused = api.post("officer", "/ledger/exports", {"id": str(uuid.uuid4()), "form": "csv", "pictures": True})
    assert problem(refused, 422, "step.needs")["errors"][0]["field"] == "pictures"


@on_both
def test_an_export_belongs_to_its_requester_and_expires(api):
    export = request_export(api)
    assert api.post("officer", "/ledger/exports", {"id": export}).status_code == 200
    problem(api.post("officer", "/ledger/exports", {"id": export, "form": "csv"}), 409, "id.conflict")
    wait_for_export(api, export)
    for who in ("supervisor", "officer2"):
        problem(api.get(who, f"/ledger/exports/{export}"), 404, "export.not_found")
        problem(api.get(who, f"/ledger/exports/{export}/file"), 404, "export.not_found")
    context = api.client.app.state.context
    assert [each.name for each in context.photos.list_files()] == [f"pieces/{export}.xlsx"]
    api.clock.now += RETENTION
    api.sign_in_again()
    problem(api.get("officer", f"/ledger/exports/{export}/file"), 404, "export.not_found")
    (stored,) = context.photos.list_files()
    assert sweep_orphans(context.database, context.photos, stored.at + 2 * RETENTION) == 1
    assert not list(context.photos.list_files())


@on_both
def test_an_export_made_before_its_requester_lost_rights_is_not_downloaded_any_more(api):
    api.close_report(responsible_party={"kind": "owner", "name": "张三", "phone": "13800000000"})
    export = request_export(api, form="csv")
    wait_for_export(api, export)
    waiting = request_export(api, form="csv")
    assert "张三" in api.get("officer", f"/ledger/exports/{export}/file").content.decode("utf-8-sig")
    wide = api.get("admin", "/people/officer").json()["grants"]
    narrow = [each for each in wide if each["scope"] != HERE]
    numbers = [{**each, "role": "analyst"} for each in wide]
    for version, grants in enumerate((narrow, numbers), 1):
        assert api.post("admin", "/people/officer", {"version": version, "grants": grants}).status_code == 200
        time.sleep(1.1)  # a token is remembered for a second
        for each in (export, waiting):
            problem(api.get("officer", f"/ledger/exports/{each}"), 404, "export.not_found")
            problem(api.get("officer", f"/ledger/exports/{each}/file"), 404, "export.not_found")
    assert api.post("admin", "/people/officer", {"version": 3, "grants": wide}).status_code == 200
    time.sleep(1.1)
    assert api.get("officer", f"/ledger/exports/{export}/file").status_code == 200


@on_both
def test_a_flood_of_exports_is_refused_and_others_still_get_theirs(api, monkeypatch):
    context, call = api.client.app.state.context, api.client.blocking_portal.call
    call(context.part(Exporter).stop)
    for _ in range(MAX_OPEN_EXPORTS):
        request_export(api, "analyst")
    for _ in range(20):
        refused = api.post("analyst", "/ledger/exports", {"id": str(uuid.uuid4())})
        problem(refused, 429, "requests.too_many")
        assert int(refused.headers["retry-after"]) > 0
    others = request_export(api, "officer")
    assert api.post("inspector", "/hazards", body()).status_code == 201
    call(context.part(Exporter).start)
    assert wait_for_export(api, others)["state"] == "made"
    monkeypatch.setattr(actions, "MAX_KEPT_EXPORTS", MAX_OPEN_EXPORTS + 2)
    for _ in range(2):
        wait_for_export(api, request_export(api, "analyst"), "analyst")
    refused = api.post("analyst", "/ledger/exports", {"id": str(uuid.uuid4())})
    assert int(refused.headers["retry-after"]) == RETENTION.total_seconds()
    request_export(api, "officer")


@on_both
def test_another_process_finishes_the_export_of_a_killed_one(api):
    context, call = api.client.app.state.context, api.client.blocking_portal.call
    call(context.part(Exporter).stop)
    export = request_export(api)
    waits = problem(api.get("officer", f"/ledger/exports/{export}/file"), 409, "export.not_made")
    assert waits["state"] == "waiting"
    begun = call(context.database.transact, partial(claim_export, now=api.clock.now))
    call(context.database.transact, partial(record_export_progress, export=begun, done=1, total=9, now=api.clock.now))
    seen = api.get("officer", f"/ledger/exports/{export}").json()
    assert (seen["state"], seen["done"], seen["total"]) == ("making", 1, 9)
    call(context.part(Exporter).start)
    api.clock.now += 2 * LEASE
    context.part(Exporter).wake()
    made = wait_for_export(api, export)
    assert (made["state"], made["total"]) == ("made", 0)
    assert api.get("officer", f"/ledger/exports/{export}/file").status_code == 200


def test_an_export_with_too_many_pictures_fails_with_advice(api, monkeypatch, tmp_path):
    assert ledger_file.MAX_PICTURE_LINES == 5000
    api.report("inspector", category="EB-02")
    fewer = "from storage.ledger import export_process as it\nit.MAX_PICTURE_LINES = 0\nit.main()\n"
    monkeypatch.setattr("api.ledger.exporter.COMMAND", _python_command(tmp_path, fewer))
    failed = wait_for_export(api, request_export(api, pictures=True))
    assert (failed["state"], failed["error"]) == ("failed", "带照片的台账一次最多 5000 行，请缩小范围")


def test_a_failed_export_reports_its_failure_and_leaves_no_file(api, monkeypatch, tmp_path):
    monkeypatch.setattr("api.ledger.exporter.COMMAND", _python_command(tmp_path, "raise SystemExit('no such thing')\n"))
    failed = wait_for_export(api, request_export(api))
    assert (failed["state"], failed["error"], failed["size"]) == ("failed", "制作失败，请重试", None)
    assert not list(api.client.app.state.context.photos.list_files())


def _python_command(folder, code):
    (folder / "child.py").write_text(code)
    return (sys.executable, str(folder / "child.py"))
