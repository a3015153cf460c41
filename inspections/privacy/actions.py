"""Erases texts and names from a hazard and its history; a new line records who did it, without the erased text."""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Annotated, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from inspections.accounts.people import Person
from inspections.change import Change
from inspections.errors import IdConflict, IdTaken, Invalid, differing
from inspections.field_types import Line, Words
from inspections.hazards.history import ERASE, ERASED, ErasedFields, NewLine, append_history, comparable, erased, texts
from inspections.hazards.records import Entry, Hazard, Party
from inspections.places.communities import place_key
from inspections.remediation.actions.reporting import facts_of
from inspections.remediation.actions.steps import visible
from inspections.remediation.repository import RemediationRepository

_KEPT_OF = {
    "description": "description",
    "place": "place",
    "method": "fix_method",
    "fixed_on_spot.method": "fix_method",
    "on_behalf_of": "fixed_by",
}
"""Maps the path of a fact to the field of the hazard that contains the same text."""
_RECORDS = ("extension", "suspension", "supervision", "major", "transfer", "evaluation")
_PARTY_NAME, _PARTY_PHONE = "responsible_party.name", "responsible_party.phone"


class Erasure(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The request to erase `fields` of the history lines `entries`, or of all lines and of the hazard itself.

    A field is the path of a fact or a part of it: `responsible_party`, `name`, `responsible_party.name`.
    """

    id: UUID
    fields: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=50)]
    reason: Words
    entries: Annotated[tuple[UUID, ...], Meta(max_length=500)] = ()


class Written(NamedTuple):
    """The line that records the erasure. `repeated`: the same request had made it before."""

    line: Entry
    repeated: bool


def erase(
    repository: RemediationRepository, person: Person, hazard_id: UUID, erasure: Erasure, now: datetime
) -> Change[Written]:
    """Erases texts from a hazard and its history. Raises Missing, IdConflict, IdTaken, Invalid.

    The hazard's `version` is unchanged, so steps prepared before remain applicable.
    """
    earlier = repository.entry(erasure.id)
    if earlier is not None and (earlier.by, earlier.hazard) == (person.username, hazard_id):
        return Change(_again(erasure, earlier))
    hazard = visible(repository, person, hazard_id, "hazard.erase")
    if earlier is not None:
        raise IdConflict(["hazard"]) if earlier.by == person.username else IdTaken
    found = _found(repository.history(hazard_id), erasure)
    cleared = _cleared(repository, hazard, erasure, found)
    _check(erasure, {path for _, its in found for path in its} | _paths_of(hazard, cleared))
    facts = {**facts_of(erasure), "erased": [ErasedFields(line.id, tuple(its)) for line, its in found]}
    after, said = append_history(
        repository, hazard, replace(cleared, updated_at=now), NewLine(erasure.id, ERASE, person.username, now, facts)
    )
    blanked = [(line, erased(line, its)) for line, its in found]
    return Change(Written(said, repeated=False), (said,), ((hazard, after), *blanked))


def _again(erasure: Erasure, earlier: Entry) -> Written:
    if earlier.step != ERASE:
        raise IdConflict(["id"])
    kept = comparable(earlier, facts_of(erasure)) | {"id": earlier.id}
    del kept["erased"]
    if fields := differing(msgspec.convert(kept, Erasure, strict=False), erasure, Erasure.__struct_fields__):
        raise IdConflict(fields)
    return Written(earlier, repeated=True)


def _means(field: str, path: str) -> bool:
    return f".{field}." in f".{path}."


def _meant(erasure: Erasure, path: str) -> bool:
    return any(_means(field, path) for field in erasure.fields)


def _found(lines: list[Entry], erasure: Erasure) -> list[tuple[Entry, dict[str, str]]]:
    """Returns the requested lines, each with its requested texts that are not erased yet. Raises Invalid."""
    if set(erasure.entries) - {line.id for line in lines}:
        raise Invalid(("entries", "不是该隐患的历史记录"))
    chosen = [line for line in lines if not erasure.entries or line.id in erasure.entries]
    found = [(line, _texts(line, erasure)) for line in chosen]
    return [(line, its) for line, its in found if its]


def _texts(line: Entry, erasure: Erasure) -> dict[str, str]:
    return {path: text for path, text in texts(line.facts).items() if text is not None and _meant(erasure, path)}


def _cleared(
    repository: RemediationRepository, hazard: Hazard, erasure: Erasure, found: list[tuple[Entry, dict[str, str]]]
) -> Hazard:
    """Returns the hazard without the erased texts. A username stays: it is no name, and it bars from the re-check."""

    def goes(path: str, text: str | None) -> bool:
        if text in {None, ERASED}:
            return False
        return any(its.get(path) == text for _, its in found) or (not erasure.entries and _meant(erasure, path))

    after = replace(hazard, responsible_party=_cleared_party(hazard, goes))
    for path, name in _KEPT_OF.items():
        text: str | None = getattr(hazard, name)
        if goes(path, text) and not (name == "fixed_by" and repository.person(text or "")):
            after = replace(after, **{name: ERASED})
    words = {text for _, its in found for text in its.values()}
    records = {name: _without(getattr(after, name), words) for name in _RECORDS}
    return replace(after, place_key=place_key(after.place), **records)


def _without(record: Struct | None, words: Collection[str]) -> Struct | None:
    """Returns a record that the hazard keeps of a step, such as its suspension, without these words."""
    if record is None:
        return None
    gone = {name: ERASED for name in record.__struct_fields__ if name != "by" and getattr(record, name) in words}
    return replace(record, **gone)


def _cleared_party(hazard: Hazard, goes: Callable[[str, str | None], bool]) -> Party | None:
    party = hazard.responsible_party
    if party is None:
        return None
    name = ERASED if goes(_PARTY_NAME, party.name) else party.name
    return replace(party, name=name, phone=None if goes(_PARTY_PHONE, party.phone) else party.phone)


def _paths_of(before: Hazard, after: Hazard) -> set[str]:
    """Returns the paths of the texts that were erased from the hazard itself."""
    lost = {path for path, name in _KEPT_OF.items() if getattr(before, name) != getattr(after, name)}
    return lost | ({_PARTY_NAME, _PARTY_PHONE} if before.responsible_party != after.responsible_party else set())


def _check(erasure: Erasure, lost: Collection[str]) -> None:
    """Raises Invalid for a field that names no text, or none that is still present."""
    errors = [
        (f"fields[{at}]", "没有可以删除的内容")
        for at, field in enumerate(erasure.fields)
        if not any(_means(field, path) for path in lost)
    ]
    if errors:
        raise Invalid(*errors)
