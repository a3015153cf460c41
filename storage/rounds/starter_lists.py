"""The checklists that every office begins with, from the files in `lists/`. An office may edit or retire them."""

from datetime import UTC, datetime
from importlib.resources import files

import msgspec

from inspections.rounds.actions.checklists import ChecklistFile
from inspections.rounds.checklists import Checklist, ChecklistState

_WRITTEN_AT = datetime(2026, 12, 1, tzinfo=UTC)


def starter_lists() -> list[Checklist]:
    """Returns the first version of each list, published by nobody."""
    found = sorted(files("storage.rounds").joinpath("lists").iterdir(), key=lambda file: file.name)
    return [_first_version(msgspec.json.decode(file.read_bytes(), type=ChecklistFile)) for file in found]


def _first_version(file: ChecklistFile) -> Checklist:
    return Checklist(file.code, 1, file.name, ChecklistState.PUBLISHED, file.sections, 1, None, _WRITTEN_AT)
