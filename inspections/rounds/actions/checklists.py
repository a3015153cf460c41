"""Edits, publishes and retires checklists.

A checklist has at most one draft, which is its newest version, and at most one published version.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct
from msgspec.structs import replace

from inspections.accounts.people import Person
from inspections.change import Change
from inspections.errors import ChecklistVersionConflict, InvalidInput, NotFound, WrongChecklistState
from inspections.field_types import Name
from inspections.request_texts import clean_texts
from inspections.rounds.checklists import Checklist, ChecklistState, ListCode, Section, checklist_errors
from inspections.rounds.repository import RoundRepository

FILE_FORMAT = "anxun-checklist-1"


class ChecklistFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A checklist as one readable file, to be edited elsewhere and passed on to other offices."""

    code: ListCode
    name: Name
    sections: Annotated[tuple[Section, ...], Meta(min_length=1, max_length=50)]
    format: Literal["anxun-checklist-1"] = FILE_FORMAT


class ChecklistDraft(ChecklistFile, frozen=True, forbid_unknown_fields=True):
    """The request to save a draft: a file, and the `revision` of the draft that it replaces; 0 if there is none."""

    revision: Annotated[int, Meta(ge=0, le=1_000_000)] = 0


class SavedDraft(NamedTuple):
    """The saved draft. `is_new`: it begins a version."""

    draft: Checklist
    is_new: bool


def save_draft(repository: RoundRepository, person: Person, sent: ChecklistDraft, now: datetime) -> Change[SavedDraft]:
    """Saves the draft of a checklist, or begins one; a repeated request changes nothing.

    Raises ChecklistVersionConflict, InvalidInput.
    """
    file = clean_texts(sent)
    newest = next(iter(repository.checklist_versions(file.code)), None)
    draft = newest if newest and newest.state is ChecklistState.DRAFT else None
    if draft and (draft.name, draft.sections) == (file.name, file.sections):
        return Change(SavedDraft(draft, is_new=False))
    if sent.revision != (draft.revision if draft else 0):
        raise ChecklistVersionConflict(sent.revision, draft.revision if draft else 0)
    if errors := checklist_errors(file.sections, {each.code: each for each in repository.categories()}):
        raise InvalidInput(*errors)
    if draft:
        changes = {"name": file.name, "sections": file.sections, "edited_by": person.username, "edited_at": now}
        after = replace(draft, revision=draft.revision + 1, **changes)
        return Change(SavedDraft(after, is_new=False), changed=((draft, after),))
    version = newest.version + 1 if newest else 1
    made = Checklist(file.code, version, file.name, ChecklistState.DRAFT, file.sections, 1, person.username, now)
    return Change(SavedDraft(made, is_new=True), (made,))


def publish_checklist(
    repository: RoundRepository, person: Person, code: str, version: int, now: datetime
) -> Change[Checklist]:
    """Publishes a draft and retires the version before. A repeated request changes nothing.

    Raises NotFound, WrongChecklistState.
    """
    versions = repository.checklist_versions(code)
    draft = _find_version(versions, version)
    if draft.state is ChecklistState.PUBLISHED:
        return Change(draft)
    if draft.state is ChecklistState.RETIRED:
        raise WrongChecklistState(draft.state)
    after = _change_state(draft, ChecklistState.PUBLISHED, person, now)
    before = [each for each in versions if each.state is ChecklistState.PUBLISHED]
    retired = [(each, _change_state(each, ChecklistState.RETIRED, person, now)) for each in before]
    return Change(after, changed=((draft, after), *retired))


def retire_checklist(
    repository: RoundRepository, person: Person, code: str, version: int, now: datetime
) -> Change[Checklist]:
    """Retires a published version: no round is started with it any more. A repeated request changes nothing.

    Raises NotFound, WrongChecklistState.
    """
    before = _find_version(repository.checklist_versions(code), version)
    if before.state is ChecklistState.RETIRED:
        return Change(before)
    if before.state is ChecklistState.DRAFT:
        raise WrongChecklistState(before.state)
    after = _change_state(before, ChecklistState.RETIRED, person, now)
    return Change(after, changed=((before, after),))


def _find_version(versions: Sequence[Checklist], version: int) -> Checklist:
    found = next((each for each in versions if each.version == version), None)
    if found is None:
        raise NotFound("checklist")
    return found


def _change_state(checklist: Checklist, state: ChecklistState, person: Person, now: datetime) -> Checklist:
    return replace(checklist, state=state, edited_by=person.username, edited_at=now)
