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
from inspections.errors import IdConflict, IdOwnerConflict, InvalidInput
from inspections.field_types import LongText, Name
from inspections.hazards.history import (
    ERASE_STEP,
    ERASED_TEXT,
    ErasedFields,
    NewEntry,
    append_history,
    comparable_facts,
    erasable_texts,
    erase_texts,
)
from inspections.hazards.records import Hazard, HistoryEntry, Party
from inspections.places.communities import place_key
from inspections.remediation.actions.reporting import history_facts
from inspections.remediation.actions.steps import get_visible_hazard
from inspections.remediation.repository import RemediationRepository
from inspections.request_texts import clean_texts, differing_fields

_HAZARD_FIELD_BY_PATH = {
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
    fields: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=50)]
    reason: LongText
    entries: Annotated[tuple[UUID, ...], Meta(max_length=500)] = ()


class ErasureResult(NamedTuple):
    """The line that records the erasure. `repeated`: the same request had made it before."""

    line: HistoryEntry
    repeated: bool


def erase_hazard_texts(
    repository: RemediationRepository, person: Person, hazard_id: UUID, erasure: Erasure, now: datetime
) -> Change[ErasureResult]:
    """Erases texts from a hazard and its history. Raises NotFound, IdConflict, IdOwnerConflict, InvalidInput.

    The hazard's `version` is unchanged, so steps prepared before remain applicable.
    """
    earlier = repository.history_entry(erasure.id)
    if earlier is not None and (earlier.by, earlier.hazard) == (person.username, hazard_id):
        return Change(_answer_repeated_request(erasure, earlier))
    hazard = get_visible_hazard(repository, person, hazard_id, "hazard.erase")
    if earlier is not None:
        raise IdConflict(["hazard"]) if earlier.by == person.username else IdOwnerConflict
    erasure = clean_texts(erasure)
    found = _texts_to_erase(repository.history(hazard_id), erasure)
    cleared = _clear_hazard(repository, hazard, erasure, found)
    _check_fields(erasure, {path for _, its in found for path in its} | _cleared_paths(hazard, cleared))
    facts = {**history_facts(erasure), "erased": [ErasedFields(line.id, tuple(its)) for line, its in found]}
    after, entry = append_history(
        repository,
        hazard,
        replace(cleared, updated_at=now),
        NewEntry(erasure.id, ERASE_STEP, person.username, now, facts),
    )
    blanked = [(line, erase_texts(line, its)) for line, its in found]
    return Change(ErasureResult(entry, repeated=False), (entry,), ((hazard, after), *blanked))


def _answer_repeated_request(erasure: Erasure, earlier: HistoryEntry) -> ErasureResult:
    if earlier.step != ERASE_STEP:
        raise IdConflict(["id"])
    kept = comparable_facts(earlier, history_facts(erasure)) | {"id": earlier.id}
    del kept["erased"]
    if fields := differing_fields(msgspec.convert(kept, Erasure, strict=False), erasure, Erasure.__struct_fields__):
        raise IdConflict(fields)
    return ErasureResult(earlier, repeated=True)


def _field_matches(field: str, path: str) -> bool:
    return f".{field}." in f".{path}."


def _is_requested(erasure: Erasure, path: str) -> bool:
    return any(_field_matches(field, path) for field in erasure.fields)


def _texts_to_erase(lines: list[HistoryEntry], erasure: Erasure) -> list[tuple[HistoryEntry, dict[str, str]]]:
    """Returns the requested lines, each with its requested texts that are not erased yet. Raises InvalidInput."""
    if set(erasure.entries) - {line.id for line in lines}:
        raise InvalidInput(("entries", "不是该隐患的历史记录"))
    chosen = [line for line in lines if not erasure.entries or line.id in erasure.entries]
    found = [(line, _requested_texts(line, erasure)) for line in chosen]
    return [(line, its) for line, its in found if its]


def _requested_texts(line: HistoryEntry, erasure: Erasure) -> dict[str, str]:
    return {
        path: text
        for path, text in erasable_texts(line.facts).items()
        if text is not None and _is_requested(erasure, path)
    }


def _clear_hazard(
    repository: RemediationRepository,
    hazard: Hazard,
    erasure: Erasure,
    found: list[tuple[HistoryEntry, dict[str, str]]],
) -> Hazard:
    """Returns the hazard without the erased texts. A username stays: it is no name, and it bars from the re-check."""

    def must_erase(path: str, text: str | None) -> bool:
        if text in {None, ERASED_TEXT}:
            return False
        return any(its.get(path) == text for _, its in found) or (not erasure.entries and _is_requested(erasure, path))

    words = {text for _, its in found for text in its.values()}

    def is_gone(path: str, text: str | None) -> bool:
        """Tells whether a name or number of the party is erased, under whatever path a line had it."""
        return must_erase(path, text) or (text != ERASED_TEXT and text in words)

    after = replace(hazard, responsible_party=_clear_party(hazard, is_gone))
    for path, name in _HAZARD_FIELD_BY_PATH.items():
        text: str | None = getattr(hazard, name)
        if must_erase(path, text) and not (name == "fixed_by" and repository.person(text or "")):
            after = replace(after, **{name: ERASED_TEXT})
    records = {name: _erase_words(getattr(after, name), words) for name in _RECORDS}
    return replace(after, place_key=place_key(after.place), **records)


def _erase_words(record: Struct | None, words: Collection[str]) -> Struct | None:
    """Returns a record that the hazard keeps of a step, such as its suspension, without these words."""
    if record is None:
        return None
    gone = {name: ERASED_TEXT for name in record.__struct_fields__ if name != "by" and getattr(record, name) in words}
    return replace(record, **gone)


def _clear_party(hazard: Hazard, must_erase: Callable[[str, str | None], bool]) -> Party | None:
    party = hazard.responsible_party
    if party is None:
        return None
    name = ERASED_TEXT if must_erase(_PARTY_NAME, party.name) else party.name
    return replace(party, name=name, phone=None if must_erase(_PARTY_PHONE, party.phone) else party.phone)


def _cleared_paths(before: Hazard, after: Hazard) -> set[str]:
    """Returns the paths of the texts that were erased from the hazard itself."""
    lost = {path for path, name in _HAZARD_FIELD_BY_PATH.items() if getattr(before, name) != getattr(after, name)}
    return lost | ({_PARTY_NAME, _PARTY_PHONE} if before.responsible_party != after.responsible_party else set())


def _check_fields(erasure: Erasure, lost: Collection[str]) -> None:
    """Raises InvalidInput for a field that names no text, or none that is still present."""
    errors = [
        (f"fields[{at}]", "没有可以删除的内容")
        for at, field in enumerate(erasure.fields)
        if not any(_field_matches(field, path) for path in lost)
    ]
    if errors:
        raise InvalidInput(*errors)
