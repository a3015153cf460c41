"""The ledger as the office knows it: every hazard a line, whole, of one moment."""

import asyncio
import io
import sys
from contextlib import AsyncExitStack

import pytest
from python_calamine import CalamineWorkbook

from api.http.file_reader import FileTurns
from api.http.problems import Stalled
from api.http.tables import Form
from api.ledger import routes as ledgers
from inspections.accounts.policy import EVERYWHERE
from inspections.errors import TooCostly
from inspections.ledger.selection import Selection
from tests.builders.api import HERE, THERE, on_both, problem
from tests.builders.ledger_files import ledger
from tests.builders.worked_cases import worked


@on_both
def test_the_ledger_has_every_hazard_as_the_office_knows_it(api):
    party = {"kind": "property", "name": "=某物业", "phone": "0573-82000000"}
    hazard = api.closed(quantity=3, description="楼道堆物，\n“纸板”", responsible_party=party)
    api.report("inspector", category="EB-02")
    api.report("inspector2", community=THERE)
    fixed, newest = sorted(ledger(api), key=lambda line: line["编号"])
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
    assert fixed["整改前照片"].endswith(f"/api/v1/photos/{before}?size=1280")
    assert api.get("officer", fixed["整改前照片"].partition("/api/v1")[2]).status_code == 200
    assert [each["编号"] for each in ledger(api, "officer2")] != [newest["编号"]]
    assert len(ledger(api, "officer2")) == 1


@on_both
def test_an_analyst_takes_it_away_without_names_and_words(api):
    api.closed(responsible_party={"kind": "owner", "name": "张三", "phone": "13800000000"})
    (line,) = ledger(api, "analyst")
    assert line["编号"]
    assert line["状态"] == "已销号"
    personal = ("地点", "隐患描述", "责任主体", "联系电话", "整改措施", "复查人")
    assert [line[name] for name in personal] == [""] * len(personal)
    problem(api.get("handler", "/ledger.csv"), 403, "role.forbidden")
    problem(api.get("inspector", "/ledger.csv"), 403, "role.forbidden")


@on_both
def test_it_has_as_many_lines_as_were_counted(api):
    worked(api)
    for query in (
        {},
        {"category": "EB-02"},
        {"group": "电动车充电"},
        {"severity": "major"},
        {"from": "2026-11-23", "to": "2026-11-23"},
        {"from": "2026-11-24"},
        {"community": HERE, "street": HERE[:9], "source": "inspector"},
    ):
        assert len(ledger(api, "analyst", **query)) == api.counts(**query)["total"]["received"]
    problem(api.get("analyst", "/ledger.csv", params={"community": THERE}), 404, "community.not_found")
    problem(api.get("analyst", "/ledger.csv?from=2026-02-02&to=2026-02-01"), 422, "step.needs")


@on_both
def test_the_workbook_is_the_same_and_holds_no_formula(api):
    api.report("inspector", description="=1+1")
    api.closed()
    book = api.get("officer", "/ledger.xlsx")
    assert book.status_code == 200
    assert book.headers["content-disposition"] == 'attachment; filename="ledger.xlsx"'
    head, *rows = CalamineWorkbook.from_filelike(io.BytesIO(book.content)).get_sheet_by_index(0).to_python()
    told = [dict(zip(head, row, strict=True)) for row in rows]
    lines = ledger(api)
    assert [each["编号"] for each in told] == [each["编号"] for each in lines]
    assert {each["隐患描述"] for each in told} == {"=1+1", lines[0]["隐患描述"], lines[1]["隐患描述"]} - {"'=1+1"}
    assert told[0]["数量"] == 1  # a number, not its text
    assert b"<f>" not in book.content


def test_taking_it_away_leaves_a_line_in_the_security_log(api):
    api.report("inspector")
    ledger(api, "analyst", category="EB-01")
    (event,) = [each for each in api.get("admin", "/security/events").json()["items"] if each["event"] == "exported"]
    assert (event["by"], event["about"], event["facts"]) == (
        "analyst",
        "ledger",
        {"form": "csv", "category": "EB-01"},
    )


def test_one_at_a_time(api):
    exporting = api.client.app.state.context.part(FileTurns).people
    exporting.add("analyst")
    refused = api.get("analyst", "/ledger.csv")
    problem(refused, 429, "requests.too_many")
    assert int(refused.headers["retry-after"]) > 0
    exporting.clear()
    assert ledger(api, "analyst") == []
    assert not exporting


def test_a_process_that_fails_is_no_empty_ledger(api, monkeypatch):
    monkeypatch.setattr("api.ledger.routes.COMMAND", ("false",))
    problem(api.get("analyst", "/ledger.csv"), 503, "store.unavailable")
    monkeypatch.undo()
    assert ledger(api, "analyst") == []


@pytest.mark.parametrize(
    "ends", ["sys.exit(4)", "resource.setrlimit(resource.RLIMIT_CPU, (1, 1)); exec('while 1: pass')"]
)
def test_a_ledger_that_takes_more_than_it_may_is_refused_in_words(api, monkeypatch, ends):
    monkeypatch.setattr("api.ledger.routes.COMMAND", (sys.executable, "-c", f"import resource, sys; {ends}"))
    refused = problem(api.get("analyst", "/ledger.xlsx"), 422, "step.needs")
    assert refused["errors"][0]["message"] == TooCostly.words
    monkeypatch.undo()
    assert ledger(api, "analyst") == []


def test_figures_of_too_many_rows_are_no_table(api, monkeypatch):
    monkeypatch.setattr("api.statistics.responses._ROWS", 1)
    refused = problem(api.get("analyst", "/statistics/communities?format=xlsx"), 422, "step.needs")
    assert refused["errors"][0]["message"] == TooCostly.words
    assert api.get("analyst", "/statistics/communities").status_code == 200


def test_who_stops_reading_keeps_nobody_from_theirs(api, monkeypatch):
    monkeypatch.setattr(ledgers, "_STALL_SECONDS", 0.2)
    monkeypatch.setattr(ledgers, "_PIECE", 10)
    api.report("inspector")
    context = api.client.app.state.context
    selection = Selection(EVERYWHERE, EVERYWHERE, "http://anxun.test", None, None, ("EB-01",), None, None, None, None)

    async def stalled():
        stack = AsyncExitStack()
        stack.enter_context(ledgers.one_of_few(context, "officer"))
        process, file = await ledgers._begun(stack, context, selection, Form.CSV)
        pieces = ledgers._pieces(stack, process, file)
        first = await anext(pieces)
        second = await anext(pieces)
        assert len(first + second) == 20
        assert "officer" in context.part(FileTurns).people
        while context.part(FileTurns).people:  # noqa: ASYNC110  # as whoever waits for a place does
            await asyncio.sleep(0.05)
        assert (file.closed, process.returncode is not None) == (True, True)
        with pytest.raises(Stalled):  # the answer breaks off, and is seen to
            await anext(pieces)

    api.client.blocking_portal.call(stalled)
    assert len(ledger(api)) == 1
