"""No text of an exported table is taken for a formula, and our own CSV file reads back the same."""

import csv
import io
import re
import sqlite3
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.routes import HTTPRoute
from python_calamine import CalamineWorkbook

from storage.ledger.spreadsheet_cells import BOM, csv_text, escape_formula, read_csv_rows
from tests.builders.api import body
from tests.builders.waiting import poll_until

ROOT = Path(__file__).parents[3]
SIGNS = "=+-@＝＋－＠﹦﹢﹣﹫"
LEADS = ["", "\u200b", "\ufeff", "\u202e", " ", "\u3000", "\u00a0", "\t", "\n", "\r", " \u200b\t", "\u3164", "\ufe0f"]
HOSTILE = [f"{lead}{sign}1" for lead in LEADS for sign in SIGNS]
COLUMNS = {
    "communities": ("name",),
    "streets": ("name",),
    "categories": ("name", "group", "unit"),
    "people": ("name",),
    "hazards": ("place", "description", "unit", "fix_method", "fixed_by", "number"),
}
"""The columns of each table with texts that people have written and that exports may show."""


def is_formula(text):
    """Tells whether a spreadsheet may take a cell for a formula, written apart from the code that it tests."""
    return re.match(rf"[\s\u200b\ufeff\u202e\u3164\ufe0f]*[{re.escape(SIGNS)}]", text) is not None


@pytest.mark.parametrize("text", [*HOSTILE, "\t1", "\r1", "'=1", "''=1", "'\u200b＝1"], ids=ascii)
def test_a_text_that_begins_like_a_formula_gets_an_apostrophe(text):
    assert escape_formula(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "3幢", "'", "'3幢'", "a=1", " 3幢", "\u200b3幢", "\u3000"], ids=ascii)
def test_any_other_text_stays_as_it_is(text):
    assert escape_formula(text) == text


CELLS = st.text(st.sampled_from("'=＝+@- \t\n\u200b\u3000a张,\""), max_size=6)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), max_size=5))
def test_a_csv_file_reads_back_what_was_written(rows):
    rows = [row for row in rows if row[0] != "#"]
    written = csv_text(rows)
    assert list(read_csv_rows((BOM + written).encode())) == rows
    assert not [cell for row in csv.reader(io.StringIO(written, newline="")) for cell in row if is_formula(cell)]


# every export ------------------------------------------------------------------------------------------------------


def plant(api, text):
    """Writes a text into every column of the database, as an older version of the program might have left it."""
    party = f'{{"kind": "owner", "name": {csv_free_json(text)}, "phone": {csv_free_json(text)}}}'
    with sqlite3.connect(api.folder / "anxun.db") as database:
        for table, columns in COLUMNS.items():
            for column in columns:
                database.execute(f'update {table} set "{column}" = ?', (text,))  # noqa: S608  # names of our own
        database.execute("update hazards set responsible_party = ?", (party,))
    database.close()
    policy = {"name": text, "group": text, "priority": "normal", "term": {"amount": 1, "unit": "d"}, "unit": "处"}
    answer = api.post("admin", "/categories/EV-98", policy | {"name": "新", "group": "新"})
    assert answer.status_code == 200, answer.text  # so that the server reads the names again


def csv_free_json(text):
    return '"' + "".join(f"\\u{ord(letter):04x}" for letter in text) + '"'


def export_paths(api):
    """Yields every route that answers a table, with its query: a finished export counts for each form."""
    routes = [route for route in api.client.app.routes if isinstance(route, HTTPRoute)]
    handlers = [
        (route.path_format, each) for route in routes for each in route.route_handlers if "GET" in each.http_methods
    ]
    asked = {path for path, handler in handlers if "format" in handler.opt["query"].names.values()}
    asked |= {path for path, handler in handlers if "csv" in str(handler.media_type)}
    asked |= {path for path, handler in handlers if "spreadsheet" in str(handler.media_type)}
    briefing = api.get("officer", "/statistics/briefing").json()["id"]
    for path in sorted(asked):
        if "{export_id}" in path:
            yield from ((path.replace("{export_id}", finished_export(api, form)), {}) for form in ("csv", "xlsx"))
            continue
        forms = [{}] if path.endswith((".csv", ".xlsx")) else [{"format": "csv"}, {"format": "xlsx"}]
        yield from ((path.replace("{briefing_id}", briefing), form) for form in forms)


def finished_export(api, form):
    wanted = {"id": body()["id"], "form": form}
    assert api.post("officer", "/ledger/exports", wanted).status_code == 201
    poll_until(lambda: api.get("officer", f"/ledger/exports/{wanted['id']}").json()["state"] == "made")
    return wanted["id"]


@pytest.mark.parametrize(
    "text", ["=1+1", "\u200b＝1+1", " \t@SUM(A1)", "\n－1", "'+1", "https://example.com"], ids=ascii
)
def test_no_cell_of_any_export_is_a_formula(api, text):
    api.close_report(responsible_party={"kind": "owner", "name": "张三"})
    plant(api, text)
    paths = list(export_paths(api))
    assert len(paths) >= 18
    shown, marked = set(), False
    for path, query in paths:
        answer = api.call("officer", "GET", path, params=query, root=True)
        assert answer.status_code == 200, (path, answer.text)
        if answer.content.startswith(b"PK"):
            check_workbook(answer.content)
            marked |= b"quotePrefix" in read_styles(answer.content)
            head, *rows = CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).get_sheet_by_index(0).to_python()
        else:
            cells = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
            assert not [cell for row in cells for cell in row if is_formula(cell)], path
            head, *rows = read_csv_rows(answer.content)
        shown |= {(path, title) for row in rows for title, cell in zip(head, row, strict=False) if cell == text}
    assert marked is (escape_formula(text) != text)  # quoted, so that editing such a cell makes no formula
    titles = {title for path, title in shown if path == "/api/v1/ledger.csv"}
    assert titles >= {"编号", "社区", "地点", "类别", "隐患描述", "单位", "责任主体", "联系电话", "整改措施", "复查人"}
    assert {title for path, title in shown if path == "/api/v1/ledger.xlsx"} == titles
    assert {title for path, title in shown if path == "/api/v1/statistics/categories"} == {"类别", "大类"}
    assert ("/api/v1/statistics/communities", "社区") in shown
    assert ("/api/v1/statistics/alerts", "社区") in shown


def check_workbook(content):
    """Checks that the sheets have no formula and no link."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        names = book.namelist()
        sheets = [book.read(name).decode() for name in names if name.startswith("xl/worksheets/sheet")]
    assert not [name for name in names if "externalLink" in name or name.startswith("xl/worksheets/_rels")]
    assert not [sheet for sheet in sheets if "<f>" in sheet or "<hyperlink" in sheet]


def read_styles(content):
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        return book.read("xl/styles.xml")


def test_one_file_writes_the_cells_of_all_exports():
    """A second writer would escape the guard."""
    writer = ROOT / "storage" / "ledger" / "spreadsheet_cells.py"
    libraries = r"csv\.(writer|DictWriter)|import (csv|xlsxwriter|openpyxl)\b|from xlsxwriter import"
    words = re.compile(libraries + r"|\.write_(row|string|formula|url|column)\(")
    found = {
        (str(path.relative_to(ROOT)), match.group())
        for room in ("inspections", "storage", "api")
        for path in (ROOT / room).rglob("*.py")
        if path != writer
        for match in words.finditer(path.read_text())
    }
    assert {path for path, word in found if word != ".write_row("} == set()
    assert {path for path, word in found} <= {"storage/ledger/export_process.py", "api/http/tables.py"}
