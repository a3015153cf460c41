"""The queries of the domain about dispatch rules and origins of fixes, over one connection."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select

from inspections.remediation.dispatch_rules import DispatchRule
from inspections.remediation.fix_origins import FixOrigin
from storage.engine.reference import ReferenceData
from storage.engine.unit_of_work import UnitOfWork
from storage.remediation.tables import fix_origins

_OLD_ORIGINS = (
    select(fix_origins).where(fix_origins.c.at < bindparam("now")).order_by(fix_origins.c.at).limit(bindparam("limit"))
)


def active_dispatch_rules(reference: ReferenceData) -> list[DispatchRule]:
    return [rule for rule in reference.records_by_key(DispatchRule).values() if rule.active]


class RemediationRepository(UnitOfWork):
    """Queries for dispatch rules, cached in memory, and for origins of fixes."""

    @property
    def dispatch_rules(self) -> Sequence[DispatchRule]:
        return self._reference.derive(active_dispatch_rules)

    def old_fix_origins(self, before: datetime, limit: int) -> list[FixOrigin]:
        return self._claim_due_rows(FixOrigin, _OLD_ORIGINS, before, limit)
