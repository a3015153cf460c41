"""Creates hazards from the lines of the old spreadsheet: all or none, and none twice."""

import re
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.policy import Scope
from inspections.change import Change
from inspections.errors import NotFound
from inspections.hazards.deadlines import fixing_term, manual_deadline_fields, policy_deadline_fields
from inspections.hazards.history import NewEntry, append_history, comparable_facts
from inspections.hazards.records import OPEN_STATES, Hazard, HistoryEntry, Party
from inspections.ledger.cells import read_point
from inspections.ledger.choices import STANDARD_WORDS
from inspections.ledger.columns import TITLES, has_no_field, kept_text
from inspections.ledger.legacy_import import OldLine, ParsedLedger, clean_old_line
from inspections.ledger.repository import LedgerRepository
from inspections.office.categories import Category, Priority
from inspections.remediation.actions.reporting import new_hazard
from inspections.remediation.actions.step_context import update_clocks
from inspections.remediation.phone_clocks import sent_facts, settle_time
from inspections.remediation.steps import Report
from inspections.table_import import MAX_LISTED_ERRORS, InvalidLines, LineError

SOURCE = "ledger"
_OWN_NUMBER = re.compile(r"[A-Za-z0-9]{1,12}-\d{4}-\d{6}")
_LAST = "\U0010ffff"


class LedgerImportResult(Struct, frozen=True):
    """The numbers of lines that became hazards, and of those imported before. `applied`: they are stored.

    `aside`: titles of columns without a field, which are stored in the history. `notes`: how cells were read, where a
    person may have meant it otherwise.
    """

    applied: bool
    lines: int
    new: int
    already: int
    wrong: int
    errors: list[LineError]
    aside: list[str]
    notes: list[str]


def preview_import(repository: LedgerRepository, reach: Scope, ledger: ParsedLedger) -> LedgerImportResult:
    """Returns the result that an import would have; nothing is stored."""
    fresh, errors = _split_lines(repository, reach, ledger)
    again = len(ledger.lines) - len(fresh) - len(errors)
    shown = [*ledger.errors, *errors][:MAX_LISTED_ERRORS]
    wrong = ledger.wrong + len(errors)
    return LedgerImportResult(False, ledger.count, len(fresh), again, wrong, shown, ledger.aside, ledger.notes)  # noqa: FBT003  # the Struct names the fields


def import_ledger(
    repository: LedgerRepository, by: str, reach: Scope, ledger: ParsedLedger, now: datetime
) -> Change[LedgerImportResult]:
    """Creates a hazard per new line. Raises InvalidLines where any line has an error."""
    fresh, errors = _split_lines(repository, reach, ledger)
    if wrong := ledger.wrong + len(errors):
        raise InvalidLines([*ledger.errors, *errors][:MAX_LISTED_ERRORS], wrong)
    new: list[Struct] = []
    for line in sorted(fresh, key=_number_order):
        new += _build_case(repository, by, line, now)
    again = ledger.count - len(fresh)
    answer = LedgerImportResult(True, ledger.count, len(fresh), again, 0, [], ledger.aside, ledger.notes)  # noqa: FBT003  # as above
    return Change(answer, tuple(new))


def _split_lines(
    repository: LedgerRepository, reach: Scope, ledger: ParsedLedger
) -> tuple[list[OldLine], list[LineError]]:
    """The lines that are new, and the errors of others that only the stored data show."""
    fresh: list[OldLine] = []
    errors: list[LineError] = []
    for where, line in ledger.lines:
        earlier = repository.history_entry(line.id)
        if not reach.covers_community(line.community):
            errors.append(LineError(where, TITLES["community"][0], "不在您的管理范围内"))
        elif earlier is None:
            cleaned, refused = clean_old_line(line)
            if refused:
                field, words = refused[0]
                errors.append(LineError(where, TITLES[field][0], words))
            else:
                fresh.append(cleaned)
        elif differing := _differences(earlier, line):
            columns = "、".join(TITLES[field][0] if field in TITLES else field for field in differing)
            errors.append(LineError(where, TITLES["number"][0], f"该编号已导入过，内容不同：{columns}"))
    return fresh, errors


def _line_facts(line: OldLine) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(line)
    return {name: value for name, value in facts.items() if name != "id" and value not in (None, {})}


def _differences(earlier: HistoryEntry, line: OldLine) -> list[str]:
    """The fields in which a line differs from the stored one, which was stored as the line says it, or cleaned.

    A second column for a field, which an earlier import left out, makes no difference.
    """
    facts, cleaned = _line_facts(line), _line_facts(clean_old_line(line)[0])
    before = _without_second_columns(sent_facts(comparable_facts(earlier, facts)))
    facts, cleaned = _without_second_columns(facts), _without_second_columns(cleaned)
    names = before.keys() | facts.keys()
    return sorted(name for name in names if before.get(name) not in (facts.get(name), cleaned.get(name)))


def _number_order(line: OldLine) -> str:
    """Sorts lines by numbers of our own form, so that they get their numbers in that order; others come last."""
    return line.number if line.number and _OWN_NUMBER.fullmatch(line.number) else _LAST


def _without_second_columns(facts: dict[str, Any]) -> dict[str, Any]:
    other: dict[str, str] = facts.get("other", {})
    return {**facts, "other": {title: text for title, text in other.items() if has_no_field(title)}}


def _build_case(repository: LedgerRepository, by: str, line: OldLine, now: datetime) -> tuple[Hazard, HistoryEntry]:
    """A hazard and its history; nobody is notified. An open one keeps its deadline or gets one by policy from today."""
    community, category = repository.community(line.community), repository.category(line.category)
    if community is None or category is None:
        raise NotFound("community")
    report = Report(line.id, line.community, line.category, line.description, line.place, line.found_at, line.quantity)
    party = Party("organisation", line.party, line.phone) if line.party else None
    standard = STANDARD_WORDS.get(kept_text(line.other, "vehicle_standard") or "")
    point = read_point(kept_text(line.other, "point"))
    report = replace(report, responsible_party=party, point=point, vehicle_standard=standard)
    of = community, category
    settled, facts = settle_time(line.found_at, now), _line_facts(line)
    if settled.kept != line.found_at:  # as for a phone: found when it was reported
        report = replace(report, found_at=line.reported_at)
        facts |= {"found_at_sent": facts["found_at"], "found_at_difference_s": settled.difference_s}
        facts["found_at"] = msgspec.to_builtins(line.reported_at)
    new = new_hazard(repository, report, by, SOURCE, of, line.reported_at)
    new = replace(new, updated_at=now, **_state_fields(line, new))
    hazard = update_clocks(None, _with_deadline(new, line, category, repository, now), repository, now)
    return append_history(repository, None, hazard, NewEntry(line.id, "import", by, now, facts))


def _state_fields(line: OldLine, new: Hazard) -> dict[str, Any]:
    names = ("state", "outcome", "severity", "accepted_at", "submitted_at", "closed_at", "quantity_done")
    found = {name: getattr(line, name) for name in names}
    return {
        **found,
        "priority": new.priority or Priority.NORMAL,
        "major_proposed": False,
        "fix_method": line.method,
        "quantity_claimed": line.quantity_done,
        "stage_term": None,
    }


def _with_deadline(
    hazard: Hazard, line: OldLine, category: Category, repository: LedgerRepository, now: datetime
) -> Hazard:
    if line.due_at is not None:
        return replace(hazard, **manual_deadline_fields(hazard, line.due_at, line.accepted_at or line.reported_at))
    if hazard.state not in OPEN_STATES:
        return hazard
    return replace(
        hazard, **policy_deadline_fields(hazard, fixing_term(category, hazard.severity), now, repository.calendar)
    )
