"""An old spreadsheet is previewed and then imported into the ledger, completely or not at all."""

import io
import random
import sys
import zipfile
from datetime import datetime
from functools import cache

import pytest
import xlsxwriter

from api.http.file_reader import FileSlots
from inspections.errors import FileTooComplex
from storage.process_limits import READING
from tests.builders.api import HERE, on_both, problem
from tests.builders.child_processes import measure_child_seconds
from tests.builders.ledgers import read_ledger
from tests.builders.sheets import build_sheet

TITLES = ["编号", "社区", "地点", "类别", "隐患描述", "检查日期", "整改期限", "复查时间", "复查人", "备注"]


def workbook(*rows, name="2025年", after=None):
    """Builds a sheet as offices keep it: a heading over all columns, titles, lines; `after` may change it further."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        page = book.add_worksheet(name)
        page.merge_range(0, 0, 0, len(TITLES) - 1, "新嘉街道安全隐患台账")
        page.write_row(2, 0, TITLES)
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for at, row in enumerate(rows, 3):
            for column, cell in enumerate(row):
                if isinstance(cell, datetime):
                    page.write_datetime(at, column, cell, day)
                elif cell is not None:
                    page.write(at, column, cell)
        if after:
            after(book, page)
    return file.getvalue()


def row(number, **cells):
    values = {
        "编号": number,
        "社区": HERE,
        "地点": "3幢",
        "类别": "EV-03",
        "隐患描述": "纸板",
        "检查日期": "2025-03-04",
    }
    return [(values | cells).get(title) for title in TITLES]


def import_spreadsheet(api, data, who="admin", **query):
    headers = {"content-type": "application/octet-stream"}
    return api.call(who, "POST", "/ledger/import", content=data, params=query, headers=headers)


@on_both
def test_an_old_spreadsheet_is_previewed_and_then_imported(api):
    data = workbook(
        row(1, 复查时间=datetime(2025, 3, 6), 复查人="李四", 备注="有照片"),  # noqa: DTZ001  # as a spreadsheet has it
        row(2, 整改期限="2025年3月10日"),
        row(3),
    )
    seen = import_spreadsheet(api, data).json()
    assert {name: seen[name] for name in ("applied", "lines", "new", "already", "wrong")} == {
        "applied": False, "lines": 3, "new": 3, "already": 0, "wrong": 0
    }  # fmt: skip
    assert seen["aside"] == []  # 备注 is a column of the ledger
    assert read_ledger(api) == []
    done = import_spreadsheet(api, data, apply=True).json()
    assert (done["applied"], done["new"]) == (True, 3)
    found = sorted(read_ledger(api), key=lambda line: line["编号"])
    assert [(line["编号"], line["状态"]) for line in found] == [
        ("XJ-2025-000001", "已销号"),
        ("XJ-2025-000002", "已受理"),
        ("XJ-2025-000003", "已受理"),
    ]
    assert (found[0]["上报时间"], found[0]["复查时间"]) == ("2025-03-04 00:00", "2025-03-06 00:00")
    assert found[1]["整改期限"] == "2025-03-10 24:00"
    assert (found[0]["备注"], found[0]["复查人"], found[0]["来源"]) == ("有照片", "李四", "旧台账导入")
    again = import_spreadsheet(api, data, apply=True).json()
    assert (again["new"], again["already"]) == (0, 3)
    march = api.get("officer", "/statistics/communities?from=2025-03-01&to=2025-03-31").json()["total"]
    assert (march["received"], march["closed"]) == (3, 1)
    (case,) = api.get("officer", "/hazards?counted_as=closed").json()["items"]
    (line,) = api.get("officer", f"/hazards/{case['id']}/history").json()["items"]
    assert (line["step"], line["facts"]["number"], line["facts"]["rechecker"], line["facts"]["other"]) == (
        "import", "1", "李四", {"备注": "有照片"},
    )  # fmt: skip
    events = api.get("admin", "/security/events?event=imported").json()["items"]
    assert [(each["by"], each["facts"]["lines"]) for each in events] == [("admin", "3")]


@on_both
def test_one_wrong_line_prevents_the_import_and_every_error_is_named(api):
    data = workbook(row(1), row(2, 检查日期="2025-02-30"), row(3, 社区="某地", 类别="某类"))
    seen = import_spreadsheet(api, data).json()
    assert (seen["wrong"], seen["new"]) == (3, 1)
    assert [(each["line"], each["column"]) for each in seen["errors"]] == [
        ("5", "检查日期"), ("6", "社区"), ("6", "类别"),
    ]  # fmt: skip
    refused = problem(import_spreadsheet(api, data, apply=True), 422, "file.lines")
    assert refused["wrong"] == 3
    assert refused["errors"][0]["field"] == "5.检查日期"
    assert read_ledger(api) == []


def test_merged_cells_fill_each_line_that_they_span(api):
    def merge(_, page):
        page.merge_range(3, 1, 5, 1, "电子社区")
        page.merge_range(3, 4, 5, 4, "楼道堆物")

    data = workbook(*(row(number, 社区=None, 隐患描述=None) for number in (1, 2, 3)), after=merge)
    assert import_spreadsheet(api, data, apply=True).json()["new"] == 3
    assert [(line["隐患描述"]) for line in read_ledger(api)] == ["楼道堆物"] * 3


@on_both
def test_a_quantity_merged_over_lines_counts_once_and_each_of_them_can_be_fixed(api):
    titles = [*TITLES, "数量"]
    lines = [[*row(number, 整改期限="2026-12-31"), None] for number in (1, 2, 3)]
    data = build_sheet(titles, lines, [(1, 10, 3, 10, 5)])
    seen = import_spreadsheet(api, data).json()
    assert seen["notes"] == ["数量 K2:K4 合并单元格，只计一次，其余各行数量为 0"]
    assert import_spreadsheet(api, data, apply=True).json()["notes"] == seen["notes"]
    assert [line["数量"] for line in sorted(read_ledger(api), key=lambda each: each["编号"])] == ["5", "0", "0"]
    total = api.get("officer", "/statistics/communities?from=2025-03-01&to=2025-03-31").json()["total"]
    assert (total["received"], total["quantity_found"]) == (3, 5)
    (last,) = [each for each in api.get("officer", "/hazards").json()["items"] if each["number"].endswith("3")]
    hazard = api.take_step("officer", last, "assign", lead="handler")
    photos = [{"sha256": api.photo("handler"), "stage": "after"}]
    hazard = api.take_step("handler", hazard, "submit_fix", method="清理", quantity_done=1, photos=photos)
    hazard = api.take_step("officer", hazard, "recheck", result="pass", note="已整改")
    assert (hazard["state"], hazard["outcome"], hazard["quantity_done"]) == ("closed", "fixed", 0)


def test_a_formula_is_imported_as_its_value(api):
    def formulas(_, page):
        page.write_formula(3, 4, '="纸板"&"若干"', None, "纸板若干")
        page.write_formula(4, 4, "=1/0", None, "#DIV/0!")

    data = workbook(row(1, 隐患描述=None), row(2, 隐患描述=None), after=formulas)
    seen = import_spreadsheet(api, data).json()
    assert [(each["line"], each["column"]) for each in seen["errors"]] == [("5", "隐患描述")]
    assert seen["new"] == 1


def test_several_sheets_are_imported_as_one_ledger(api):
    def another(book, _):
        page = book.add_worksheet("4月")
        page.write_row(0, 0, TITLES)
        page.write_row(1, 0, row(1, 检查日期="2025-04-01"))
        page.write_row(2, 0, row(2, 检查日期="昨天"))
        book.add_worksheet("说明").write(0, 0, "每月一张")

    seen = import_spreadsheet(api, workbook(row(1), name="3月", after=another)).json()
    assert (seen["lines"], seen["new"]) == (3, 2)
    assert [(each["line"], each["column"]) for each in seen["errors"]] == [("4月!3", "检查日期")]


@on_both
def test_a_ledger_exported_by_one_office_is_imported_by_another(api):
    api.close_report(quantity=3, description="=楼道堆物", responsible_party={"kind": "owner", "name": "+张三"})
    api.report("inspector", category="EV-03")
    away = api.get("officer", "/ledger.csv").content
    seen = import_spreadsheet(api, away).json()
    assert (seen["lines"], seen["new"], seen["errors"], seen["aside"]) == (2, 2, [], [])
    assert import_spreadsheet(api, away.decode("utf-8-sig").encode("gb18030"), apply=True).json()["new"] == 2
    lines = [line for line in read_ledger(api) if line["隐患描述"] == "'=楼道堆物"]
    assert [(line["责任主体"], line["状态"], line["数量"]) for line in lines] == [("'+张三", "已销号", "3")] * 2


@cache
def garbage_files():
    page = workbook(row(1))
    bomb = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(page)) as sound, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as made:
        for name in sound.namelist():
            if name == "xl/worksheets/sheet1.xml":
                made.writestr(name, b"<worksheet><sheetData><row><c>" + b" " * 400_000_000)
            else:
                made.writestr(name, sound.read(name))
    return {
        "nothing": b"",
        "zeros": bytes(1000),
        "noise": random.Random(1).randbytes(5000),  # noqa: S311  # no secret
        "cut": page[: len(page) // 2],
        "picture": b"\xff\xd8\xff\xe0" + bytes(500),
        "no xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        "long": "社区,地点,类别,隐患描述,上报时间\n".encode() + b'"' + b"x" * 200_000,
        "bomb": bomb.getvalue(),
    }


@pytest.mark.parametrize("name", garbage_files())
def test_a_file_that_is_no_spreadsheet_is_refused(api, name):
    problem(import_spreadsheet(api, garbage_files()[name], apply=True), 422, "step.needs")


def add_merged_cells(book, ranges):
    """Adds merged cells to a workbook, overlapping or not."""
    sound, file = zipfile.ZipFile(io.BytesIO(book)), io.BytesIO()
    cells = "".join(f'<mergeCell ref="{each}"/>' for each in ranges)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name in sound.namelist():
            page = sound.read(name)
            if name.startswith("xl/worksheets/sheet"):
                page = page.replace(b"</mergeCells>", f"{cells}</mergeCells>".encode())
            made.writestr(name, page)
    return file.getvalue()


def test_merged_cells_that_overlap_are_refused_before_they_are_filled(api):
    ordinary, its_time = measure_child_seconds(lambda: import_spreadsheet(api, workbook(*map(row, range(200)))))
    assert ordinary.json()["new"] == 200
    hostile = add_merged_cells(workbook(*map(row, range(3))), ["A2:ZZ10001"] * 20_000)
    assert len(hostile) < 10_000
    refused, time_taken = measure_child_seconds(lambda: import_spreadsheet(api, hostile))
    assert problem(refused, 422, "step.needs")["errors"] == [{"field": "file", "message": FileTooComplex.words}]
    assert 0 < time_taken < 5 * its_time


def test_many_merged_cells_side_by_side_are_read(api):
    book = workbook(*(row(at, 地点=f"{at}幢" if at % 2 else None) for at in range(1, 4001)))
    spans = [f"C{at}:C{at + 1}" for at in range(4, 4004, 2)]
    beside = [f"X{at}:Z{at}" for at in range(4, 4004)]  # where nothing stands
    assert len(import_spreadsheet(api, book).json()["errors"]) == 1000  # every second line, as far as they are shown
    found = import_spreadsheet(api, add_merged_cells(book, [*spans, *beside])).json()
    assert (found["lines"], found["new"], found["wrong"]) == (4000, 4000, 0)


def test_a_workbook_with_too_many_parts_is_refused(api):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for at in range(2100):
            made.writestr(f"xl/{at}.xml", b"")
    problem(import_spreadsheet(api, file.getvalue()), 422, "step.needs")


def test_a_file_that_takes_too_long_is_refused_with_a_message(api, monkeypatch):
    monkeypatch.setattr("api.http.file_reader._COMMAND", (sys.executable, "-c", "import time; time.sleep(60)"))
    monkeypatch.setattr("api.http.file_reader.READING", READING._replace(seconds=1))
    refused = problem(import_spreadsheet(api, workbook(row(1))), 422, "step.needs")
    assert refused["errors"][0]["message"] == FileTooComplex.words
    monkeypatch.undo()
    assert import_spreadsheet(api, workbook(row(1))).json()["new"] == 1  # and the next import runs


@pytest.mark.parametrize(
    "path", ["/ledger/import", "/communities/import", "/devices/import"], ids=lambda path: path.split("/")[1]
)
def test_a_person_imports_one_file_at_a_time(api, path):
    exporting = api.client.app.state.context.part(FileSlots).people
    exporting |= {"admin", "analyst"}
    refused = api.call("admin", "POST", path, content=b"x", headers={"content-type": "application/octet-stream"})
    problem(refused, 429, "requests.too_many")
    assert int(refused.headers["retry-after"]) >= READING.seconds
    workbooks = ("/statistics/communities?format=xlsx", "/statistics/briefing?format=xlsx")
    for taken in ("/ledger.xlsx", "/me/data", *workbooks):
        problem(api.get("analyst", taken), 429, "requests.too_many")
    assert api.get("analyst", "/statistics/communities").status_code == 200  # statistics as JSON need no slot
    exporting.clear()


def test_a_file_too_large_is_refused(api):
    problem(import_spreadsheet(api, bytes(20_000_001)), 413, "body.too_large")


def test_only_an_administrator_imports_a_ledger(api):
    for who in ("officer", "supervisor", "analyst", "inspector"):
        problem(import_spreadsheet(api, workbook(row(1)), who=who), 403, "role.forbidden")


def test_a_line_far_below_the_others_is_imported(api):
    def far_below(_, page):
        page.write_row(10_500, 0, row(2, 地点="别处"))

    seen = import_spreadsheet(api, workbook(row(1), after=far_below)).json()
    assert (seen["lines"], seen["new"]) == (2, 2)


def test_merged_cells_are_read_in_a_table_that_does_not_begin_at_the_left(api):
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        page = book.add_worksheet()
        page.write_row(1, 2, TITLES)
        for at in (2, 3):
            page.write_row(at, 2, row(at))
        page.merge_range(2, 6, 3, 6, "楼道堆物")
    assert import_spreadsheet(api, file.getvalue(), apply=True).json()["new"] == 2
    assert [line["隐患描述"] for line in read_ledger(api)] == ["楼道堆物"] * 2
