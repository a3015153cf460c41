"""The queries of the domain about checklists, over one connection."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from inspections.rounds.checklists import Checklist, ChecklistState, ChecklistSummary
from storage.engine.columns import in_list
from storage.engine.unit_of_work import UnitOfWork
from storage.rounds.tables import checklists

_NEWEST_FIRST = checklists.c.code, checklists.c.version.desc()
_SUMMARIES = (
    select(*(checklists.c[name] for name in ChecklistSummary.__struct_fields__))
    .where(in_list(checklists.c.state, "states"))
    .order_by(*_NEWEST_FIRST)
)
_VERSIONS = select(checklists).where(checklists.c.code == bindparam("code")).order_by(*_NEWEST_FIRST)


class RoundRepository(UnitOfWork):
    """Queries over checklists."""

    def checklist_versions(self, code: str) -> Sequence[Checklist]:
        return self._select_for_update(Checklist, _VERSIONS, code=code)

    def checklist_summaries(self, states: tuple[ChecklistState, ...]) -> list[ChecklistSummary]:
        return [ChecklistSummary(*row) for row in self.fetch(_SUMMARIES, {"states": states})]

    def checklist(self, code: str, version: int | None) -> Checklist | None:
        """Returns this version; without one the published version, or the newest if none is published."""
        if version is not None:
            return self.get(Checklist, code, version)
        versions = self.checklist_versions(code)
        published = (each for each in versions if each.state is ChecklistState.PUBLISHED)
        return next(published, next(iter(versions), None))
