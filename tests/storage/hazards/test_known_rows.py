"""A row that was read before gives the same record, and a row that has changed gives the changed one."""

from msgspec.structs import replace
from sqlalchemy import select

from inspections.change import Change
from inspections.hazards.records import Hazard
from inspections.remediation.actions.reporting import report_hazard
from storage.hazards.tables import hazards
from tests.builders.office import NOW, later, new_id, wang
from tests.builders.reports import report

QUERY = select(hazards).order_by(hazards.c.id)


def test_lists_return_the_same_records_for_unchanged_rows(desk):
    first = desk.do(report_hazard, wang, report(id=new_id()), NOW).reported.hazard
    second = desk.do(report_hazard, wang, report(id=new_id()), NOW).reported.hazard
    before = {each.id: each for each in desk.database.read_sync(lambda repository: repository.select(Hazard, QUERY))}
    changed = replace(second, description="楼道里有两辆电动车", updated_at=later(hours=1))
    desk.do(lambda _: Change(None, changed=((second, changed),)))
    after = {each.id: each for each in desk.database.read_sync(lambda repository: repository.select(Hazard, QUERY))}
    assert after[first.id] is before[first.id]
    assert (before[second.id], after[second.id]) == (second, changed)
