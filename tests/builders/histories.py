"""Histories of several hazards as the office writes them, and the ways in which somebody might change them."""

import msgspec

from inspections.hazards.history import Heading, breaks
from inspections.hazards.records import Entry, Hazard, Party
from inspections.photos.actions.intake import receive_photos
from inspections.photos.records import Stage
from inspections.places.coordinates import Point
from inspections.remediation.actions.escalation import escalate
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Accept, Assign, FixedOnSpot, LookBack, Note, Recheck, Start, SubmitFix
from tests.builders.office import NOW, Office, later, li, mention, new_id, photo, wang, zhao
from tests.builders.reports import report

PARTY = Party("merchant", "陈记小吃", "0573-8200123")


def worked(do):
    """Three hazards with a history each: a whole loop with a rebound, an escalation, a fix on the spot."""
    do(receive_photos, wang, [photo("a"), photo("b")], NOW)
    do(receive_photos, zhao, [photo("c")], NOW)

    def steps(hazard, *taken):
        for at, (who, kind, facts) in enumerate(taken):
            hazard = do(take_step, who, hazard.id, kind(id=new_id(), version=at + 1, **facts), later(hours=at)).hazard
        return hazard

    point = Point(30.7512345, 120.75, "gcj02", 12.5)
    first = do(report_hazard, wang, report(responsible_party=PARTY, point=point, quantity=2), NOW).dossier.hazard
    steps(
        first,
        (li, Accept, {}),
        (li, Assign, {"lead": "zhao", "assisting": ("sun",)}),
        (zhao, Start, {}),
        (zhao, SubmitFix, {"method": "清理", "quantity_done": 2, "photos": (mention("c", Stage.AFTER),)}),
        (li, Recheck, {"result": "pass", "note": "已清理"}),
        (wang, LookBack, {"result": "rebound", "note": "又堆上了", "photos": (mention("b", Stage.RECHECK),)}),
    )
    second = do(report_hazard, wang, report(category="EB-01"), NOW).dossier.hazard
    steps(second, (li, Accept, {}), (li, Note, {"note": "房东 13800000000"}))
    do(escalate, later(days=9), 10)
    spot = FixedOnSpot("当场搬走", 1)
    photos = (mention("a"), mention("b", Stage.AFTER))
    third = do(report_hazard, wang, report(fixed_on_spot=spot, photos=photos), NOW).dossier.hazard
    return first.id, second.id, third.id


def office_with_histories():
    office = Office()
    return office, worked(office.do)


def heading(hazard):
    return Heading(hazard.id, hazard.number, hazard.state, hazard.history_length, hazard.history_head)


def broken(office):
    """Every break in every history of the office."""
    return [each for hazard in office.all(Hazard) for each in breaks(heading(hazard), office.history(hazard.id))]


def through_json(line):
    """A line as it comes back from a store or an export."""
    return msgspec.json.decode(msgspec.json.encode(line), type=Entry)
