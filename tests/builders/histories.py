"""Builds the histories of several hazards and finds the defects in them."""

import msgspec

from inspections.hazards.history import HistorySummary, find_history_defects
from inspections.hazards.records import Hazard, HistoryEntry, Party
from inspections.photos.actions.intake import receive_photos
from inspections.photos.records import Stage
from inspections.places.coordinates import Point
from inspections.remediation.actions.escalation import escalate
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Accept, Assign, FixedOnSpot, LookBack, Note, Recheck, Start, SubmitFix
from tests.builders.office import NOW, Office, later, li, new_id, photo, photo_declaration, wang, zhao
from tests.builders.reports import report

PARTY = Party("merchant", "陈记小吃", "0573-8200123")


def create_histories(do):
    """Creates three hazards with histories: a whole loop with a rebound, an escalation, a fix on the spot."""
    do(receive_photos, wang, [photo("a"), photo("b")], NOW)
    do(receive_photos, zhao, [photo("c")], NOW)

    def steps(hazard, *taken):
        for at, (who, kind, facts) in enumerate(taken):
            hazard = do(take_step, who, hazard.id, kind(id=new_id(), version=at + 1, **facts), later(hours=at)).hazard
        return hazard

    point = Point(30.7512345, 120.75, "gcj02", 12.5)
    first = do(report_hazard, wang, report(responsible_party=PARTY, point=point, quantity=2), NOW).reported.hazard
    steps(
        first,
        (li, Accept, {}),
        (li, Assign, {"lead": "zhao", "assisting": ("sun",)}),
        (zhao, Start, {}),
        (zhao, SubmitFix, {"method": "清理", "quantity_done": 2, "photos": (photo_declaration("c", Stage.AFTER),)}),
        (li, Recheck, {"result": "pass", "note": "已清理"}),
        (wang, LookBack, {"result": "rebound", "note": "又堆上了", "photos": (photo_declaration("b", Stage.RECHECK),)}),
    )
    second = do(report_hazard, wang, report(category="EB-01"), NOW).reported.hazard
    steps(second, (li, Accept, {}), (li, Note, {"note": "房东 13800000000"}))
    do(escalate, later(days=9), 10)
    spot = FixedOnSpot("当场搬走", 1)
    photos = (photo_declaration("a"), photo_declaration("b", Stage.AFTER))
    third = do(report_hazard, wang, report(fixed_on_spot=spot, photos=photos), NOW).reported.hazard
    return first.id, second.id, third.id


def office_with_histories():
    office = Office()
    return office, create_histories(office.do)


def history_summary(hazard):
    return HistorySummary(hazard.id, hazard.number, hazard.state, hazard.history_length, hazard.history_head)


def history_defects(office):
    """Finds every defect in every history of the office."""
    return [
        each
        for hazard in office.all(Hazard)
        for each in find_history_defects(history_summary(hazard), office.history(hazard.id))
    ]


def round_trip_json(line):
    """Returns an entry as it comes back from a store or an export."""
    return msgspec.json.decode(msgspec.json.encode(line), type=HistoryEntry)
