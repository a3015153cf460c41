"""The queries of the domain about dispatch rules, over one connection."""

from collections.abc import Sequence

from inspections.remediation.dispatch_rules import DispatchRule
from storage.engine.reference import ReferenceData
from storage.engine.unit_of_work import UnitOfWork


def active_dispatch_rules(reference: ReferenceData) -> list[DispatchRule]:
    return [rule for rule in reference.records_by_key(DispatchRule).values() if rule.active]


class RemediationRepository(UnitOfWork):
    """Queries for dispatch rules, cached in memory."""

    @property
    def dispatch_rules(self) -> Sequence[DispatchRule]:
        return self._reference.derive(active_dispatch_rules)
