"""What a sheet says is imported: quantities add up, and words stay as they were written or an error says it."""

import io
import zipfile
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspections.errors import FileTooComplex, InvalidInput
from inspections.ledger.choices import NameIndex
from inspections.ledger.legacy_import import parse_ledger
from storage.ledger.import_process import read_sheets
from tests.builders.sheets import build_sheet

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
NAMES = NameIndex({"电子社区": "330402009036"}, {"楼道堆物": "EV-03"})
TITLES = ["编号", "上报日期", "社区", "地点", "类别", "隐患描述", "整改期限", "数量"]
PLACE, QUANTITY = TITLES.index("地点"), TITLES.index("数量")


def line(number, **cells):
    values = {"编号": f"M{number}", "上报日期": "2025-12-04", "社区": "电子社区", "地点": "3幢", "类别": "楼道堆物"}
    return [(values | {"隐患描述": "堆物"} | cells).get(title) for title in TITLES]


def parse(data):
    return parse_ledger(list(read_sheets(data)), NAMES, NOW)


def messages(data):
    parsed = parse(data)
    assert parsed.lines == []
    return {each.column: each.message for each in parsed.errors}


def quantities(data):
    parsed = parse(data)
    assert parsed.errors == []
    return [each.quantity for _, each in parsed.lines]


def sample(samples, name):
    return (samples / "cases" / name).read_bytes()


# quantities ---------------------------------------------------------------------------------------------------------


def test_a_quantity_merged_over_three_lines_counts_once(samples):
    data = sample(samples, "merged_quantity.xlsx")
    assert quantities(data) == [5, 0, 0]
    assert parse(data).notes == ["数量 H2:H4 合并单元格，只计一次，其余各行数量为 0"]


def test_words_of_a_merged_cell_hold_for_each_line_and_numbers_for_the_first():
    titles = [*TITLES, "罚款", "备注"]
    lines = [[*line(at, 隐患描述=None), None, None] for at in range(3)]
    spans = [(1, 5, 3, 5, "堆物"), (1, QUANTITY, 2, QUANTITY, 4), (1, 8, 3, 8, 500), (1, 9, 3, 9, "一并整改")]
    parsed = parse(build_sheet(titles, lines, spans))
    assert [(each.description, each.quantity) for _, each in parsed.lines] == [("堆物", 4), ("堆物", 0), ("堆物", 1)]
    assert [each.other.get("罚款") for _, each in parsed.lines] == ["500", None, None]
    assert [each.other["备注"] for _, each in parsed.lines] == ["一并整改"] * 3
    assert parsed.notes == ["数量 H2:H3 合并单元格，只计一次，其余各行数量为 0", "罚款 I2:I4 合并单元格，只计一次"]


def test_a_merged_cell_beside_the_quantity_says_nothing_of_it():
    across = (1, QUANTITY - 1, 2, QUANTITY, "2026-12-31")
    assert quantities(build_sheet(TITLES, [line(1), line(2)], [across])) == [1, 1]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.one_of(st.none(), st.integers(0, 90)), st.integers(0, 1)),
        min_size=1,
        max_size=6,
    )
)
def test_what_is_imported_adds_up_to_what_the_sheet_says(groups):
    """Each group is lines with one quantity, merged over them; a line without a quantity is one."""
    lines, spans, total = [], [], 0
    for length, quantity, to_the_left in groups:
        first = len(lines) + 1
        lines += [line(first + at, 数量=quantity if length == 1 else None) for at in range(length)]
        if length > 1:
            spans.append((first, QUANTITY, first + length - 1, QUANTITY, quantity))
            if to_the_left:
                spans.append((first, PLACE, first + length - 1, PLACE, "3幢"))
        total += length if quantity is None else quantity
    assert sum(quantities(build_sheet(TITLES, lines, spans))) == total


# texts --------------------------------------------------------------------------------------------------------------


def test_a_place_that_became_a_date_is_an_error_that_names_the_cell(samples):
    errors = [
        (each.line, each.column, each.message) for each in parse(sample(samples, "place_became_a_date.xlsx")).errors
    ]
    ask = "，请在表格中把该列设为文本，再重新填写"
    assert errors == [
        ("2", "地点", f"单元格 D2 是日期 2026-03-02，原文可能是 3-2{ask}"),
        ("3", "地点", f"单元格 D3 是逻辑值 TRUE{ask}"),
        ("4", "编号", f"单元格 A4 是日期 2025-12-01，原文可能是 12-1 或 2025-12{ask}"),
    ]


@pytest.mark.parametrize(
    ("cell", "pattern", "said"),
    [
        (time(3, 2), "hh:mm", "原文可能是 3:02"),
        (timedelta(hours=27, minutes=5), "[h]:mm", "原文可能是 27:05"),
        (3e201, "General", "是数字 3e+201"),
        (330402199001011234, "0", "是数字"),
        (1e-7, "General", "是数字 1e-07"),
        (datetime(2026, 3, 2, 8, 30), "yyyy-mm-dd hh:mm", "是时间 2026-03-02 08:30"),  # noqa: DTZ001  # as a sheet has it
    ],
    ids=str,
)
def test_what_a_spreadsheet_made_of_a_text_is_said(cell, pattern, said):
    found = messages(build_sheet(TITLES, [line(1, 地点=cell)], formats={"地点": pattern}))
    assert said in found["地点"]
    assert "单元格 D2" in found["地点"]


def test_whole_numbers_are_texts_and_a_column_without_a_field_keeps_its_dates():
    titles = [*TITLES, "巡查日"]
    data = build_sheet(titles, [[*line(1, 编号=12, 地点=302), date(2025, 12, 1)]], formats={"巡查日": "yyyy-mm-dd"})
    ((_, found),) = parse(data).lines
    assert (found.number, found.place, found.other) == ("12", "302", {"巡查日": "2025-12-01"})


# dates --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", [46000, "46000", 46000.0, "2025-12-09"])
def test_a_serial_date_in_a_general_cell_is_a_day(cell):
    ((_, found),) = parse(build_sheet(TITLES, [line(1, 上报日期=cell, 整改期限=cell)])).lines
    assert found.reported_at == datetime(2025, 12, 8, 16, tzinfo=UTC)
    assert found.due_at == datetime(2025, 12, 9, 16, tzinfo=UTC)


def test_a_serial_date_with_a_fraction_is_a_time():
    ((_, found),) = parse(build_sheet(TITLES, [line(1, 上报日期=46000 + 9.5 / 24)])).lines
    assert found.reported_at == datetime(2025, 12, 9, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("cell", [1, 20000, 2958466, "1899-12-30", "1850年1月1日", -5])
def test_a_date_that_is_none_or_before_1970_is_an_error(cell):
    assert "不是日期" in messages(build_sheet(TITLES, [line(1, 上报日期=cell)]))["上报日期"]


def test_the_end_of_a_day_is_read_as_it_is_written():
    ((_, found),) = parse(build_sheet(TITLES, [line(1, 整改期限="2026-11-23 24:00")])).lines
    assert found.due_at == datetime(2026, 11, 23, 16, tzinfo=UTC)
    assert "不是日期" in messages(build_sheet(TITLES, [line(1, 整改期限="2026-11-23 24:01")]))["整改期限"]


# formats ------------------------------------------------------------------------------------------------------------


def test_an_html_table_called_xls_is_read(samples):
    parsed = parse(sample(samples, "html_called_xls.xls"))
    assert parsed.errors == []
    ((where, found),) = parsed.lines
    assert (where, found.number, found.quantity) == ("2", "F1", 1)


def test_merged_cells_of_an_html_table_are_read_as_those_of_a_workbook():
    head = "".join(f"<td>{title}</td>" for title in TITLES)
    cells = "<td>M{}<td>2025-12-04<td>电子社区<td>{}<td>楼道堆物"
    page = f"""<html><body><table><tr><td colspan=8>台账</td></tr><tr>{head}</tr>
    <tr>{cells.format(1, "3<br>幢")}<td rowspan="2">堆物<td><td rowspan=2>5</tr>
    <tr>{cells.format(2, "4幢 &amp; 5幢 <table><tr><td>内</td></tr></table>")}<td></td></tr></table>"""
    for data in (page.encode(), page.encode("gb18030"), page.encode("utf-16")):
        parsed = parse(data)
        assert parsed.errors == []
        assert [(each.description, each.quantity) for _, each in parsed.lines] == [("堆物", 5), ("堆物", 0)]
        assert parsed.lines[0][1].place == "3 幢"
        assert parsed.notes == ["数量 H3:H4 合并单元格，只计一次，其余各行数量为 0"]
    with pytest.raises(FileTooComplex):
        parse(page.replace("colspan=8", "colspan=99999").encode())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8", "gb18030"])
def test_text_with_tabs_is_read(encoding):
    rows = [TITLES, [cell or "" for cell in line(1, 隐患描述="堆物,若干", 数量="3")]]
    text = "\r\n".join("\t".join(f'"{cell}"' if "," in cell else cell for cell in row) for row in rows)
    assert quantities(text.encode(encoding)) == [3]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"MIME-Version: 1.0\r\nContent-Type: multipart/related", "另存为 XLSX"),
        (b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">', "另存为 XLSX"),
        (b"\xd0\xcf\x11\xe0" + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "有密码"),
        (b"\xff\xfe\x00", "无法读取"),
        (b"No,Date,Community,Place,Category,Description\r\n1,2025-12-04,x,y,z,w", "找不到表头，须有列"),
        ("\r\n".join([",".join(TITLES), ",".join(["1"] * 8)]).replace("隐患描述", "地点").encode(), "缺少列：隐患描述"),
        ("\r\n".join([",".join([*TITLES, "地点"])]).encode(), "有重复的列：地点"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_words(data, words):
    with pytest.raises(InvalidInput, match=words):
        parse(data)


def test_a_second_column_of_an_unknown_title_is_kept_beside_the_first():
    ((_, found),) = parse(build_sheet([*TITLES, "备注", "备注"], [[*line(1), "甲", "乙"]])).lines
    assert found.other == {"备注": "甲", "备注（2）": "乙"}


def test_a_repeated_row_of_titles_and_an_old_proof_are_no_lines():
    rows = [TITLES, line(1), TITLES, line(2), ["#", 2, f"sha256:{'0' * 64}"]]
    csv = "\r\n".join(",".join(str(cell or "") for cell in row) for row in rows)
    assert quantities(csv.encode()) == [1, 1]
    book = build_sheet(TITLES, [*rows[1:4], [*rows[4], *[None] * 5]])
    assert quantities(book) == [1, 1]


# formulas -----------------------------------------------------------------------------------------------------------


def without_results(data, *cells):
    """The workbook as a program writes it that does not calculate: formulas without values in these cells."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as sound, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name in sound.namelist():
            page = sound.read(name).decode()
            if name == "xl/worksheets/sheet1.xml":
                for cell in cells:
                    start = page.index(f'<c r="{cell}"')
                    end = page.index("</c>", start) + 4
                    page = f'{page[:start]}<c r="{cell}"><f>SUM(1,2)</f><v></v></c>{page[end:]}'
            made.writestr(name, page)
    return file.getvalue()


def test_a_formula_without_a_result_is_an_error_that_names_the_cell():
    found = messages(without_results(build_sheet(TITLES, [line(1, 整改期限="x", 数量=2)]), "G2", "H2"))
    assert found == {
        title: f"单元格 {cell} 的公式没有保存结果，请在表格程序中打开该文件，保存后再导入"
        for title, cell in (("整改期限", "G2"), ("数量", "H2"))
    }


def test_a_formula_without_a_result_in_a_column_without_a_field_is_said():
    parsed = parse(without_results(build_sheet([*TITLES, "备注"], [[*line(1), "x"]]), "I2"))
    assert (parsed.errors, parsed.notes) == ([], ["备注 I2 的公式没有保存结果，未导入"])
