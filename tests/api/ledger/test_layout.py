"""An office chooses the columns of its ledger, and a ledger that goes out comes in whole."""

import io

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import create_engine, delete, text

from inspections.ledger.layout import COLUMN_TITLES
from storage.ledger.spreadsheet_cells import read_csv_rows
from storage.schema import METADATA
from tests.builders.api import THERE, on_both, problem
from tests.builders.ledgers import read_ledger

EVERY_COLUMN = [*({"field": field} for field in COLUMN_TITLES), {"title": "天气"}]
SHEET = (
    "编号,上报日期,社区,地点,类别,隐患描述,检查人,备注,天气,坐标,车辆国标\r\n"
    '7,2026-03-01,{},3幢,EV-03,纸板,王五,已告知,晴,"30.765432,120.751234 GCJ-02",新国标\r\n'
)


def import_file(api, data):
    headers = {"content-type": "application/octet-stream"}
    answer = api.call("admin", "POST", "/ledger/import", content=data, params={"apply": True}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def set_columns(api, columns, version=0):
    answer = api.post("admin", "/ledger/columns", {"version": version, "columns": columns})
    assert answer.status_code == 200, answer.text
    return answer.json()


def read_titles(api):
    return next(read_csv_rows(api.get("officer", "/ledger.csv").content))


def empty_ledger(api):
    """Deletes all hazards and whatever refers to them, as a new installation has none."""
    engine = create_engine(api.client.app.state.context.settings.database_url)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("truncate hazards cascade"))
        else:
            connection.execute(text("pragma foreign_keys = off"))
            names = ("hazards", "entries", "mentions", "escalations", "counters", "counter_deltas")
            for name in names:
                connection.execute(delete(METADATA.tables[name]))
    engine.dispose()


@on_both
@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_ledger_exported_emptied_and_imported_again_is_the_same_ledger(api, form):
    set_columns(api, EVERY_COLUMN)
    party = {"kind": "property", "name": "某物业", "phone": "0573-82000000"}
    point = {"lat": 30.765432, "lon": 120.751234, "crs": "gcj02"}
    api.close_report(quantity=3, description="=楼道堆物，\n“纸板”", responsible_party=party, point=point)
    accepted = api.report("inspector", category="EV-03", place="=5幢")
    api.take_step("officer", accepted, "accept")
    refused = api.report("inspector", category="WN-01")
    api.take_step("officer", refused, "reject", reason="不属实")
    import_file(api, SHEET.format("电子社区").encode())
    before = sorted(read_ledger(api), key=lambda line: line["上报时间"] + line["编号"])
    taken = api.get("officer", f"/ledger.{form}").content
    empty_ledger(api)
    assert read_ledger(api) == []
    assert import_file(api, taken)["new"] == 4
    after = sorted(read_ledger(api), key=lambda line: line["上报时间"] + line["原编号"])
    given = [line.pop("原编号") for line in after]
    kept = [line["编号"] if line["原编号"] == "" else line["原编号"] for line in before]
    for line in (*before, *after):
        line.pop("编号")  # of the year, given anew in the same order
        line.pop("原编号", None)
    assert after == before
    assert given == kept


@on_both
def test_an_imported_sheet_shows_what_it_said_in_the_columns_of_the_ledger(api):
    set_columns(api, EVERY_COLUMN)
    import_file(api, SHEET.format("电子社区").encode())
    (line,) = read_ledger(api)
    told = {"原编号": "7", "检查人": "王五", "备注": "已告知", "天气": "晴", "车辆国标": "新国标", "上报人": ""}
    assert {title: line[title] for title in told} == told
    assert line["坐标"] == "30.765432,120.751234 GCJ-02"
    (analyst,) = read_ledger(api, "analyst")
    assert {analyst[title] for title in ("原编号", "检查人", "备注", "天气", "坐标")} == {""}


@on_both
def test_the_ledger_names_people_lateness_and_supervision(api):
    late = api.assign_report()
    api.clock.advance(days=3)
    api.sign_in_again()
    api.take_step("supervisor", late, "supervise", level="district", document="安委〔2026〕3号")
    api.report("inspector2", community=THERE)
    (line,) = read_ledger(api)
    assert (line["逾期"], line["督办"], line["来源"]) == ("是", "区级督办 安委〔2026〕3号", "巡查上报")
    assert line["上报人"] == line["检查人"] != ""
    assert line["受理人"] != ""
    assert line["责任人"] != ""


@on_both
def test_an_office_chooses_orders_and_names_its_columns(api):
    assert api.get("officer", "/ledger/columns").json()["version"] == 0
    chosen = [
        {"field": "number"}, {"field": "community"}, {"field": "place", "title": "隐患部位"}, {"field": "category"},
        {"field": "description"}, {"field": "reported_at"}, {"field": "inspector", "title": "网格员"},
        {"title": "天气"},
    ]  # fmt: skip
    stored = set_columns(api, chosen)
    assert (stored["version"], stored["edited_by"]) == (1, "admin")
    assert set_columns(api, chosen) == stored  # the same again
    problem(api.post("admin", "/ledger/columns", {"version": 0, "columns": EVERY_COLUMN}), 409, "rules.stale")
    titles = ["编号", "社区", "隐患部位", "类别", "隐患描述", "上报时间", "网格员", "天气"]
    assert read_titles(api) == titles
    sheet = ",".join(titles) + "\r\n1,电子社区,3幢,EV-03,纸板,2026-03-01,王五,晴\r\n"
    assert import_file(api, sheet.encode())["aside"] == ["天气"]
    (line,) = read_ledger(api)
    assert (line["隐患部位"], line["网格员"], line["天气"]) == ("3幢", "王五", "晴")
    book = CalamineWorkbook.from_filelike(io.BytesIO(api.get("officer", "/ledger.xlsx").content))
    assert book.get_sheet_by_index(0).to_python()[0] == titles
    set_columns(api, EVERY_COLUMN, version=1)
    assert read_ledger(api)[0]["检查人"] == "王五"


def test_a_layout_that_an_import_could_not_read_is_refused(api):
    wrong = [
        {"field": "number"}, {"field": "number"}, {"field": "weather"}, {}, {"field": "place", "title": "隐患 部位"},
        {"title": "社区"}, {"title": "检查人"}, {"title": "天\u200b气"},
    ]  # fmt: skip
    for column, message in zip(
        wrong[1:-1], ("重复", "没有这一列", "须有列名", "不能有空格", "另一列", "另一列"), strict=True
    ):
        answer = api.post("admin", "/ledger/columns", {"version": 0, "columns": [{"field": "number"}, column]})
        assert message in problem(answer, 422, "step.needs")["errors"][0]["message"]
    answer = api.post("admin", "/ledger/columns", {"version": 0, "columns": [{"field": "number"}]})
    assert "无法再导入" in problem(answer, 422, "step.needs")["errors"][0]["message"]
    problem(
        api.post("admin", "/ledger/columns", {"version": 0, "columns": [*EVERY_COLUMN, wrong[-1]]}), 422, "step.needs"
    )
    assert api.get("admin", "/ledger/columns").json()["version"] == 0
