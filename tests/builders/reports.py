"""Builds reports as an inspector makes them."""

from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.steps import Report
from tests.builders.office import HERE, NOW, new_id, photo_declaration, wang


def report(**facts):
    return Report(
        **{
            "id": new_id(),
            "community": HERE.code,
            "category": "EV-03",
            "description": "楼道堆物",
            "place": "3幢2单元",
            "found_at": NOW,
            "photos": (photo_declaration("a"),),
            **facts,
        }
    )


def report_new_hazard(office, by=wang, **facts):
    return office.do(report_hazard, by, report(**facts), NOW).reported.hazard
