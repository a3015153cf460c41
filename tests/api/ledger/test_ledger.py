"""The ledger lists every visible hazard as one line, complete and as of one moment, in CSV and XLSX."""

import hashlib
import io
import os
import sys
import zipfile
from contextlib import AsyncExitStack
from datetime import date, datetime
from urllib.parse import unquote

import pytest
from python_calamine import CalamineWorkbook

from api.http.file_reader import AT_ONCE, FileSlots
from api.http.problems import StalledTransfer
from api.ledger import routes as ledgers
from inspections.accounts.policy import EVERYWHERE
from inspections.errors import FileTooComplex, TooManyRequests
from inspections.ledger.exports import ExportForm
from inspections.ledger.selection import Selection
from storage.ledger.export_process import ExportOrder
from storage.photos import incoming
from tests.builders.api import HERE, THERE, on_both, problem
from tests.builders.day_of_cases import create_cases
from tests.builders.ledgers import read_ledger
from tests.builders.waiting import poll_in_loop


@on_both
def test_the_ledger_lists_every_hazard_of_the_office(api):
    party = {"kind": "property", "name": "=某物业", "phone": "0573-82000000"}
    hazard = api.close_report(quantity=3, description="楼道堆物，\n“纸板”", responsible_party=party)
    api.report("inspector", category="EB-02")
    api.report("inspector2", community=THERE)
    fixed, newest = sorted(read_ledger(api), key=lambda line: line["编号"])
    assert (newest["状态"], newest["整改期限"], newest["复查人"]) == ("待受理", "", "")
    assert newest["类别"] != fixed["类别"]
    told = {
        "编号": hazard["number"],
        "上报时间": "2026-11-23 09:00",
        "隐患描述": "楼道堆物，\n“纸板”",
        "等级": "一般隐患",
        "责任主体": "'=某物业",  # no formula
        "联系电话": "0573-82000000",
        "状态": "已销号",
        "办结方式": "已整改",
        "数量": "3",
        "已整改数量": "3",
        "整改措施": "清理",
    }
    assert {name: fixed[name] for name in told} == told
    assert fixed["社区"]
    assert fixed["复查人"]
    before = next(photo["sha256"] for photo in hazard["photos"] if photo["stage"] == "before")
    assert fixed["整改前照片"].endswith(f"/photos/{before}")
    page = api.call(None, "GET", f"/photos/{before}", root=True)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert f'data-photo="/api/v1/photos/{before}?size=1280"' in page.text
    assert api.get("officer", f"/photos/{before}?size=1280").status_code == 200
    problem(api.call(None, "GET", "/photos/x", root=True), 404, "photo.not_found")
    assert [each["编号"] for each in read_ledger(api, "officer2")] != [newest["编号"]]
    assert len(read_ledger(api, "officer2")) == 1


@on_both
def test_an_analyst_downloads_the_ledger_without_personal_data(api):
    api.close_report(responsible_party={"kind": "owner", "name": "张三", "phone": "13800000000"})
    (line,) = read_ledger(api, "analyst")
    assert line["编号"]
    assert line["状态"] == "已销号"
    personal = ("地点", "隐患描述", "责任主体", "联系电话", "整改措施", "复查人")
    assert [line[name] for name in personal] == [""] * len(personal)
    problem(api.get("handler", "/ledger.csv"), 403, "role.forbidden")
    problem(api.get("inspector", "/ledger.csv"), 403, "role.forbidden")


@on_both
def test_the_ledger_has_as_many_lines_as_the_statistics_count(api):
    create_cases(api)
    for query in (
        {},
        {"category": "EB-02"},
        {"group": "电动车充电"},
        {"severity": "major"},
        {"from": "2026-11-23", "to": "2026-11-23"},
        {"from": "2026-11-24"},
        {"community": HERE, "street": HERE[:9], "source": "inspector"},
    ):
        assert len(read_ledger(api, "analyst", **query)) == api.counts(**query)["total"]["received"]
    problem(api.get("analyst", "/ledger.csv", params={"community": THERE}), 404, "community.not_found")
    problem(api.get("analyst", "/ledger.csv?from=2026-02-02&to=2026-02-01"), 422, "step.needs")


@on_both
def test_the_workbook_equals_the_csv_and_holds_no_formula(api):
    api.report("inspector", description="=1+1")
    api.close_report()
    book = api.get("officer", "/ledger.xlsx")
    assert book.status_code == 200
    assert unquote(book.headers["content-disposition"]) == (
        "attachment; filename=\"ledger.xlsx\"; filename*=UTF-8''隐患台账-2026-11-23.xlsx"
    )
    head, *rows = CalamineWorkbook.from_filelike(io.BytesIO(book.content)).get_sheet_by_index(0).to_python()
    told = [dict(zip(head, row, strict=True)) for row in rows]
    lines = read_ledger(api)
    assert [each["编号"] for each in told] == [each["编号"] for each in lines]
    assert {each["隐患描述"] for each in told} == {"=1+1", lines[0]["隐患描述"], lines[1]["隐患描述"]} - {"'=1+1"}
    assert told[0]["数量"] == 1  # a number, not its text
    assert b"<f>" not in book.content


def test_the_workbook_has_real_dates_and_prints_as_a_sheet_of_the_office(api):
    api.submit_report(category="WN-01")
    content = api.get("officer", "/ledger.xlsx").content
    page = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_name("隐患台账")
    head, row = page.to_python()
    cells = dict(zip(head, row, strict=True))
    assert cells["上报时间"] == datetime(2026, 11, 23, 9)  # noqa: DTZ001  # as a spreadsheet has it
    assert cells["整改期限"] == date(2026, 11, 30)  # the day that its deadline ends
    (line,) = read_ledger(api)
    assert line["整改期限"] == "2026-11-30 24:00"
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        sheet, styles = (book.read(f"xl/{name}").decode() for name in ("worksheets/sheet1.xml", "styles.xml"))
        names = book.read("xl/workbook.xml").decode()
    assert "yyyy-mm-dd&quot; 24:00&quot;" in styles
    assert '<autoFilter ref="A1:' in sheet
    assert 'topLeftCell="A2"' in sheet  # the titles stay in view
    assert 'paperSize="9"' in sheet
    assert 'orientation="landscape"' in sheet
    assert 'fitToHeight="0"' in sheet
    assert "_xlnm.Print_Titles" in names
    assert "<cols>" in sheet


def test_a_csv_with_its_proof_inside_is_still_imported(api):
    api.close_report()
    content = api.get("officer", "/ledger.csv?proof=true").content
    table, _, end = content.removesuffix(b"\r\n").rpartition(b"\r\n")
    assert end.decode() == f"#,1,sha256:{hashlib.sha256(table + bytes([13, 10])).hexdigest()}"
    seen = api.call(
        "admin", "POST", "/ledger/import", content=content, headers={"content-type": "application/octet-stream"}
    )
    assert (seen.json()["lines"], seen.json()["wrong"]) == (1, 0)


def test_a_download_is_recorded_in_the_security_log(api):
    api.report("inspector")
    read_ledger(api, "analyst", category="EB-01")
    (event,) = [each for each in api.get("admin", "/security/events").json()["items"] if each["event"] == "exported"]
    assert (event["by"], event["about"], event["facts"]) == (
        "analyst",
        "ledger",
        {"form": "csv", "category": "EB-01"},
    )


def test_a_person_downloads_one_file_at_a_time(api):
    exporting = api.client.app.state.context.part(FileSlots).people
    exporting.add("analyst")
    refused = api.get("analyst", "/ledger.csv")
    problem(refused, 429, "requests.too_many")
    assert int(refused.headers["retry-after"]) > 0
    exporting.clear()
    assert read_ledger(api, "analyst") == []
    assert not exporting


def test_a_full_disk_refuses_a_ledger_before_it_is_begun(api, monkeypatch):
    monkeypatch.setattr(incoming, "FREE_FLOOR_BYTES", 1 << 60)
    for form in ("csv", "xlsx"):
        problem(api.get("analyst", f"/ledger.{form}"), 507, "store.full")
    assert not api.client.app.state.context.part(FileSlots).people
    monkeypatch.undo()
    assert read_ledger(api, "analyst") == []


def test_a_failed_process_gives_an_error_and_no_empty_ledger(api, monkeypatch):
    monkeypatch.setattr("api.ledger.routes.COMMAND", ("false",))
    problem(api.get("analyst", "/ledger.csv"), 503, "store.unavailable")
    monkeypatch.undo()
    assert read_ledger(api, "analyst") == []


@pytest.mark.parametrize(
    "ends", ["sys.exit(4)", "resource.setrlimit(resource.RLIMIT_CPU, (1, 1)); exec('while 1: pass')"]
)
def test_a_ledger_that_exceeds_its_process_limits_is_refused_with_a_message(api, monkeypatch, ends):
    monkeypatch.setattr("api.ledger.routes.COMMAND", (sys.executable, "-c", f"import resource, sys; {ends}"))
    refused = problem(api.get("analyst", "/ledger.xlsx"), 422, "step.needs")
    assert refused["errors"][0]["message"] == FileTooComplex.words
    monkeypatch.undo()
    assert read_ledger(api, "analyst") == []


def test_statistics_with_too_many_rows_are_refused_as_a_table(api, monkeypatch):
    monkeypatch.setattr("api.statistics.responses._ROWS", 1)
    refused = problem(api.get("analyst", "/statistics/communities?format=xlsx"), 422, "step.needs")
    assert refused["errors"][0]["message"] == FileTooComplex.words
    assert api.get("analyst", "/statistics/communities").status_code == 200


def test_a_stalled_download_gives_up_its_slot(api, monkeypatch):
    monkeypatch.setattr(ledgers, "_STALL_SECONDS", 0.2)
    monkeypatch.setattr(ledgers, "_PIECE", 10)
    api.report("inspector")
    context = api.client.app.state.context
    selection = Selection(EVERYWHERE, EVERYWHERE, "http://anxun.test", categories=("EB-01",))

    async def stalled():
        stack = AsyncExitStack()
        on_made = stack.enter_context(ledgers.file_slot(context, "officer"))
        order = ExportOrder(context.settings.database_url, ExportForm.CSV, selection, context.clock())
        file, lines = await ledgers._make_file(stack, context, order)
        assert lines == 1
        on_made()
        pieces = ledgers._stream_pieces(stack, file, os.fstat(file.fileno()).st_size)
        first = await anext(pieces)
        second = await anext(pieces)
        assert len(first + second) == 20
        assert "officer" in context.part(FileSlots).people
        await poll_in_loop(lambda: not context.part(FileSlots).people)
        assert file.closed
        with pytest.raises(StalledTransfer):  # the response breaks off visibly
            await anext(pieces)

    api.client.blocking_portal.call(stalled)
    assert len(read_ledger(api)) == 1


def test_four_files_are_made_at_once_and_slow_downloads_of_made_ones_hold_up_nobody(api, monkeypatch):
    """Four people who take a piece of their file every minute would keep all others from theirs for hours."""
    monkeypatch.setattr(ledgers, "_PIECE", 100)
    api.report("inspector")
    context = api.client.app.state.context
    selection = Selection(EVERYWHERE, EVERYWHERE, "http://anxun.test", categories=("EB-01",))

    async def read_slowly(stack, name):
        own = await stack.enter_async_context(AsyncExitStack())
        on_made = own.enter_context(ledgers.file_slot(context, name))
        order = ExportOrder(context.settings.database_url, ExportForm.XLSX, selection, context.clock())
        file, _ = await ledgers._make_file(own, context, order)
        on_made()
        pieces = ledgers._stream_pieces(own, file, os.fstat(file.fileno()).st_size)
        stack.push_async_callback(pieces.aclose)
        assert len(await anext(pieces)) == 100

    async def download(name):
        async with AsyncExitStack() as stack:
            for number in range(AT_ONCE):
                await read_slowly(stack, f"{name}{number}")
            assert len(context.part(FileSlots).people) == AT_ONCE
            with pytest.raises(TooManyRequests), ledgers.file_slot(context, f"{name}0"):
                pass
            with ledgers.file_slot(context, "officer"):
                pass
        assert not context.part(FileSlots).people | context.part(FileSlots).working

    api.client.blocking_portal.call(download, "slow")
    context.part(FileSlots).working.update(range(AT_ONCE))
    for path in ("/ledger.csv", "/me/data", "/statistics/communities?format=xlsx", "/statistics/briefing?format=xlsx"):
        problem(api.get("officer", path), 429, "requests.too_many")
    context.part(FileSlots).working.clear()
    assert len(read_ledger(api)) == 1
