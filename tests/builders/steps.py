"""Cases on their way through the loop."""

from inspections.photos.actions.intake import receive_photos
from inspections.photos.records import Stage
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Accept, Assign, Recheck, Start, SubmitFix
from tests.builders.office import NOW, li, mention, new_id, photo, wang, zhao
from tests.builders.reports import reported


def take(office, who, hazard, kind, now=NOW, **facts):
    step = kind(id=facts.pop("id", new_id()), version=facts.pop("version", hazard.version), **facts)
    return office.do(take_step, who, hazard.id, step, now).hazard


def accepted(office, **facts):
    office.do(receive_photos, wang, [photo("a")], NOW)
    return take(office, li, reported(office, **facts), Accept)


def assigned(office, **facts):
    return take(office, li, accepted(office, **facts), Assign, lead="zhao")


def rectifying(office, **facts):
    return take(office, zhao, assigned(office, **facts), Start)


def fix(office, hazard, who=zhao, now=NOW, **facts):
    office.do(receive_photos, who, [photo("b")], NOW)
    facts = {"method": "清理", "quantity_done": hazard.quantity, "photos": (mention("b", Stage.AFTER),), **facts}
    return take(office, who, hazard, SubmitFix, now, **facts)


def submitted(office, **facts):
    return fix(office, rectifying(office, **facts))


def closed(office, **facts):
    return take(office, li, submitted(office, **facts), Recheck, result="pass", note="已整改")
