"""Builds hazards at each stage of the loop."""

from inspections.photos.actions.intake import receive_photos
from inspections.photos.records import Stage
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Accept, Assign, Recheck, Start, SubmitFix
from tests.builders.office import NOW, li, new_id, photo, photo_declaration, wang, zhao
from tests.builders.reports import report_new_hazard


def take(office, who, hazard, kind, now=NOW, **facts):
    step = kind(id=facts.pop("id", new_id()), version=facts.pop("version", hazard.version), **facts)
    return office.do(take_step, who, hazard.id, step, now).hazard


def accepted_hazard(office, **facts):
    office.do(receive_photos, wang, [photo("a")], NOW)
    return take(office, li, report_new_hazard(office, **facts), Accept)


def assigned_hazard(office, **facts):
    return take(office, li, accepted_hazard(office, **facts), Assign, lead="zhao")


def rectifying_hazard(office, **facts):
    return take(office, zhao, assigned_hazard(office, **facts), Start)


def fix(office, hazard, who=zhao, now=NOW, **facts):
    office.do(receive_photos, who, [photo("b")], NOW)
    facts = {
        "method": "清理",
        "quantity_done": hazard.quantity,
        "photos": (photo_declaration("b", Stage.AFTER),),
        **facts,
    }
    return take(office, who, hazard, SubmitFix, now, **facts)


def submitted_hazard(office, **facts):
    return fix(office, rectifying_hazard(office, **facts))


def closed_hazard(office, **facts):
    return take(office, li, submitted_hazard(office, **facts), Recheck, result="pass", note="已整改")
