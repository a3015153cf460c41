"""Builds hazards on which a supervisor has decided."""

from datetime import timedelta

from inspections.hazards.records import Arrangements
from inspections.remediation.steps import Suspend
from tests.builders.office import NOW, later, ma
from tests.builders.steps import take

FIVE = Arrangements("张三", "断电、值守", later(days=3), "五万元", "疏散预案")


def suspend_hazard(office, hazard, now=NOW, days=20):
    facts = {"reason": "产权争议", "measures": "断电、张贴警示", "review_at": now + timedelta(days=days)}
    return take(office, ma, hazard, Suspend, now, **facts)
