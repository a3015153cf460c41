"""A hostile spreadsheet, table or map is refused with a message, costs the server no memory, and stores nothing."""

import io
import json
import time
import zipfile

import psutil
import pytest
import xlsxwriter

from tests.builders.api import HERE, body
from tests.builders.waiting import PATIENCE

TITLES = ["社区", "地点", "类别", "隐患描述", "上报时间"]
LINE = [HERE, "3幢", "EV-03", "纸板", "2025-03-04"]
CSV = "\r\n".join(map(",".join, (TITLES, LINE)))
MIB = 1 << 20
SECONDS = 5
"""Seconds of processor time that a request of a megabyte may take, some hundred times what it takes."""
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def workbook(titles=TITLES, lines=(LINE,)):
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        page = book.add_worksheet()
        for at, row in enumerate((titles, *lines)):
            page.write_row(at, 0, row)
    return file.getvalue()


def replace_part(name, content, *, size=None):
    """A workbook with another part of this name. `size`: the size that the archive declares, falsely."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook())) as sound, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for each in sound.namelist():
            if each != name:
                made.writestr(each, sound.read(each))
        made.writestr(name, content)
        if size is not None:
            made.getinfo(name).file_size = size
    return file.getvalue()


def page(cells, head=""):
    return f'<?xml version="1.0"?>{head}<worksheet xmlns="{MAIN}"><sheetData>{cells}</sheetData></worksheet>'.encode()


def row_of(text):
    cells = "".join(f'<c t="inlineStr"><is><t>{each}</t></is></c>' for each in [*LINE[:3], text, LINE[4]])
    titles = "".join(f'<c t="inlineStr"><is><t>{each}</t></is></c>' for each in TITLES)
    return f"<row>{titles}</row><row>{cells}</row>"


LAUGHS = (
    '<!DOCTYPE w [<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 11))
    + ' <!ENTITY file SYSTEM "file:///etc/passwd"> <!ENTITY far SYSTEM "http://127.0.0.1:1/x">]>'
)
SHEET = "xl/worksheets/sheet1.xml"
BOMB = b" " * (190 * MIB)
WORKBOOKS = {
    "a billion laughs": lambda: replace_part(SHEET, page(row_of("&a10;"), LAUGHS)),
    "a file of the server": lambda: replace_part(SHEET, page(row_of("&file;"), LAUGHS)),
    "an address": lambda: replace_part(SHEET, page(row_of("&far;"), LAUGHS)),
    "a page of 190 MB that declares 10 bytes": lambda: replace_part(SHEET, page("") + BOMB, size=10),
    "a table of texts of 190 MB": lambda: replace_part(
        "xl/sharedStrings.xml", f'<sst xmlns="{MAIN}">'.encode() + b"<si><t>x</t></si>" * 10_000_000 + b"</sst>"
    ),
    "elements a million deep": lambda: replace_part(SHEET, page("<row>" * 1_000_000)),
    "16384 columns": lambda: workbook([*TITLES, *(f"列{at}" for at in range(16_379))]),
    "a cell in the last row and column": lambda: replace_part(
        SHEET, page(row_of("纸板") + '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row>')
    ),
    "a workbook in a workbook": lambda: replace_part(SHEET, workbook()),
}
TABLES = {
    "a million columns": CSV.replace("\r\n", "," + ",".join(f"t{at}" for at in range(1_000_000)) + "\r\n"),
    "a million empty columns": CSV + "," * 1_000_000,
    "a title of 100 kB": CSV.replace("\r\n", "," + "t" * 100_000 + "\r\n"),
    "a quote that never ends": CSV + '\r\n"' + "x\r\n" * 5_000_000,
    "millions of empty lines": CSV + "\r\n" * 9_000_000,
    "a line of 20,000 blanks": CSV + "\r\n" + ",".join([*LINE[:4], "2025-1-1" + " " * 20_000 + "x"]) * 1,
    "a thousand lines with long wrong dates": CSV + ("\r\n" + ",".join([*LINE[:4], "日" * 6000])) * 1000,
    "a date of 131,000 digits": CSV + "\r\n" + ",".join([*LINE[:4], "9" * 131_000]),
}


def send(api, path, data):
    headers = {"content-type": "application/octet-stream"}
    return api.call("admin", "POST", path, content=data, headers=headers, timeout=PATIENCE)


@pytest.fixture
def small_answers(api):
    """Checks that nothing was stored, and that the server itself did not grow by what the file expands to."""
    before = psutil.Process().memory_info().rss
    yield
    assert psutil.Process().memory_info().rss - before < 256 * MIB
    assert api.get("officer", "/hazards").json()["items"] == []


def check_refusal_or_preview(answer):
    """A refusal, or a preview that shows no more of the file than a page."""
    assert answer.status_code in {200, 422}, answer.text[:500]
    assert len(answer.content) < MIB
    assert "root:" not in answer.text


@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize("name", WORKBOOKS)
def test_a_hostile_workbook_is_refused_or_read_as_it_is(api, name):
    check_refusal_or_preview(send(api, "/ledger/import", WORKBOOKS[name]()))


@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize("name", TABLES)
def test_a_hostile_table_is_refused_or_read_as_it_is(api, name):
    check_refusal_or_preview(send(api, "/ledger/import", TABLES[name].encode()))


@pytest.mark.parametrize("path", ["/communities/import", "/devices/import"])
@pytest.mark.parametrize("name", ["a million columns", "a million empty columns", "a quote that never ends"])
def test_a_hostile_table_of_communities_or_devices_is_refused_or_read_as_it_is(api, path, name):
    data = TABLES[name].replace("社区", "code").replace("地点", "name").encode()[:7_900_000]
    answer = send(api, path, data)
    assert answer.status_code in {200, 413, 422}, answer.text[:500]
    assert len(answer.content) < MIB


DEEP = 200_000
MAPS = {
    "deep coordinates": '{"features":[{"geometry":{"type":"Polygon","coordinates":' + "[" * DEEP + "]" * DEEP + "}}]}",
    "deep properties": '{"features":[{"properties":{"name":' + '{"a":' * DEEP + "1" + "}" * DEEP + "}}]}",
    "a position of a million digits": '{"features":[{"geometry":{"type":"Polygon","coordinates":[[['
    + "9" * 1_000_000
    + ",1]]]}}]}",
    "a huge exponent": '{"features":[{"geometry":{"type":"Polygon","coordinates":[[[1e999999999,1]]]}}]}',
    "a code of a million digits": json.dumps({"features": [{"properties": {"code": "1" * 1_000_000, "name": "x"}}]}),
    "a number of a million digits": '{"features":[{"properties":{"code":' + "1" * 1_000_000 + ',"name":"x"}}]}',
    "a map in a map": json.dumps(
        {"features": [{"geometry": {"type": "GeometryCollection", "coordinates": []}}] * 5000}
    ),
}


@pytest.mark.parametrize("name", MAPS)
def test_a_hostile_map_is_refused(api, name):
    answer = send(api, "/communities/import", MAPS[name].encode())
    assert answer.status_code == 422, answer.text[:500]
    assert len(answer.content) < MIB


NUMBERS = {
    "a million digits": "9" * 900_000,
    "a fraction of a million digits": "0." + "1" * 900_000,
    "a huge exponent": "1e999999999",
    "a tiny exponent": "1e-999999999",
    "an exponent of a million digits": "1e" + "9" * 900_000,
    "a million blanks": " " * 900_000 + "[",
    "deep lists": "[" * 900_000,
    "deep objects": '{"a":' * 180_000,
}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_hostile_number_or_depth_in_json_is_refused(api, name):
    marked = json.dumps(body(quantity=12345, point={"lat": 30.77, "lon": 67.89, "crs": "wgs84"}))
    began = time.process_time()
    for at, statuses in (("12345", {400, 422}), ("67.89", {201, 400, 422})):  # a long fraction is a longitude
        sent = marked.replace(at, NUMBERS[name]).encode()
        answer = api.call("inspector", "POST", "/hazards", content=sent, headers={"content-type": "application/json"})
        assert answer.status_code in statuses, (at, answer.text[:300])
        assert len(answer.content) < 10_000
    assert time.process_time() - began < SECONDS


def test_an_unknown_field_of_a_megabyte_is_refused_in_little_time_and_words(api):
    """The message of the parser quotes the name, which must not be searched again and again."""
    name = " - at `$" * 100_000 + "\n"
    began = time.process_time()
    for path, who in (("/auth/login", None), ("/hazards", "inspector")):
        answer = api.post(who, path, {"username": "officer", name: 1})
        assert answer.status_code == 422
        assert len(answer.content) < 10_000
    assert time.process_time() - began < SECONDS
