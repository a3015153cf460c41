"""Builds dispatch rules."""

from inspections.remediation.dispatch_rules import DispatchRule
from tests.builders.office import HERE, new_id


def rule(lead="zhao", community=HERE.code, **more):
    facts = {"category": None, "group": None, "assisting": (), "accepts": True, **more}
    return DispatchRule(new_id(), community, lead=lead, **facts)
