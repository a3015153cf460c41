"""Imports the office's communities from a table or a map."""

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.policy import Scope
from inspections.change import Change
from inspections.places.communities import Community, Street
from inspections.places.community_import import COLUMNS, Boundary, ImportedCommunity, ParsedCommunities
from inspections.places.repository import PlaceRepository
from inspections.request_texts import check_texts
from inspections.table_import import MAX_LISTED_ERRORS, InvalidLines, LineError
from inspections.text import is_same_name


class CommunityImportResult(Struct, frozen=True):
    """The numbers of new communities and of those with a changed name, street or outline. `applied`: stored."""

    applied: bool
    lines: int
    new: int
    changed: int
    wrong: int
    errors: list[LineError]


def import_places(
    repository: PlaceRepository, reach: Scope, listing: ParsedCommunities, *, apply: bool
) -> Change[CommunityImportResult]:
    """Imports all listed communities or none; others stay unchanged. With `apply`, raises InvalidLines on any error."""
    errors = [*listing.errors, *_scope_errors(reach, listing), *_name_errors(repository, listing)]
    if errors and apply:
        raise InvalidLines(errors[:MAX_LISTED_ERRORS], len(errors))
    plan = _ImportPlan(repository)
    for _, each in listing.lines:
        plan.add(each)
    count, wrong = len(listing.lines) + len(listing.errors), len(errors)
    answer = CommunityImportResult(apply, count, plan.added, plan.altered, wrong, errors[:MAX_LISTED_ERRORS])
    return Change(answer, tuple(plan.new_records), tuple(plan.changed_records)) if apply else Change(answer)


def _scope_errors(reach: Scope, listing: ParsedCommunities) -> list[LineError]:
    return [
        COLUMNS.error(where, "code", "不在您的管理范围内")
        for where, each in listing.lines
        if not reach.covers_community(each.code)
    ]


def _name_errors(repository: PlaceRepository, listing: ParsedCommunities) -> list[LineError]:
    """Errors of names with invisible characters, unless the same name is stored already."""
    found: list[LineError] = []
    for where, each in listing.lines:
        if errors := check_texts(each)[1]:
            known = repository.get(Community, each.code), repository.get(Street, each.code[:9])
            errors = check_texts(each, [place.name for place in known if place])[1]
        found += [COLUMNS.error(where, field, words) for field, words in errors[:1]]
    return found


class _ImportPlan:
    """The changes that a list makes to streets, communities and boundaries, each record once."""

    def __init__(self, repository: PlaceRepository) -> None:
        self._repository = repository
        self._streets: dict[str, tuple[Street | None, Street]] = {}
        self._new: list[Struct] = []
        self._changed: list[tuple[Struct, Struct]] = []
        self.added = self.altered = 0

    def add(self, listed: ImportedCommunity) -> None:
        before = self._repository.get(Community, listed.code)
        community = Community(listed.code, _stored_name(before, listed.name))
        differs = self._record_change(before, community) | self._update_street(listed, community.street)
        if listed.outline is not None:
            known = self._repository.get(Boundary, listed.code)
            differs |= self._record_change(known, Boundary(listed.code, listed.outline))
        self.added += before is None
        self.altered += before is not None and differs

    def _update_street(self, listed: ImportedCommunity, code: str) -> bool:
        """Updates the street and tells whether it changed; a street without a name is named by its code."""
        if code not in self._streets:
            before = self._repository.get(Street, code)
            self._streets[code] = before, before or Street(code, code, code)
        before, street = self._streets[code]
        names: dict[str, Any] = {
            "name": listed.street and _stored_name(street, listed.street),
            "abbreviation": listed.abbreviation,
        }
        after = replace(street, **{name: value for name, value in names.items() if value is not None})
        self._streets[code] = before, after
        return after != street

    def _record_change(self, before: Struct | None, after: Struct) -> bool:
        if before is None:
            self._new.append(after)
        elif before != after:
            self._changed.append((before, after))
        return before != after

    @property
    def new_records(self) -> list[Struct]:
        return [*(street for before, street in self._streets.values() if before is None), *self._new]

    @property
    def changed_records(self) -> list[tuple[Struct, Struct]]:
        named = ((before, after) for before, after in self._streets.values() if before is not None and before != after)
        return [*named, *self._changed]


def _stored_name(before: Community | Street | None, name: str) -> str:
    """The name as it is stored where it is the same, so that another spelling is no change."""
    return before.name if before and is_same_name(before.name, name) else name
