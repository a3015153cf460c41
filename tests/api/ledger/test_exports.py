"""Ledgers that take a while: asked for, followed, taken away; whoever is killed meanwhile."""

import io
import sys
import time
import uuid
import zipfile
from functools import partial

from PIL import Image
from python_calamine import CalamineWorkbook

from api.ledger.exporter import Exporter
from api.photos.processor import Developer
from inspections.ledger.actions.exports import claim_export, export_went_on
from inspections.ledger.exports import KEPT, LEASE
from storage.ledger import export_process as ledger_file
from storage.upkeep.orphans import sweep_orphans
from tests.builders.api import THERE, on_both, problem
from tests.builders.ledger_files import ledger, lines_of


def asked(api, who="officer", query="", **body):
    wanted = {"id": str(uuid.uuid4()), **body}
    answer = api.post(who, f"/ledger/exports{query}", wanted)
    assert answer.status_code == 201, answer.text
    return wanted["id"]


def ended(api, export, who="officer"):
    for _ in range(200):
        found = api.get(who, f"/ledger/exports/{export}").json()
        if found["state"] in {"made", "failed"}:
            return found
        time.sleep(0.05)
    raise AssertionError(found)


def rows_of(content):
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()


@on_both
def test_a_workbook_is_made_and_taken_away(api):
    api.closed(description="=楼道堆物")
    api.report("inspector", category="EB-02")
    api.report("inspector2", community=THERE)
    export = asked(api)
    made = ended(api, export)
    assert (made["state"], made["done"], made["total"], made["error"]) == ("made", 2, 2, None)
    file = api.get("officer", f"/ledger/exports/{export}/file")
    assert (file.status_code, len(file.content)) == (200, made["size"])
    assert file.headers["content-disposition"] == 'attachment; filename="ledger.xlsx"'
    head, *rows = rows_of(file.content)
    assert head == list(ledger(api)[0])
    assert [dict(zip(head, row, strict=True))["编号"] for row in rows] == [line["编号"] for line in ledger(api)]
    part = api.get("officer", f"/ledger/exports/{export}/file", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, file.content[10:20])
    events = api.get("admin", "/security/events?event=exported").json()["items"]
    assert events[-1]["facts"] == {"form": "xlsx", "export": export}


@on_both
def test_what_is_chosen_and_what_may_be_seen_hold_as_in_the_ledger(api):
    api.closed(responsible_party={"kind": "owner", "name": "张三", "phone": "13800000000"})
    api.report("inspector", category="EB-02")
    export = asked(api, "analyst", "?category=EB-01&from=2026-11-01", form="csv")
    ended(api, export, "analyst")
    (line,) = lines_of(api.get("analyst", f"/ledger/exports/{export}/file").content)
    assert (line["状态"], line["责任主体"]) == ("已销号", "")
    refused = api.post("officer", "/ledger/exports?community=999999999999", {"id": str(uuid.uuid4())})
    problem(refused, 404, "community.not_found")
    problem(api.post("officer", "/ledger/exports", {"id": export, "form": "csv"}), 409, "id.taken")


def test_the_first_pictures_stand_beside_each_line(api):
    api.closed()
    api.report("inspector", category="EB-02")
    api.client.blocking_portal.call(api.client.app.state.context.part(Developer).develop_waiting)
    export = asked(api, pictures=True)
    assert ended(api, export)["state"] == "made"
    file = api.get("officer", f"/ledger/exports/{export}/file")
    head, *_ = rows_of(file.content)
    assert head[-2:] == ["整改前", "整改后"]
    with zipfile.ZipFile(io.BytesIO(file.content)) as book:
        pictures = [name for name in book.namelist() if name.startswith("xl/media/")]
        sizes = [max(Image.open(io.BytesIO(book.read(name))).size) for name in pictures]
    assert sizes == [120, 120, 120]
    refused = api.post("officer", "/ledger/exports", {"id": str(uuid.uuid4()), "form": "csv", "pictures": True})
    assert problem(refused, 422, "step.needs")["errors"][0]["field"] == "pictures"


@on_both
def test_it_is_ones_own_and_gone_after_its_time(api):
    export = asked(api)
    assert api.post("officer", "/ledger/exports", {"id": export}).status_code == 200
    problem(api.post("officer", "/ledger/exports", {"id": export, "form": "csv"}), 409, "id.conflict")
    ended(api, export)
    for who in ("supervisor", "officer2"):
        problem(api.get(who, f"/ledger/exports/{export}"), 404, "export.not_found")
        problem(api.get(who, f"/ledger/exports/{export}/file"), 404, "export.not_found")
    context = api.client.app.state.context
    assert [each.name for each in context.photos.stored()] == [f"pieces/{export}.xlsx"]
    api.clock.now += KEPT
    api.sign_in_again()
    problem(api.get("officer", f"/ledger/exports/{export}/file"), 404, "export.not_found")
    (stored,) = context.photos.stored()
    assert sweep_orphans(context.database, context.photos, stored.at + 2 * KEPT) == 1
    assert not list(context.photos.stored())


@on_both
def test_what_a_killed_process_had_begun_is_made_by_another(api):
    context, call = api.client.app.state.context, api.client.blocking_portal.call
    call(context.part(Exporter).stop)
    export = asked(api)
    waits = problem(api.get("officer", f"/ledger/exports/{export}/file"), 409, "export.not_made")
    assert waits["state"] == "waiting"
    begun = call(context.database.transact, partial(claim_export, now=api.clock.now))
    call(context.database.transact, partial(export_went_on, mine=begun, done=1, total=9, now=api.clock.now))
    seen = api.get("officer", f"/ledger/exports/{export}").json()
    assert (seen["state"], seen["done"], seen["total"]) == ("making", 1, 9)
    call(context.part(Exporter).start)
    api.clock.now += 2 * LEASE
    context.part(Exporter).wake()
    made = ended(api, export)
    assert (made["state"], made["total"]) == ("made", 0)
    assert api.get("officer", f"/ledger/exports/{export}/file").status_code == 200


def test_a_ledger_with_too_many_pictures_says_what_to_do(api, monkeypatch, tmp_path):
    assert ledger_file.PICTURES == 5000
    api.report("inspector", category="EB-02")
    fewer = "from storage.ledger import export_process as it\nit.PICTURES = 0\nit.main()\n"
    monkeypatch.setattr("api.ledger.exporter.COMMAND", _python(tmp_path, fewer))
    failed = ended(api, asked(api, pictures=True))
    assert (failed["state"], failed["error"]) == ("failed", "带照片的台账一次最多 5000 行，请缩小范围")


def test_one_whose_process_fails_says_so_and_leaves_nothing(api, monkeypatch, tmp_path):
    monkeypatch.setattr("api.ledger.exporter.COMMAND", _python(tmp_path, "raise SystemExit('no such thing')\n"))
    failed = ended(api, asked(api))
    assert (failed["state"], failed["error"], failed["size"]) == ("failed", "制作失败，请重试", None)
    assert not list(api.client.app.state.context.photos.stored())


def _python(folder, code):
    (folder / "child.py").write_text(code)
    return (sys.executable, str(folder / "child.py"))
